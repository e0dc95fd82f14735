#define _GNU_SOURCE
#include "carriers.h"

#include <string.h>

/* J-IM: version, mask, command, length (4 bytes, big-endian), body; with mask bit 0x20 a number before the command. */

#define VERSION 0x01
#define MASK 0x51
#define HAS_NUMBER 0x20

static size_t frames_wrap(uint8_t *to, int command, const void *body, size_t length, bool masked) {
    (void)masked;
    const uint8_t head[] = {VERSION, MASK, command, length >> 24, length >> 16, length >> 8, length};
    memcpy(to, head, sizeof head);
    memcpy(to + sizeof head, body, length);
    return sizeof head + length;
}

static ssize_t frames_next(uint8_t *bytes, size_t length, struct heard *heard) {
    if (length < 7) return 0;
    size_t head = bytes[1] & HAS_NUMBER ? 11 : 7;
    if (bytes[0] != VERSION) return -1;
    if (length < head) return 0;
    const uint8_t *at = bytes + head - 4;
    size_t body = (size_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
    if (body > 1 << 24) return -1;
    if (length < head + body) return 0;
    *heard = (struct heard){MESSAGE, bytes[head - 5], bytes + head, body};
    return head + body;
}

/* WebSocket, RFC 6455, section 5: whole text frames, a client's masked. */

#define FINAL_TEXT 0x81
#define LONG 126
#define VERY_LONG 127

static size_t sockets_wrap(uint8_t *to, int command, const void *body, size_t length, bool masked) {
    static uint32_t chance = 0x9e3779b9;
    (void)command;
    uint8_t *at = to;
    const uint8_t *from = body;
    *at++ = FINAL_TEXT;
    if (length < LONG) *at++ = length;
    else *at++ = LONG, *at++ = length >> 8, *at++ = length;
    if (!masked) {
        memcpy(at, body, length);
        return at + length - to;
    }
    to[1] |= 0x80;
    chance = chance * 1664525 + 1013904223;
    uint8_t key[4];
    memcpy(key, &chance, 4);
    memcpy(at, key, 4);
    at += 4;
    for (size_t i = 0; i < length; i++) at[i] = from[i] ^ key[i & 3];
    return at + length - to;
}

static ssize_t sockets_next(uint8_t *bytes, size_t length, struct heard *heard) {
    if (length < 2) return 0;
    size_t body = bytes[1] & 127, head = 2, mask = bytes[1] & 0x80 ? 4 : 0;
    size_t wide = body == LONG ? 2 : body == VERY_LONG ? 8 : 0;
    if (length < head + wide + mask) return 0;
    if (wide) body = 0;
    for (size_t i = 0; i < wide; i++) body = body << 8 | bytes[head++];
    if (body > 1 << 24) return -1;
    if (length < head + mask + body) return 0;
    uint8_t *at = bytes + head + mask;
    if (mask)
        for (size_t i = 0; i < body; i++) at[i] ^= bytes[head + (i & 3)];
    int code = bytes[0] & 15;
    *heard = (struct heard){code == 9 ? PING : code == 8 ? END : MESSAGE, -1, at, body};
    if (code == 10) heard->length = 0; /* a pong says nothing */
    return head + mask + body;
}

/* JSON objects with nothing between them. */

static size_t objects_wrap(uint8_t *to, int command, const void *body, size_t length, bool masked) {
    (void)command, (void)masked;
    memcpy(to, body, length);
    return length;
}

static ssize_t objects_next(uint8_t *bytes, size_t length, struct heard *heard) {
    size_t begin = 0;
    int depth = 0;
    bool quoted = false;
    while (begin < length && (bytes[begin] == '\n' || bytes[begin] == '\r' || bytes[begin] == ' ')) begin++;
    if (begin < length && bytes[begin] != '{') return -1;
    for (size_t at = begin; at < length; at++) {
        uint8_t one = bytes[at];
        if (quoted) {
            if (one == '\\') at++;
            else if (one == '"') quoted = false;
        } else if (one == '"') quoted = true;
        else if (one == '{') depth++;
        else if (one == '}' && !--depth) {
            *heard = (struct heard){MESSAGE, -1, bytes + begin, at + 1 - begin};
            return at + 1;
        }
    }
    return 0;
}

const struct carrier FRAMES = {"frames", false, frames_wrap, frames_next};
const struct carrier SOCKETS = {"websocket", true, sockets_wrap, sockets_next};
const struct carrier OBJECTS = {"objects", false, objects_wrap, objects_next};

const struct carrier *carrier_named(const char *name) {
    const struct carrier *all[] = {&FRAMES, &SOCKETS, &OBJECTS};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(all[i]->name, name)) return all[i];
    return NULL;
}

#define _GNU_SOURCE
#include "crowd.h"
#include "measure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM (512 * 1024) /* for what is read in one go */

struct client *clients;
uint32_t clients_ready;
uint64_t clients_closed, network_errors;
void (*on_message)(struct client *client, struct heard *heard);
void (*on_ready)(struct client *client);

static int poller = -1;
static uint8_t room[ROOM];

static void watch_out(struct client *client, bool wanted) {
    if (client->wants_out == wanted) return;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = client};
    epoll_ctl(poller, EPOLL_CTL_MOD, client->socket, &event);
    client->wants_out = wanted;
}

void client_close(struct client *client, bool is_planned) {
    if (client->state == CLOSED) return;
    if (client->state == READY) clients_ready--;
    close(client->socket);
    client->state = CLOSED;
    client->in_length = client->out_length = 0;
    if (!is_planned) clients_closed++;
}

static void failed(struct client *client) {
    network_errors++;
    client_close(client, false);
}

static void grow(uint8_t **bytes, uint32_t *has, uint32_t needs) {
    if (needs <= *has) return;
    *has = needs + needs / 2;
    *bytes = realloc(*bytes, *has);
    if (!*bytes) die("out of memory");
}

static void put(struct client *client, const uint8_t *bytes, size_t length) {
    if (client->state == CLOSED) return;
    if (!client->out_length) {
        ssize_t sent = send(client->socket, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            failed(client);
            return;
        }
        if (sent > 0) bytes += sent, length -= sent;
        if (!length) return;
    }
    grow(&client->out, &client->out_room, client->out_length + length);
    memcpy(client->out + client->out_length, bytes, length);
    client->out_length += length;
    watch_out(client, true);
}

static void flush(struct client *client) {
    ssize_t sent = send(client->socket, client->out, client->out_length, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN) failed(client);
        return;
    }
    memmove(client->out, client->out + sent, client->out_length -= sent);
    if (!client->out_length) watch_out(client, false);
}

void client_say(struct client *client, int command, const char *text, size_t length) {
    static uint8_t bytes[LONGEST_MESSAGE + LONGEST_HEAD];
    put(client, bytes, client->script->carrier->wrap(bytes, command, text, length, true));
}

/* Go on with the script up to the next message it waits for. */
static void greet(struct client *client) {
    static char text[LONGEST_MESSAGE];
    const struct script *script = client->script;
    client->state = GREETING;
    for (; client->step < script->count && !script->steps[client->step].awaits; client->step++) {
        const struct step *step = &script->steps[client->step];
        client_say(client, step->command, text, script_fill(text, step->text, client->number));
    }
    if (client->step == script->count && client->state == GREETING) {
        client->state = READY;
        clients_ready++;
        if (on_ready) on_ready(client);
    }
}

static void connected(struct client *client, const struct where *where) {
    static char head[4096], path[LONGEST_MESSAGE];
    if (!client->script->carrier->upgrades) {
        greet(client);
        return;
    }
    size_t length = script_fill(path, client->script->path, client->number);
    if (length > 2048) die("a path of %zu bytes", length);
    int count = snprintf(head, sizeof head,
        "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        path, where->host, where->port);
    client->state = UPGRADING;
    put(client, (uint8_t *)head, count);
}

static void hear(struct client *client, struct heard *heard) {
    if (heard->kind == END) {
        client_close(client, false);
    } else if (heard->kind == PING) {
        uint8_t pong[LONGEST_HEAD + 125];
        size_t length = client->script->carrier->wrap(pong, 0, heard->body, heard->length & 127, true);
        pong[0] = 0x8a;
        put(client, pong, length);
    } else if (client->state != GREETING) {
        on_message(client, heard);
    } else {
        const char *wanted = client->script->steps[client->step].text;
        if (!memmem(heard->body, heard->length, wanted, strlen(wanted))) return;
        client->step++;
        greet(client);
    }
}

static size_t consume(struct client *client, uint8_t *bytes, size_t length) {
    size_t used = 0;
    if (client->state == UPGRADING) {
        uint8_t *end = memmem(bytes, length, "\r\n\r\n", 4);
        if (!end) return 0;
        if (length < 12 || memcmp(bytes + 8, " 101", 4)) {
            failed(client);
            return 0;
        }
        used = end + 4 - bytes;
        greet(client);
    }
    while (client->state >= GREETING && client->state < CLOSED && used < length) { /* not if it has begun anew */
        struct heard heard;
        ssize_t taken = client->script->carrier->next(bytes + used, length - used, &heard);
        if (taken < 0) failed(client);
        if (taken <= 0) break;
        hear(client, &heard);
        used += taken;
    }
    return used;
}

static void readable(struct client *client) {
    uint32_t before = client->in_length;
    memcpy(room, client->in, before);
    client->in_length = 0;
    ssize_t got = recv(client->socket, room + before, ROOM - before, 0);
    if (got < 0 && errno == EAGAIN) {
        client->in_length = before;
        return;
    }
    if (got <= 0) {
        if (got < 0) network_errors++;
        client_close(client, false);
        return;
    }
    uint32_t length = before + got, used = consume(client, room, length);
    if (client->state < UPGRADING || client->state == CLOSED || used == length) return;
    if (length - used == ROOM) die("a message of more than %d bytes", ROOM);
    grow(&client->in, &client->in_room, length - used);
    memcpy(client->in, room + used, client->in_length = length - used);
}

static const struct where *place;

void crowd_make(uint32_t count, uint32_t first, const struct script *scripts, int script_count, uint32_t window) {
    poller = epoll_create1(0);
    clients = calloc(count, sizeof *clients);
    uint64_t *rings = calloc((size_t)count * window, sizeof *rings);
    if (!clients || !rings || poller < 0) die("out of memory");
    for (uint32_t i = 0; i < count; i++) {
        clients[i].number = first + i;
        clients[i].script = &scripts[i % script_count];
        clients[i].asked = rings + (size_t)i * window;
    }
}

void crowd_open(struct client *client, const struct where *where) {
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET};
    place = where;
    client->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (client->socket < 0) die("socket: %s", strerror(errno));
    setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (where->sources > 1) {
        setsockopt(client->socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        address.sin_addr.s_addr = htonl(0x7f000001u + 100 + client->number % where->sources);
        if (bind(client->socket, (void *)&address, sizeof address)) die("bind: %s", strerror(errno));
    }
    address.sin_port = htons(where->port);
    inet_pton(AF_INET, where->host, &address.sin_addr);
    client->state = CONNECTING;
    client->step = 0;
    client->wants_out = true;
    client->began = now();
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = client};
    if (connect(client->socket, (void *)&address, sizeof address) && errno != EINPROGRESS) failed(client);
    else epoll_ctl(poller, EPOLL_CTL_ADD, client->socket, &event);
}

void crowd_connect(uint32_t count, const struct where *where, double patience) {
    uint32_t opened = 0;
    uint64_t end = now() + (uint64_t)(patience * 1e9);
    while (clients_ready + clients_closed < count && now() < end) {
        while (opened < count && opened - clients_ready - clients_closed < where->burst)
            crowd_open(&clients[opened++], where);
        crowd_turn(5);
    }
    if (clients_ready < count)
        die("%u of %u clients became ready, %llu were cut, %llu errors", clients_ready, count,
            (unsigned long long)clients_closed, (unsigned long long)network_errors);
}

void crowd_turn(int timeout_ms) {
    static struct epoll_event events[1024];
    int count = epoll_wait(poller, events, 1024, timeout_ms);
    for (int i = 0; i < count; i++) {
        struct client *client = events[i].data.ptr;
        uint32_t what = events[i].events;
        if (client->state == CLOSED) continue;
        if (client->state == CONNECTING) {
            if (what & (EPOLLERR | EPOLLHUP)) failed(client);
            else if (what & EPOLLOUT) watch_out(client, false), connected(client, place);
            continue;
        }
        if (what & (EPOLLIN | EPOLLERR | EPOLLHUP)) readable(client);
        if (client->state != CLOSED && client->out_length && what & EPOLLOUT) flush(client);
    }
}

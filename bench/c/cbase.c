/* The physical limit: a chat server in C, one thread, no checks, one send() for each message and receiver.
 *
 *   cbase PORT [LOG]    with LOG, messages are appended there and synced before they are acknowledged or delivered: all
 *                       that came in one turn of the loop together
 *
 * It knows of a message what it must.  J-IM's commands 5 (or the upgrade's query): a login, every user is in the one
 * group; 7: taken for granted; 11: chat, to all (chatType 1) or one; 13: heartbeat.  FastIM's rooms, all one.
 * easyim's private messages in JSON.  For measurements only: its WebSockets have one fixed accept key. */
#define _GNU_SOURCE
#include "carriers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 20000
#define ROOM (256 * 1024)

struct peer {
    int socket, place, user; /* place: in the group */
    bool is_open;            /* its upgrade is done, or it needs none */
    bool is_in_room;         /* FastIM: whatever it says is for all */
    const struct carrier *carrier;
    uint8_t *in, *out;
    uint32_t in_length, out_length;
};

/* What waits for the log to be synced. */
struct saved {
    struct peer *from;
    uint8_t *body;
    size_t length;
};

static struct peer *peers[MOST + 64], *users[MOST + 64], *group[MOST + 64];
static int poller, group_size, log_file = -1;
static uint8_t room[ROOM];
static struct saved *saved;
static size_t saved_count, saved_room;

static void watch(struct peer *peer, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = peer->socket};
    epoll_ctl(poller, EPOLL_CTL_MOD, peer->socket, &event);
}

static void drop(struct peer *peer) {
    close(peer->socket);
    peers[peer->socket] = NULL;
    if (peer->place >= 0) {
        group[peer->place] = group[--group_size];
        group[peer->place]->place = peer->place;
    }
    if (peer->user >= 0 && users[peer->user] == peer) users[peer->user] = NULL;
    for (size_t i = 0; i < saved_count; i++)
        if (saved[i].from == peer) saved[i].from = NULL;
    free(peer->in);
    free(peer->out);
    free(peer);
}

static void put(struct peer *peer, const void *bytes, size_t length) {
    if (!peer->out_length) {
        ssize_t sent = send(peer->socket, bytes, length, MSG_NOSIGNAL);
        if (sent < 0) sent = 0;
        if ((size_t)sent == length) return;
        bytes = (const uint8_t *)bytes + sent, length -= sent;
        watch(peer, EPOLLIN | EPOLLOUT);
    }
    peer->out = realloc(peer->out, peer->out_length + length);
    memcpy(peer->out + peer->out_length, bytes, length);
    peer->out_length += length;
}

static void flush(struct peer *peer) {
    ssize_t sent = send(peer->socket, peer->out, peer->out_length, MSG_NOSIGNAL);
    if (sent < 0) return;
    memmove(peer->out, peer->out + sent, peer->out_length -= sent);
    if (peer->out_length) return;
    free(peer->out);
    peer->out = NULL;
    watch(peer, EPOLLIN);
}

static void reply(struct peer *peer, int command, const char *text) {
    uint8_t bytes[512];
    put(peer, bytes, peer->carrier->wrap(bytes, command, text, strlen(text), false));
}

static int number_after(const uint8_t *body, size_t length, const char *key) {
    const uint8_t *found = memmem(body, length, key, strlen(key));
    return found ? atoi((const char *)found + strlen(key)) : -1;
}

static void login(struct peer *peer, int user) {
    if (user < 0 || user >= MOST) return;
    peer->user = user;
    users[user] = peer;
    if (peer->place < 0) group[peer->place = group_size++] = peer;
    reply(peer, 6, peer->is_in_room ? "{\"total\":0,\"list\":[]}" : "{\"code\":10007,\"command\":6,\"msg\":\"ok\"}");
}

static void tell_group(const uint8_t *body, size_t length) {
    static uint8_t bytes[2][ROOM / 2]; /* wrapped once for each carrier */
    size_t sizes[2] = {0};
    for (int i = 0; i < group_size; i++) {
        int which = group[i]->carrier == &SOCKETS;
        if (!sizes[which]) sizes[which] = group[i]->carrier->wrap(bytes[which], 11, body, length, false);
        put(group[i], bytes[which], sizes[which]);
    }
}

static void deliver(struct peer *peer, const uint8_t *body, size_t length) {
    static uint8_t bytes[ROOM];
    if (number_after(body, length, "\"chatType\":") == 1) tell_group(body, length);
    else {
        int user = number_after(body, length, "\"to\":\"u");
        struct peer *to = user >= 0 && user < MOST ? users[user] : NULL;
        if (to) put(to, bytes, to->carrier->wrap(bytes, 11, body, length, false));
    }
    if (peer) reply(peer, 12, "{\"code\":10000,\"command\":12,\"msg\":\"ok\"}");
}

static void save(struct peer *peer, const uint8_t *body, size_t length) {
    if (saved_count == saved_room) saved = realloc(saved, (saved_room = saved_room * 2 + 64) * sizeof *saved);
    uint8_t *copy = malloc(length);
    memcpy(copy, body, length);
    saved[saved_count++] = (struct saved){peer, copy, length};
}

static void sync_and_deliver(void) {
    static uint8_t pages[ROOM];
    size_t filled = 0;
    for (size_t i = 0; i < saved_count; i++) {
        if (filled + saved[i].length > sizeof pages) {
            if (write(log_file, pages, filled) < 0) perror("log"), exit(1);
            filled = 0;
        }
        memcpy(pages + filled, saved[i].body, saved[i].length);
        filled += saved[i].length;
    }
    if (write(log_file, pages, filled) < 0 || fdatasync(log_file)) perror("log"), exit(1);
    for (size_t i = 0; i < saved_count; i++) {
        deliver(saved[i].from, saved[i].body, saved[i].length);
        free(saved[i].body);
    }
    saved_count = 0;
}

/* FastIM: a message is text, and becomes JSON. */
static void room_message(struct peer *peer, const uint8_t *body, size_t length) {
    static char text[ROOM];
    int size = snprintf(text, sizeof text, "{\"groupId\":\"g\",\"userId\":\"u%d\",\"info\":\"%.*s\",\"ts\":1700000000000}",
                        peer->user, (int)length, (const char *)body);
    tell_group((const uint8_t *)text, size);
}

/* easyim: the first heartbeat is the login, and who speaks is sent its own message. */
static void easyim_message(struct peer *peer, const uint8_t *body, size_t length) {
    if (memmem(body, length, "\"msg_type\":4", 12)) {
        peer->user = number_after(body, length, "\"from_user_id\":\"");
        if (peer->user >= 0 && peer->user < MOST) users[peer->user] = peer;
        reply(peer, 0, "{\"msg_type\":4,\"content\":\"SUCCESS\"}");
        return;
    }
    int user = number_after(body, length, "\"to_user_id\":\"");
    if (user >= 0 && user < MOST && users[user]) put(users[user], body, length);
    put(peer, body, length);
}

static void message(struct peer *peer, int command, const uint8_t *body, size_t length) {
    if (peer->is_in_room) {
        room_message(peer, body, length);
        return;
    }
    if (peer->carrier == &OBJECTS) {
        easyim_message(peer, body, length);
        return;
    }
    if (command < 0) command = number_after(body, length, "\"cmd\":");
    if (command == 5) login(peer, number_after(body, length, "\"loginname\":\"u"));
    else if (command == 7) reply(peer, 8, "{\"code\":10011,\"command\":8,\"msg\":\"ok\"}");
    else if (command == 13) reply(peer, 13, "{\"command\":13,\"data\":{\"hbbyte\":-128}}");
    else if (command == 11 && log_file < 0) deliver(peer, body, length);
    else if (command == 11) save(peer, body, length);
}

/* Returns how many bytes it took, -1 if this is no client. */
static ssize_t take(struct peer *peer, uint8_t *bytes, size_t length) {
    static const char upgraded[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                   "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    size_t used = 0;
    if (!peer->carrier) {
        peer->carrier = *bytes == 'G' ? &SOCKETS : *bytes == '{' ? &OBJECTS : &FRAMES;
        peer->is_open = !peer->carrier->upgrades;
    }
    if (!peer->is_open) {
        uint8_t *end = memmem(bytes, length, "\r\n\r\n", 4);
        if (!end) return 0;
        put(peer, upgraded, sizeof upgraded - 1);
        peer->is_open = true;
        int user = number_after(bytes, end - bytes, "/group/chat/g/u");
        peer->is_in_room = user >= 0;
        login(peer, peer->is_in_room ? user : number_after(bytes, end - bytes, "username=u"));
        used = end + 4 - bytes;
    }
    while (used < length) {
        struct heard heard;
        ssize_t taken = peer->carrier->next(bytes + used, length - used, &heard);
        if (taken < 0 || (taken && heard.kind == END)) return -1;
        if (!taken) break;
        message(peer, heard.command, heard.body, heard.length);
        used += taken;
    }
    return used;
}

static void readable(struct peer *peer) {
    if (peer->in_length) memcpy(room, peer->in, peer->in_length);
    ssize_t got = recv(peer->socket, room + peer->in_length, ROOM / 2 - peer->in_length, 0);
    if (got < 0 && errno == EAGAIN) return;
    size_t length = peer->in_length + (got > 0 ? got : 0);
    ssize_t used = got > 0 ? take(peer, room, length) : -1;
    if (used < 0) {
        drop(peer);
        return;
    }
    peer->in_length = length - used;
    if (peer->in_length) {
        peer->in = realloc(peer->in, peer->in_length);
        memcpy(peer->in, room + used, peer->in_length);
    } else if (peer->in) {
        free(peer->in);
        peer->in = NULL;
    }
}

static void accept_all(int listener) {
    int one = 1, socket;
    while ((socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (socket >= MOST) {
            close(socket);
            continue;
        }
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct peer *peer = peers[socket] = calloc(1, sizeof *peer);
        *peer = (struct peer){.socket = socket, .place = -1, .user = -1};
        struct epoll_event event = {.events = EPOLLIN, .data.fd = socket};
        epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event);
    }
}

int main(int argc, char **argv) {
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event events[512], event = {.events = EPOLLIN, .data.fd = listener};
    struct rlimit limit;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "cbase PORT [LOG]\n");
        return 2;
    }
    address.sin_port = htons(atoi(argv[1]));
    if (argc == 3 && (log_file = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0) {
        perror(argv[2]);
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) {
        perror("cannot listen");
        return 1;
    }
    poller = epoll_create1(0);
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(poller, events, 512, -1);
        for (int i = 0; i < count; i++) {
            struct peer *peer = events[i].data.fd == listener ? NULL : peers[events[i].data.fd];
            if (events[i].data.fd == listener) accept_all(listener);
            if (!peer) continue;
            if (events[i].events & EPOLLOUT && peer->out_length) flush(peer);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(peer);
        }
        if (saved_count) sync_and_deliver();
    }
}

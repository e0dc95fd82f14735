/* Many connections in one epoll loop, each with the script it follows. */
#ifndef CROWD_H
#define CROWD_H

#include "script.h"

enum state { NEW, CONNECTING, UPGRADING, GREETING, READY, CLOSED };

struct client {
    int socket;
    uint32_t number;
    enum state state;
    bool wants_out, heard_any;
    const struct script *script;
    int step;
    uint32_t next_mark, last_mark;
    uint64_t *asked; /* when, of the requests that wait for an answer; a ring */
    uint32_t first_asked, waiting;
    uint64_t began;
    uint8_t *in, *out;
    uint32_t in_length, in_room, out_length, out_room;
};

struct where {
    const char *host;
    int port;
    uint32_t sources; /* addresses 127.0.0.101 and on that connections come from; 1: whatever the system takes */
    uint32_t burst;   /* connections that are on their way in at once */
};

extern struct client *clients;
extern uint32_t clients_ready;
extern uint64_t clients_closed, network_errors;

/* Both are given by the mode that runs. */
extern void (*on_message)(struct client *client, struct heard *heard);
extern void (*on_ready)(struct client *client);

void crowd_make(uint32_t count, uint32_t first, const struct script *scripts, int script_count, uint32_t window);
void crowd_open(struct client *client, const struct where *where);
void crowd_connect(uint32_t count, const struct where *where, double patience);
void crowd_turn(int timeout_ms);
void client_say(struct client *client, int command, const char *text, size_t length);
void client_close(struct client *client, bool is_planned);

#endif

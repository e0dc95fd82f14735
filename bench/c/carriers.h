/* What stands around a message on the wire: one struct for each way to carry it.  No I/O. */
#ifndef CARRIERS_H
#define CARRIERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LONGEST_MESSAGE 65000 /* bytes that are sent */
#define LONGEST_HEAD 32       /* around it */

enum kind { MESSAGE, PING, END };

struct heard {
    enum kind kind;
    int command; /* of a frame that names one outside its body, or -1 */
    const uint8_t *body;
    size_t length;
};

struct carrier {
    const char *name;
    bool upgrades; /* begins with an HTTP upgrade */
    /* Put a message's bytes into TO, which has room; return how many. */
    size_t (*wrap)(uint8_t *to, int command, const void *body, size_t length, bool masked);
    /* Find the first message; return how many bytes it takes, 0 if it is not whole yet, -1 if it never will be. */
    ssize_t (*next)(uint8_t *bytes, size_t length, struct heard *heard);
};

extern const struct carrier FRAMES, SOCKETS, OBJECTS;
const struct carrier *carrier_named(const char *name);

#endif

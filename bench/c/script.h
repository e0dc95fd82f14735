/* What a client says and waits for: read from a file, so that a dialect is data.  Its lines:
 *
 *   carrier NAME         frames, websocket or objects
 *   path PATH            of a WebSocket's upgrade
 *   hello COMMAND:TEXT   said when connected; COMMAND is for carriers that have one outside the body
 *   ready TEXT           wait for a message that contains this; in turns with the hellos, in their order
 *   say COMMAND:TEXT     what is said in the run; one that is looked for by its mark contains lg-$ID
 *   deliver COMMAND      only frames of this command are looked into for a mark
 *   answer TEXT          what an answer to it contains: completes the oldest request, or is counted as an acknowledgement
 *
 * In texts and paths $U is the connection's number, $P that of its partner (the other of 2k and 2k+1), $1 to $9 are the
 * fields of its line in --vars (tabs between). */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "carriers.h"

#define STEPS 16

struct step {
    bool awaits;
    int command;
    char *text;
};

struct script {
    const struct carrier *carrier;
    char *path;
    struct step steps[STEPS];
    int count;
    int say_command, deliver_command;
    char *say, *answer;
};

void script_read(struct script *script, const char *file);
void vars_read(const char *file);
/* Write TEXT with its variables filled in; return its length. */
size_t script_fill(char *to, const char *text, uint32_t number);
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif

#define _GNU_SOURCE
#include "script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **vars;
static uint32_t var_lines;

void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

static FILE *opened(const char *file) {
    FILE *stream = fopen(file, "r");
    if (!stream) die("%s: %s", file, strerror(errno));
    return stream;
}

static char *spoken(char *value, int *command, const char *file) {
    char *colon = strchr(value, ':');
    if (!colon) die("%s: '%s' is not COMMAND:TEXT", file, value);
    *command = atoi(value);
    return strdup(colon + 1);
}

static void step_add(struct script *script, bool awaits, int command, char *text, const char *file) {
    if (script->count == STEPS) die("%s: more than %d steps", file, STEPS);
    script->steps[script->count++] = (struct step){awaits, command, text};
}

void script_read(struct script *script, const char *file) {
    *script = (struct script){.carrier = &FRAMES, .path = "/", .deliver_command = -1};
    FILE *stream = opened(file);
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stream) > 0) {
        line[strcspn(line, "\n")] = 0;
        char *value = strchr(line, ' ');
        if (!*line) continue;
        if (!value) die("%s: '%s' has no value", file, line);
        *value++ = 0;
        if (!strcmp(line, "carrier")) {
            script->carrier = carrier_named(value);
            if (!script->carrier) die("%s: no carrier %s", file, value);
        } else if (!strcmp(line, "path")) script->path = strdup(value);
        else if (!strcmp(line, "hello")) {
            int command;
            char *text = spoken(value, &command, file);
            step_add(script, false, command, text, file);
        } else if (!strcmp(line, "ready")) step_add(script, true, 0, strdup(value), file);
        else if (!strcmp(line, "say")) script->say = spoken(value, &script->say_command, file);
        else if (!strcmp(line, "deliver")) script->deliver_command = atoi(value);
        else if (!strcmp(line, "answer")) script->answer = strdup(value);
        else die("%s: unknown word '%s'", file, line);
    }
    free(line);
    fclose(stream);
}

void vars_read(const char *file) {
    FILE *stream = opened(file);
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stream) > 0) {
        vars = realloc(vars, (var_lines + 1) * sizeof *vars);
        if (!vars) die("out of memory");
        vars[var_lines++] = strdup(line);
    }
    free(line);
    fclose(stream);
}

static size_t field(char *to, uint32_t number, int which) {
    if (!var_lines) die("$%d without --vars", which);
    const char *at = vars[number % var_lines];
    while (--which && at) {
        at = strchr(at, '\t');
        if (at) at++;
    }
    if (!at) return 0;
    size_t length = strcspn(at, "\t\n");
    memcpy(to, at, length);
    return length;
}

size_t script_fill(char *to, const char *text, uint32_t number) {
    char *at = to;
    for (; *text; text++) {
        if (at - to > LONGEST_MESSAGE - 1024) die("a message of more than %d bytes", LONGEST_MESSAGE - 1024);
        if (text[0] == '$' && text[1] == 'U') at += sprintf(at, "%u", number), text++;
        else if (text[0] == '$' && text[1] == 'P') at += sprintf(at, "%u", number ^ 1u), text++;
        else if (text[0] == '$' && text[1] >= '1' && text[1] <= '9') at += field(at, number, text[1] - '0'), text++;
        else *at++ = *text;
    }
    *at = 0;
    return at - to;
}

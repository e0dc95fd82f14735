/* Load for a chat server: many clients in one thread, latencies from the messages' own marks, the servers' CPU time.
 *
 *   ask     every client keeps --window requests outstanding; an answer completes its oldest one
 *   pair    client 2k speaks, client 2k+1 hears it; --window for each pair
 *   group   client 0 speaks, all hear it; --window messages that not all have heard
 *   churn   clients connect, follow their script, go, and come again
 *   hold    clients connect and stay until the standard input ends
 *
 * Closed loops, each message sent because one was heard; with --rate an open loop: messages leave when they are due, and
 * latencies count from then, so a server that stalls does not hide it (no coordinated omission).
 *
 * A mark, lg- and 24 hex digits (ns, number), is what is looked for in what is heard: it gives latency, loss, repeats and
 * order, whatever else the server has done to the message.  The result is one line of JSON. */
#define _GNU_SOURCE
#include "crowd.h"
#include "measure.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#define MARK "lg-"
#define DIGITS 24
#define MARK_LENGTH (sizeof MARK - 1 + DIGITS)
#define STALLED 5000000000ull /* ns without anything heard */
#define SETTLE 200000000ull

enum mode { ASK, PAIR, GROUP, CHURN, HOLD };
static const char *const MODES[] = {"ask", "pair", "group", "churn", "hold"};

static struct {
    enum mode mode;
    uint32_t count, window, first;
    double seconds, warmup, drain, rate, patience;
    int server;
    bool is_alone; /* the speaker of a group does not hear itself */
    bool lingers;  /* stay connected after the result, until the standard input ends */
    struct where where;
    struct script scripts[8];
    int script_count;
} o = {.count = 2, .window = 1, .seconds = 2, .warmup = 0.5, .drain = 5, .patience = 120,
       .where = {.host = "127.0.0.1", .sources = 1, .burst = 64}};

static uint64_t sent, heard_count, acknowledged, other, gaps, repeats;
static uint64_t measured, issued;
static bool measuring, speaking = true;

static void digits_put(char *to, uint64_t value, int count) {
    while (count--) to[count] = "0123456789abcdef"[value & 15], value >>= 4;
}

static uint64_t digits_get(const uint8_t *from, int count) {
    uint64_t value = 0;
    for (; count--; from++) value = value << 4 | (*from <= '9' ? *from - '0' : (*from | 32) - 'a' + 10);
    return value;
}

static void say(struct client *client, uint64_t due) {
    static char text[LONGEST_MESSAGE], filled[LONGEST_MESSAGE];
    const struct script *script = client->script;
    size_t length = script_fill(filled, script->say, client->number);
    char *id = memmem(filled, length, MARK "$ID", sizeof MARK + 2);
    const char *what = filled;
    if (id) {
        size_t before = id - filled + sizeof MARK - 1;
        memcpy(text, filled, before);
        digits_put(text + before, due, 16);
        digits_put(text + before + 16, client->next_mark++, 8);
        memcpy(text + before + DIGITS, id + sizeof MARK + 2, length - before - 3);
        length += DIGITS - 3;
        what = text;
    } else if (o.mode != ASK) die("'%s' lacks " MARK "$ID", script->say);
    if (o.mode == ASK) {
        if (client->waiting == o.window) return; /* an open loop that has run full: seen as loss */
        client->asked[(client->first_asked + client->waiting++) % o.window] = due;
    }
    sent++;
    client_say(client, script->say_command, what, length);
}

static void completed(uint64_t since) {
    uint64_t time = now();
    heard_count++;
    if (!measuring) return;
    measured++;
    latency_note(time > since ? time - since : 0);
}

static void answered(struct client *client) {
    if (!client->waiting) {
        other++;
        return;
    }
    uint64_t since = client->asked[client->first_asked];
    client->first_asked = (client->first_asked + 1) % o.window;
    client->waiting--;
    completed(since);
    if (speaking && !o.rate) say(client, now());
}

static void marked(struct client *client, const uint8_t *mark) {
    uint64_t since = digits_get(mark + 3, 16);
    uint32_t number = digits_get(mark + 19, 8), wanted = client->heard_any ? client->last_mark + 1 : 0;
    if (o.mode == PAIR && !(client->number & 1)) { /* the speaker's own copy */
        other++;
        return;
    }
    if (client->heard_any && number <= client->last_mark) {
        repeats++;
        return;
    }
    gaps += number - wanted;
    client->last_mark = number;
    client->heard_any = true;
    completed(since);
    if (o.mode == PAIR && speaking && !o.rate) say(&clients[(client->number ^ 1) - o.first], now());
}

static void message(struct client *client, struct heard *heard) {
    static size_t guess; /* marks mostly stand where the last one stood */
    const struct script *script = client->script;
    const uint8_t *body = heard->body;
    if (o.mode != ASK && (heard->command < 0 || script->deliver_command < 0 || heard->command == script->deliver_command)) {
        if (guess + MARK_LENGTH > heard->length || memcmp(body + guess, MARK, 3)) {
            const uint8_t *mark = memmem(body, heard->length, MARK, 3);
            guess = mark && mark + MARK_LENGTH <= body + heard->length ? (size_t)(mark - body) : SIZE_MAX / 2;
        }
        if (guess + MARK_LENGTH <= heard->length) {
            marked(client, body + guess);
            return;
        }
    }
    if (!script->answer || !memmem(body, heard->length, script->answer, strlen(script->answer))) other++;
    else if (o.mode == ASK) answered(client);
    else acknowledged++;
}

static void came(struct client *client) {
    if (o.mode != CHURN || !speaking) return;
    completed(client->began);
    sent++;
    client_close(client, true);
    crowd_open(client, &o.where);
}

static uint64_t hearers(void) {
    return o.mode == GROUP ? o.count - o.is_alone : 1;
}

static void speak(uint64_t time, uint64_t began) {
    static uint32_t turn;
    uint32_t step = o.mode == PAIR ? 2 : 1, speakers = o.mode == GROUP ? 1 : o.count;
    if (o.mode == CHURN) return;
    if (o.rate) {
        for (; issued < (time - began) / 1e9 * o.rate; issued++) {
            say(&clients[turn], began + (uint64_t)(issued / o.rate * 1e9));
            if ((turn += step) >= speakers) turn = 0;
        }
    } else if (o.mode == GROUP) {
        while (sent - heard_count / hearers() < o.window) say(&clients[0], time);
    } else if (!issued) {
        for (uint32_t i = 0; i < o.window; i++)
            for (uint32_t at = 0; at < speakers; at += step) say(&clients[at], now()), issued++;
    }
}

static int run(void) {
    uint64_t began = now(), cpu = 0, from = 0, progress, last = 0;
    if (o.mode == CHURN) {
        for (uint32_t i = 0; i < o.count; i++) crowd_open(&clients[i], &o.where);
    } else {
        crowd_connect(o.count, &o.where, o.patience);
        for (uint64_t end = now() + SETTLE; now() < end;) crowd_turn(10);
    }
    double connecting = (now() - began) / 1e9;
    fputs("ready\n", stderr);
    began = progress = now();
    uint64_t start = began + (uint64_t)(o.warmup * 1e9), end = start + (uint64_t)(o.seconds * 1e9), time;
    while ((time = now()) < end) {
        if (!measuring && time >= start) cpu = cpu_of(o.server), from = now(), measuring = true;
        if (heard_count != last) last = heard_count, progress = time;
        else if (time - progress > STALLED) break;
        speak(time, began);
        /* Under load, never asleep: whoever sends to a sleeping process pays for waking it up, and a server that is
         * quicker than the load would not. */
        crowd_turn(o.rate && o.rate <= 2000 ? 1 : 0);
    }
    cpu = cpu_of(o.server) - cpu;
    double took = (now() - from) / 1e9;
    measuring = speaking = false;
    uint64_t wanted = o.rate && o.mode == ASK ? issued : sent * hearers();
    for (end = now() + (uint64_t)(o.drain * 1e9); heard_count < wanted && now() < end;) crowd_turn(20);
    for (end = now() + SETTLE; acknowledged < sent && now() < end;) crowd_turn(20);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"mode\":\"%s\",\"clients\":%u,\"window\":%u,\"rate\":%g,\"seconds\":%.3f,\"connecting_s\":%.3f,"
           "\"per_s\":%.1f,\"measured\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"heard\":%" PRIu64 ",\"lost\":%" PRId64
           ",\"acknowledged\":%" PRIu64 ",\"gaps\":%" PRIu64 ",\"repeats\":%" PRIu64 ",\"other\":%" PRIu64
           ",\"closed\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
           "\"max_us\":%.1f,\"cpu_us\":%.3f,\"busy\":%.3f,\"own_cpu_s\":%.2f}\n",
           MODES[o.mode], o.count, o.window, o.rate, took, connecting, measured / took, measured, sent, heard_count,
           (int64_t)(wanted - heard_count), acknowledged, gaps, repeats, other, clients_closed, network_errors,
           latency_us(.5), latency_us(.99), latency_us(.999), latency_us(.9999999),
           measured ? cpu / 1e3 / measured : 0, cpu / 1e9 / took,
           usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    fflush(stdout);
    for (char byte; o.lingers && read(0, &byte, 1) > 0;) continue;
    return heard_count == wanted ? 0 : 1;
}

static int hold(void) {
    uint64_t began = now(), cpu = cpu_of(o.server);
    char byte;
    crowd_connect(o.count, &o.where, o.patience);
    printf("{\"mode\":\"hold\",\"clients\":%u,\"connecting_s\":%.3f,\"cpu_us\":%.3f}\n", clients_ready,
           (now() - began) / 1e9, (cpu_of(o.server) - cpu) / 1e3 / o.count);
    fflush(stdout);
    struct timeval tick = {0};
    for (;;) {
        fd_set in;
        FD_ZERO(&in);
        FD_SET(0, &in);
        tick = (struct timeval){0};
        if (select(1, &in, NULL, NULL, &tick) == 1 && read(0, &byte, 1) <= 0) break;
        crowd_turn(50);
    }
    printf("{\"mode\":\"held\",\"clients\":%u,\"closed\":%" PRIu64 "}\n", clients_ready, clients_closed);
    return clients_ready == o.count ? 0 : 1;
}

static void usage(const char *why) {
    fprintf(stderr, "loadgen: %s\n"
        "loadgen --mode ask|pair|group|churn|hold --port PORT --script FILE [--script FILE ...]\n"
        "  --clients N --window W --seconds S --warmup S --drain S --patience S  (to connect)\n"
        "  --rate R       an open loop, R messages a second in all\n"
        "  --server PID   whose CPU time is counted\n"
        "  --first N      number of the first client\n"
        "  --vars FILE    values of $1 to $9, a line a client\n"
        "  --sources K    come from K addresses;  --burst B  so many at once\n"
        "  --linger       stay connected after the result, until the standard input ends\n"
        "  --alone        the speaker of a group does not hear itself\n"
        "Several scripts are given to the clients in turns.\n", why);
    exit(2);
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"mode", 1, 0, 'm'}, {"port", 1, 0, 'p'}, {"script", 1, 0, 's'}, {"clients", 1, 0, 'c'}, {"window", 1, 0, 'w'},
        {"seconds", 1, 0, 't'}, {"warmup", 1, 0, 'u'}, {"drain", 1, 0, 'd'}, {"patience", 1, 0, 'P'},
        {"rate", 1, 0, 'r'}, {"server", 1, 0, 'S'}, {"first", 1, 0, 'f'}, {"vars", 1, 0, 'v'}, {"sources", 1, 0, 'k'},
        {"burst", 1, 0, 'b'}, {"alone", 0, 0, 'a'}, {"linger", 0, 0, 'l'}, {0}};
    bool has_mode = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) switch (option) {
        case 'm':
            for (int i = 0; i < 5; i++)
                if (!strcmp(MODES[i], optarg)) o.mode = i, has_mode = true;
            break;
        case 'p': o.where.port = atoi(optarg); break;
        case 's':
            if (o.script_count == 8) usage("too many scripts");
            script_read(&o.scripts[o.script_count++], optarg);
            break;
        case 'c': o.count = atoi(optarg); break;
        case 'w': o.window = atoi(optarg); break;
        case 't': o.seconds = atof(optarg); break;
        case 'u': o.warmup = atof(optarg); break;
        case 'd': o.drain = atof(optarg); break;
        case 'P': o.patience = atof(optarg); break;
        case 'r': o.rate = atof(optarg); break;
        case 'S': o.server = atoi(optarg); break;
        case 'f': o.first = atoi(optarg); break;
        case 'v': vars_read(optarg); break;
        case 'k': o.where.sources = atoi(optarg); break;
        case 'b': o.where.burst = atoi(optarg); break;
        case 'l': o.lingers = true; break;
        case 'a': o.is_alone = true; break;
        default: usage("unknown option");
    }
    if (!has_mode) usage("--mode is missing, or none of these");
    if (!o.script_count || !o.where.port) usage("--port and --script are needed");
    if (!o.count || !o.window || !o.where.sources || !o.where.burst) usage("0 of something");
    if (o.mode == PAIR && (o.count & 1 || o.first & 1)) usage("pairs need an even number of clients");
    for (int i = 0; i < o.script_count && o.mode <= GROUP; i++)
        if (!o.scripts[i].say) usage("a script without 'say'");
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGPIPE, SIG_IGN);
    crowd_make(o.count, o.first, o.scripts, o.script_count, o.window);
    on_message = message;
    on_ready = came;
    return o.mode == HOLD ? hold() : run();
}

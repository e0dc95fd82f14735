#define _GNU_SOURCE
#include "measure.h"

#include <time.h>

#define SLOTS 64 /* for each power of two */

static uint64_t counts[64 * SLOTS], noted;

static uint64_t ns_of(clockid_t clock) {
    struct timespec time;
    return clock_gettime(clock, &time) ? 0 : (uint64_t)time.tv_sec * 1000000000ull + time.tv_nsec;
}

uint64_t now(void) {
    return ns_of(CLOCK_MONOTONIC);
}

uint64_t cpu_of(int process) {
    clockid_t clock;
    return process <= 0 || clock_getcpuclockid(process, &clock) ? 0 : ns_of(clock);
}

void latency_note(uint64_t ns) {
    unsigned power = 0;
    if (ns >= SLOTS) power = 63 - __builtin_clzll(ns) - 5, ns >>= power; /* now 32 to 63 */
    counts[power * SLOTS + ns]++;
    noted++;
}

double latency_us(double quantile) {
    uint64_t wanted = quantile * noted, seen = 0;
    for (unsigned i = 0; noted && i < 64 * SLOTS; i++)
        if ((seen += counts[i]) > wanted) return (double)((uint64_t)(i % SLOTS) << i / SLOTS) / 1000.0;
    return 0;
}

/* Clocks, CPU time and latencies. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>

uint64_t now(void);           /* ns of the monotonic clock */
uint64_t cpu_of(int process); /* ns of CPU it has had, threads that have ended included */
void latency_note(uint64_t ns);
double latency_us(double quantile); /* about 3 % wide */

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Sampling events: one a CPU, of cycles where the machine counts them, else of the CPU clock. */
#ifndef BD_PERF_EVENT_H
#define BD_PERF_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/perf_event.h>

struct sampler;

long perf_event_open(struct perf_event_attr *attr, int pid, int cpu, int group, unsigned long flags);

/*
 * Opens a disabled event on each CPU that is online, at rate_hz. 0 or -errno; *ret_event gets
 * "cycles" or "cpu-clock".
 */
int sampler_new(struct sampler **ret, unsigned rate_hz, const char **ret_event);
void sampler_free(struct sampler *s);
/* Attaches the loaded BPF program to every event, also to those that are opened later. */
int sampler_attach(struct sampler *s, int prog_fd);
int sampler_enable(struct sampler *s);
int sampler_disable(struct sampler *s);
/* Samples come at another rate from now on; what was due so far stays. 0 or -errno. */
int sampler_set_rate(struct sampler *s, unsigned rate_hz);
/* Opens events on CPUs that have come online. Number of new ones or -errno. */
int sampler_refresh(struct sampler *s);
/* Samples due: the sum of enabled time x rate. False where the event isn't a clock. */
bool sampler_due(const struct sampler *s, uint64_t *ret_due);
unsigned sampler_cpus(const struct sampler *s);
/* Time that the events were enabled, of all CPUs. *ret_whole: all that ever had one still have it. */
uint64_t sampler_enabled_ns(const struct sampler *s, bool *ret_whole);

#endif

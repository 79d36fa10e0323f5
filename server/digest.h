/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What queries need of a report, small: facts, threads, functions, stacks by
 * function, the series. Made where the report is read, so that the thread that writes has little to
 * do and the report's own memory can go at once.
 *
 * Texts are offsets into `text`; 0 is "". Functions are told apart by name and module; the rows of
 * `nodes` are a prefix tree, a parent above its children.
 */
#ifndef BD_SERVER_DIGEST_H
#define BD_SERVER_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/limits.h"
#include "user/lib/profile/report.h"

#define DIGEST_NO_PARENT UINT32_MAX

struct digest_function {
	uint32_t name, module;
};

struct digest_node {
	uint32_t parent, function; /* rows of nodes and of functions */
	uint64_t self_ns;
};

struct digest_thread {
	uint32_t process, name;
	uint64_t on_cpu_ns, wait_ns;
};

/* The host, and the agent; `label` is said apart, since it is nothing of the machine. */
struct digest_facts {
	uint32_t cpu_model, disk, os, kernel, arch, virtualisation, agent;
	uint64_t cpus, memory_bytes;
};

struct digest {
	uint8_t id[REPORT_ID_BYTES], host[REPORT_ID_BYTES];
	bool has_host, incomplete;
	int64_t created_ns, start_ns, trigger_ns, end_ns;
	uint32_t kind, client, metric, explanation, version, label;
	double value, expected, threshold;
	uint64_t samples, cpu_ns;
	struct digest_facts facts;
	size_t n_functions, n_nodes, n_threads, series_bytes;
	struct digest_function *functions;
	struct digest_node *nodes;
	struct digest_thread *threads;
	uint8_t *series;	  /* packed, see packed.h */
	uint64_t dropped;	  /* functions and nodes over the limits */
	size_t text_bytes, bytes; /* of `text`, and of all */
	char *text;
};

/* 0 and a digest for digest_free(), or -ENOMEM. */
int digest_report(const struct report *r, const struct limits *limits, struct digest **ret);
void digest_free(struct digest *d);

static inline const char *digest_text(const struct digest *d, uint32_t offset)
{
	return d->text + offset;
}

#endif

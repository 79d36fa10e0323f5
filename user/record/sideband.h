/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's own records of mmap, exec, fork, exit and renaming, of all processes: they come with
 * a time, so that they can be put in order with the samples. PIDs are those of the tool's /proc.
 */
#ifndef BD_SIDEBAND_H
#define BD_SIDEBAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sideband;

enum sideband_kind {
	SIDEBAND_MAPPING, /* executable memory was mapped */
	SIDEBAND_COMM,	  /* a thread has a new name; `exec`: because it runs a new program */
	SIDEBAND_FORK,	  /* thread `tid` of process `pid`, made by process `parent` */
	SIDEBAND_EXIT,
	SIDEBAND_LOST, /* `lost` records found no room */
};

struct sideband_event {
	enum sideband_kind kind;
	uint64_t t_ns; /* CLOCK_MONOTONIC */
	uint32_t pid, tid, parent;
	bool exec;
	uint64_t start, end, offset, lost;
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	const char *name; /* path or name; lives as long as the call */
};

typedef void sideband_fn(void *arg, const struct sideband_event *event);

int sideband_new(struct sideband **ret);
void sideband_free(struct sideband *s);
/* Opens rings on CPUs that have come online. 0 or -errno. */
int sideband_refresh(struct sideband *s);
/* Hands out all that has come, CPU by CPU, each in the order of time. Number of records. */
int sideband_read(struct sideband *s, sideband_fn *fn, void *arg);
uint64_t sideband_bytes(const struct sideband *s);

#endif

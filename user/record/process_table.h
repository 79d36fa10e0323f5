/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes with what they have mapped, and the modules (files with code) behind the mappings.
 * Kept from the kernel's records in the order of time; processes that are older than the recording
 * are read from /proc once.
 */
#ifndef BD_PROCESS_TABLE_H
#define BD_PROCESS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "user/lib/base/idmap.h"
#include "user/lib/symbols/mappings.h"
#include "user/lib/unwind/unwind_walk.h"
#include "user/reader/reader.h"
#include "user/record/sideband.h"

enum module_kind { MODULE_KERNEL, MODULE_FILE, MODULE_VDSO, MODULE_JIT };

struct module {
	enum module_kind kind;
	char *path;
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	uint32_t pid;	 /* whose JIT code it is */
	bool tried;	 /* to open it */
	bool open;	 /* `file` is set */
	struct reader_file file;
	bool table_tried;
	enum unwind_mapping_kind unwind; /* how code in it is walked */
	bool unreadable;		 /* no table, and none will come */
	bool idle;			 /* no living process mapped it at the last sweep */
	struct unwind_view view;
};

struct process {
	uint32_t pid;
	uint32_t memory_pid; /* by which /proc has its memory, once that was read; or 0 */
	bool known; /* its mappings have been read, or it began before our eyes */
	struct mappings mappings;
	uint32_t tgid, exec_id; /* as the kernel numbers it; of the last sample walked late */
	uint32_t changes;	/* of its mappings */
	uint32_t published;	/* the changes that the kernel's side has, + 1; 0: nothing */
	uint32_t published_modules; /* and the state of the modules then */
	bool eager;		/* tables of all its modules are made at once */
	uint8_t ended;		/* sweeps since its end, + 1; its last samples come after that */
	bool certain;		/* read from /proc after an address had been in no mapping */
	uint64_t ended_ns;	/* 0 while it lives */
	char container[16];
	bool container_known;
};

struct process_table {
	struct reader *reader; /* not owned */
	size_t nprocesses, cap_processes;
	struct process *processes;
	struct idmap by_pid;
	size_t nmodules, cap_modules;
	struct module *modules; /* [0] is the kernel */
	struct idmap by_file;
	size_t nchanged, cap_changed;
	uint32_t *changed; /* numbers of those that changed since they were published */
	uint32_t module_changes;
	uint32_t departures; /* processes that ended or run another program now */
	uint64_t sideband_lost;
	uint64_t failed_opens;
};

int process_table_init(struct process_table *t, struct reader *reader);
void process_table_release(struct process_table *t);
int process_table_event(struct process_table *t, const struct sideband_event *event);
/* A process has ended: what it had mapped is forgotten at the second sweep from now on. */
void process_table_exit(struct process_table *t, uint32_t pid);
void process_table_sweep(struct process_table *t);
/* One whose mappings have changed since they were published, until it is again; NULL: there is no more. */
struct process *process_table_take_changed(struct process_table *t);
/* Reads /proc/PID/maps of a process that was there before; again after records were lost. */
int process_table_read(struct process_table *t, uint32_t pid);
struct process *process_table_get(struct process_table *t, uint32_t pid);

size_t process_table_bytes(const struct process_table *t);
/* Forgets the processes that ended before `oldest_ns`. 0, or -ENOMEM and nothing has changed. */
int process_table_trim(struct process_table *t, uint64_t oldest_ns);

/* Opens the file behind a mapping of the process, once. What can't be opened stays without names. */
void process_table_open(struct process_table *t, uint32_t pid, const struct mapping *mapping);
/* What to subtract from an address in the mapping for the one in the module's ELF file. */
uint64_t process_table_bias(const struct process_table *t, const struct mapping *mapping);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clients of the daemon: which processes belong to which section of the configuration, and what
 * each client used in the last second.
 *
 *   new -> { begin_second, task…, end_second } once a second, with exit/free/fork in between -> free
 *
 * Whoever drives it hands in what the task iterator says of each living thread, and the records of
 * those that end; see clients_scan() for machines without BPF. A process is looked at in /proc when
 * it is new, after an exec, and when its control group changes, but not each second.
 *
 * A section holds for a process when all its keys do, and for its children: of those the keys that
 * name a unit, a control group or a container must still hold, since a child that was moved away
 * (a container, a login) is another program. The first section that holds wins. Names are unique:
 * where a template would make a client that is there already, the process is that one's.
 *
 * Not thread-safe. Ownership: all strings and tables handed out belong to struct clients.
 */
#ifndef BD_CLIENTS_H
#define BD_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "user/lib/config/config.h"

#define CLIENTS_NONE UINT32_MAX
#define CLIENTS_TEMPLATE_MAX 200 /* clients made by templates; further ones are counted */
#define CLIENTS_EMPTY_S 3600	 /* a template's client without processes is kept so long */
#define CLIENTS_LOOKS_MAX 500	 /* processes looked at in a second; the rest in the next ones */
#define CLIENTS_REFRESH_MAX 64	 /* processes whose memory is read again in a second */

struct clients;
struct out; /* user/lib/base/out.h */

struct clients_options {
	const struct config *config; /* must outlive the clients */
	const char *path;	     /* of the configuration, for messages */
	const char *proc;	     /* NULL: "/proc"; tests have a tree of their own */
};

/* One client, or the machine, in the last second. NAN where something is not known. */
struct client_second {
	const char *name; /* "machine" for the machine */
	uint64_t serial;  /* of this client; its place in the table may change, and be another's later */
	uint32_t section; /* of config->clients, CLIENTS_NONE for the machine */
	uint32_t processes, threads;
	double cpu_cores;	/* CPU time used, in CPUs: ns of CPU a ns */
	double system_cores;	/* of cpu_cores in the kernel, by the ratio of its ticks there */
	double limit_cores;	/* what it may use: quota of its control groups, their CPUs, or all */
	double cpu_of_limit;	/* cpu_cores / limit_cores */
	double wait_cores;	/* threads that waited for a CPU, on average, but not for their quota */
	double wait_share;	/* wait / (wait + run), 0 to 1; likewise */
	double throttled_share; /* of the time, 0 to 1, held back by a quota */
	double pressure;	/* of the time, 0 to 1, some of it waited for a CPU (PSI) */
	double steal_cores;	/* the machine: CPUs that the hypervisor took; else NAN */
	uint64_t rss_bytes;	/* resident; of the machine: memory that is not available */
};

struct clients_second {
	uint64_t t_ns, dt_ns; /* CLOCK_MONOTONIC of the end, and how long it was */
	bool valid;	      /* false in the first second: there is nothing to compare with */
	const struct client_second *clients; /* those that have no processes now too */
	size_t n;
	struct client_second machine;
	uint32_t machine_cpus;
	uint32_t left_out;	  /* units or containers beyond CLIENTS_TEMPLATE_MAX */
	uint32_t looks_left;	  /* processes that could not be looked at yet */
	uint64_t threads_unknown; /* final sums, since the start, that nobody could be given */
};

/*
 * 0; -EINVAL and what is wrong with the rules (`FILE:LINE: …`: a regular expression that doesn't
 * compile) in ret_errors, which is always to be released; -ENOMEM.
 */
int clients_new(const struct clients_options *options, struct clients **ret,
		struct config_errors *ret_errors);
void clients_free(struct clients *c);

/* `now_ns` is CLOCK_MONOTONIC, when the sums are read. */
void clients_begin_second(struct clients *c, uint64_t now_ns);
/* A living thread. 0 or -ENOMEM. */
int clients_task(struct clients *c, const struct bd_task *task);
/* What is valid until the next clients_begin_second(). 0 or -ENOMEM. */
int clients_end_second(struct clients *c, struct clients_second *ret);

/*
 * At any time: a process was forked (numbers of the tool's own /proc, from the side-band; without
 * these a child whose parent died within the same second is nobody's); a thread exits; its final
 * sums. Each of them may be missing. 0 or -ENOMEM.
 */
int clients_fork_record(struct clients *c, uint32_t ns_tgid, uint32_t ns_parent);
int clients_exit_record(struct clients *c, const struct bd_exit *record);
int clients_free_record(struct clients *c, const struct bd_free *record);

/* One pass over all threads in /proc, to be called between begin and end: for --check, and where
 * there is no iterator. Sums there are up to a tick old, and threads queued now not counted. */
int clients_scan(struct clients *c);

/* What a process of a client did in the last second; `key` is the same as long as it lives. */
struct client_process_second {
	uint64_t key, run_ns, rss_bytes;
	const char *name;
	uint32_t client; /* a place in the table of the last second */
};
/* Calls fn for each of them, and of those that have gone too for a few seconds. */
void clients_processes(const struct clients *c,
		       void (*fn)(void *arg, const struct client_process_second *process), void *arg);

/* A look at a living thread in the middle of a second: what it ran until now counts, nothing else. One
 * that isn't known waits for the next pass. 0 or -ENOMEM. */
int clients_look(struct clients *c, const struct bd_task *task);

/* What a thread of a client ran since it was last told of; those that didn't are left out. */
struct client_thread_second {
	struct bd_thread id;
	uint64_t on_cpu_ns;
	uint32_t tid;	  /* as the tool's own /proc named it; the kernel's, where that isn't known */
	uint32_t client;  /* a place in the table of the last second */
	const char *name; /* the client's */
};
/* Calls fn for each of them, of those that have gone too, and begins anew. */
void clients_threads(struct clients *c,
		     void (*fn)(void *arg, const struct client_thread_second *thread), void *arg);

/* The client of a process, by its number in the tool's own /proc or by the kernel's: a place in the
 * table of the last second, or CLIENTS_NONE. */
uint32_t clients_of_pid(const struct clients *c, uint32_t ns_tgid);
uint32_t clients_of_tgid(const struct clients *c, uint32_t tgid);

/* A process of the client (the oldest that it has), as the tool's own /proc names it; 0 for none. */
uint32_t clients_main_pid(const struct clients *c, uint32_t client);

/* The unit of systemd that the process is in, or "". */
const char *clients_unit(const struct clients *c, uint32_t ns_tgid);

/* --- those who ask about deaths */
struct clients_process {
	uint32_t tgid, ns_tgid, exec_id;
	uint32_t section; /* of the configuration */
	uint32_t place;	  /* of its client in the table of the last second */
};

/* Each process of a client. */
void clients_each(const struct clients *c,
		  void (*fn)(void *arg, const struct clients_process *process), void *arg);

/* A process that has died, perhaps before any look found it. */
struct clients_dead {
	uint32_t tgid, ns_tgid, parent;
	uint64_t start_ns, cgroup_id;
	const char *name;
	const char *exe; /* path of its program, or NULL */
};

/* The name of the client whose it was, and its section; NULL: nobody's. Without arguments to go by,
 * `match_cmdline` holds for no process that was never looked at. */
const char *clients_of_dead(struct clients *c, const struct clients_dead *dead,
			    uint32_t *ret_section);

/*
 * What would be watched now, after a clients_second(): each client with its rules, processes and
 * limit, and each section and template that matches nothing, with file and line.
 */
void clients_check(const struct clients *c, const struct clients_second *second, struct out *out);
/* Of that only what can't work: sections that match nothing, rules that can't fire; a line each. */
void clients_warn(const struct clients *c, const struct clients_second *second, struct out *out);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A view: the part of a report that somebody asked for, as one call tree. What every export that
 * shows stacks reads; it decides nothing but layout itself.
 *
 * The tree is an array in depth-first order, so a node's subtree is [i, node.next). Node 0 is the
 * root of all; its children are processes, theirs are threads (those of one name in one process are
 * one node), theirs are frames, the outermost first (the innermost first with `reverse`). Children
 * stand by total, the largest first, then by name. A parent's total is the sum of its children's
 * totals and its own self.
 *
 * Values are microseconds of exact CPU time (VIEW_CPU), samples (VIEW_SAMPLES), or microseconds of
 * waiting for a CPU (VIEW_WAIT). With VIEW_CPU and the whole window, those of each thread of the
 * report add up to its on_cpu_ns / 1000, rounded: what no sample hit is a node "[not sampled]"
 * directly below the thread.
 *
 * A view points into its report, which must outlive it and must not change meanwhile.
 */
#ifndef BD_VIEW_H
#define BD_VIEW_H

#include "user/lib/profile/report.h"

#define VIEW_NONE UINT32_MAX
#define VIEW_ERROR_BYTES 256
#define VIEW_NOT_SAMPLED "[not sampled]"
#define VIEW_STACK_LOST "[stack lost]"
#define VIEW_DEEPER "[deeper]"
#define VIEW_WAITING "[waiting for a CPU]"

enum view_by {
	VIEW_CPU,
	VIEW_SAMPLES,
	VIEW_OFF_CPU, /* -ENODATA: reports do not have it yet */
	VIEW_WAIT,
	/* For libraries, not for options: of each sample the square of its weight, in us * us. What
	 * the scatter of a VIEW_CPU value is estimated from. */
	VIEW_SQUARES,
};

/* A zeroed one asks for everything. */
struct view_options {
	double from_s, to_s;   /* seconds from the window's start; to_s 0 is its end */
	const char *thread_re; /* PCRE2, unanchored, on the thread's name; NULL is all */
	int64_t pid;	       /* 0 is all */
	bool client;	       /* only the threads of the report's client */
	enum view_by by;
	bool reverse;
};

enum view_kind {
	VIEW_ROOT,
	VIEW_PROCESS,
	VIEW_THREAD,
	VIEW_FRAME,
	VIEW_MARK, /* no code: [not sampled], [stack lost], [waiting for a CPU], [unwind: …] */
};

/* What nodes are of: a function (frames of one name, kind and module are one), a thread's name … */
struct view_label {
	enum view_kind kind;
	const char *name;   /* as in the report */
	const char *suffix; /* "_[k]", "_[i]", "_[j]" or "" */
	uint32_t frame;	    /* a row in frames, or VIEW_NONE */
};

struct view_node {
	uint32_t label, parent; /* VIEW_NONE is the parent of the root */
	uint32_t next;		/* the first node after the subtree */
	uint32_t depth;		/* 0 is the root */
	uint64_t self, total;
};

struct view {
	const struct report *report;
	enum view_by by;
	size_t n_nodes, n_labels;
	struct view_node *nodes; /* at least the root */
	struct view_label *labels;
	double from_s, to_s;	       /* the part of the window that it shows */
	uint64_t samples, cut_samples; /* samples in the view; of these with an [unwind: …] mark */
	size_t threads;		       /* threads of the report that are in it */
	uint32_t max_depth;
};

/*
 * 0 and a view that view_release() frees; or -EINVAL (the regular expression or the range: `error`
 * says what, and where), -ENODATA (the report has no such data, or no client), -E2BIG (a tree of over
 * VIEW_MAX_NODES nodes), -ENOMEM. `error` is one line for a person, set on every failure.
 */
#define VIEW_MAX_NODES (16u << 20)
/* Frames beyond this depth are one node "[deeper]". */
#define VIEW_MAX_DEPTH 4096
int view_build(const struct report *r, const struct view_options *options, struct view *ret,
	       char error[VIEW_ERROR_BYTES]);
void view_release(struct view *v);

/* "us", "samples": the unit of the values. */
const char *view_unit(enum view_by by);
/* By the name of the option, "cpu", "samples", "off-cpu" or "wait": 0 or -EINVAL. */
int view_by_parse(const char *name, enum view_by *ret);

/*
 * Calls `path` with "process;thread;frame;…;frame" of each node with a self value, as it stands in
 * the folded form. The text is not terminated, and has VIEW_PATH_ROOM bytes behind it to be written
 * to. Returns as view_folded().
 */
#define VIEW_PATH_ROOM 64

int view_paths(const struct view *v, int (*path)(void *ctx, uint32_t node, char *text, size_t len),
	       void *ctx);

/*
 * Calls `line` with each line of the folded form, "process;thread;frame;…;frame VALUE\n", one for
 * each node with a self value. ';' in names is ':' there, control characters are spaces, an empty
 * name is "?". Not terminated, valid during the call. Stops at, and returns, what is not 0, or
 * -ENOMEM.
 */
int view_folded(const struct view *v, int (*line)(void *ctx, const char *text, size_t len),
		void *ctx);

#endif

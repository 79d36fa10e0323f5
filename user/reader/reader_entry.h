/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside the tool's side of the reader: the files that it knows, and how a request is made. */
#ifndef BD_READER_ENTRY_H
#define BD_READER_ENTRY_H

#include "user/reader/reader_process.h"

#define READER_BAD_MAX 64 /* files remembered that made a child hang or die when they were opened  \
			   */

struct entry {
	uint32_t users; /* 0: free */
	uint32_t kind;
	int fd; /* -1: none held */
	enum reader_reason bad;
	bool no_lines; /* its debug information made a child hang or die */
	uint64_t last_use;
	struct reader_identity id;
	struct reader_open where; /* its path is ours */
};

struct bad_file {
	uint64_t inode, path_hash;
	uint32_t dev_major, dev_minor;
	enum reader_reason reason;
};

struct reader {
	struct reader_process process;
	struct entry *entries;
	uint32_t n, open_files, next_bad;
	uint64_t clock;
	int64_t deadline_ns;
	struct bad_file bad[READER_BAD_MAX];
	enum reader_reason last;
	uint64_t reasons[READER_REASON_N];
	struct reader_request *request; /* READER_PACKET_MAX bytes */
};

/* The file of this id, or NULL. */
struct entry *reader_entry(struct reader *r, uint32_t file);
/* Counts the reason; its -errno. */
int reader_fail(struct reader *r, enum reader_reason reason);
/*
 * Makes r->request, filled but for its place, of a child: with the file's descriptor or -1, and
 * patience up to the reader's deadline.
 */
enum reader_reason reader_call(struct reader *r, const struct reader_open *where, int fd,
			       int64_t patience_ms, reader_payload_fn *fn, void *arg);

/* Whether it is the file's fault that there is no child any more. */
static inline bool reader_is_files_fault(enum reader_reason reason)
{
	return reason == READER_TIMED_OUT || reason == READER_DIED || reason == READER_BAD_ANSWER;
}

#endif

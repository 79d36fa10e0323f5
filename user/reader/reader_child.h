/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the reader child: how a request is served. A new kind of request is a function of the type
 * below, a row in the table in reader_child.c, and one in the table in reader.c.
 */
#ifndef BD_READER_CHILD_H
#define BD_READER_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "user/lib/symbols/reader_proto.h"
#include "user/reader/reader_rights.h"
#include "user/reader/sandbox.h"

struct log_record; /* user/lib/logs/log_proto.h */

#define READER_SOCKET_FD 3
#define READER_ROOT_FD 4 /* of a child that reads logs: the root of the client */

/* The request at hand and the answer that is being made. */
struct reader_job {
	const struct reader_request *request;
	const struct reader_rights *rights; /* NULL: it reads no logs, and nothing but logs otherwise */
	bool has_root;			    /* READER_ROOT_FD is the client's root */
	int fd; /* of the file: came with the request, or opened for it */
	struct stat st;
	int socket;
	int answer_fd;	/* goes with the last packet; -1: none. Closed afterwards */
	uint32_t bytes; /* of `payload` that are in use */
	_Alignas(8) uint8_t payload[READER_PACKET_MAX - sizeof(struct reader_answer)];
};

/*
 * Room for `n` bytes in the payload, in a packet of its own if need be. NULL: n is over a packet's,
 * or the tool is gone. What is put there must be whole before the next call.
 */
void *reader_job_room(struct reader_job *job, uint32_t n);

/*
 * Gives up what isn't in `rights`, on top of what `sandbox` says for all children. 0 or -errno; after
 * an error the process is to end.
 */
int reader_log_enter(struct reader_job *job, const struct sandbox *sandbox);

/* A line of the answer to a request for logs: a log_line_fn; and behind its lines their source. */
int reader_log_put_line(void *job, int64_t t_ns, const char *text, size_t len);
bool reader_log_put_source(struct reader_job *job, struct log_record *r, const char *path);

/* The file of a request, opened as its `where` says: regular, never blocking. Sets fd and st. */
enum reader_reason reader_child_open(const struct reader_where *where, int *ret_fd,
				     struct stat *ret_st);

/*
 * The child opens by openat2 only, and looks at what it has (O_PATH) before it opens it for
 * reading. openat is refused to it: libdw would open whatever a file names as its other parts,
 * devices included. Absolute path, own root, any links; 0 or more, or -errno.
 */
int reader_child_openat2(const char *path, int flags);
/*
 * Opens what an O_PATH descriptor stands for, and closes that. To look first is the point: to open
 * a FIFO or a device for reading can block or do something. A descriptor, or -errno; -EINVAL where
 * it is no regular file. Sets *ret_st where it could be looked at.
 */
int reader_child_open_regular(int path_fd, struct stat *ret_st);
/* A regular file by its path below the root of a process (0: this machine's), never outside of it.
 */
int reader_child_open_below(int pid, const char *path, struct stat *ret_st);

/*
 * Separate debug file of an image by build ID or debug link, from the process's root or this
 * machine's, and what it shares with others; -1 where there is none. It has the same build ID, or
 * it isn't taken.
 */
void reader_child_open_debug(const struct reader_where *where, const struct elf_image *e,
			     int *ret_debug_fd, uint64_t *ret_debug_size, int *ret_alt_fd);

/* reader_names.c */
enum reader_reason reader_serve_symbols(struct reader_job *job);
/* reader_table.c */
enum reader_reason reader_serve_table(struct reader_job *job);
/* reader_log.c */
enum reader_reason reader_serve_logs(struct reader_job *job);
/* reader_journal.c; what it needs is loaded before the child is locked in, or isn't there. */
void reader_journal_load(void);
enum reader_reason reader_serve_journal(struct reader_job *job);

/* READER_* of a -errno of the parsers. */
enum reader_reason reader_child_reason(int err);

#endif

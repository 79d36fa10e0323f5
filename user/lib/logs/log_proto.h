/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the daemon asks of a reader child that has a client's rights, and its answer: for each file
 * its lines, and behind them what the file is. reader_proto.h has the packets around it; the answer
 * is checked by log_answer.c before a byte of it is used.
 */
#ifndef BD_LOG_PROTO_H
#define BD_LOG_PROTO_H

#include "user/lib/logs/log_tail.h"
#include "user/lib/symbols/reader_proto.h"

#define LOG_FILES_MAX 16	  /* of a pattern, those that were written last */
#define LOG_READ_BYTES (1u << 20) /* of the end of a file */
#define LOG_KNOWN_MAX 32
#define LOG_SOURCES_MAX 64 /* in one answer */

/* In the place of a request's addresses; the pattern, or the unit, is its path. */
struct log_query {
	struct log_want want; /* no lines: only where the files are, and how large */
	uint64_t n_known;
	uint64_t known[LOG_KNOWN_MAX]; /* inodes of files that matched before */
};

/* What became of a file, and how a report says so. Append only. */
#define LOG_STATES(X)                                                                              \
	X(READ, "read")                                                                            \
	X(QUIET, "nothing written in this time")                                                   \
	X(NO_FILE, "no such file")                                                                 \
	X(DENIED, "no permission")                                                                 \
	X(LINK, "a link: refused")                                                                 \
	X(NOT_REGULAR, "not a regular file: refused")                                              \
	X(COMPRESSED, "compressed")                                                                \
	X(FAILED, "could not be read")                                                             \
	X(TOO_MANY, "more files match than are read")                                              \
	X(NO_ROOT, "the client's files are out of reach: it has ended")                            \
	X(NO_JOURNAL, "no journal here")                                                           \
	X(NO_UNIT, "no journal: the client is no unit of systemd")                                  \
	X(NO_LIBRARY, "no journal: libsystemd.so.0 is not installed")                              \
	X(STATIC, "no journal: this build is static and can't load libsystemd; use the backdraft of the package")

#define LOG_STATE_ENUM(name, text) LOG_##name,
enum log_state { LOG_STATES(LOG_STATE_ENUM) LOG_STATE_N };
#undef LOG_STATE_ENUM

const char *log_state_text(enum log_state state);

enum log_record_kind { LOG_LINE, LOG_SOURCE, LOG_RECORD_KIND_N };

#define LOG_ROTATED 1u /* the file that a matching one was before */

/* A text follows, a zero, and up to 7 more, so that the next record is aligned. */
struct log_record {
	uint32_t kind, text_bytes;
	int64_t t_ns; /* of a line, 0 for none; when a file was written last */
	/* Of a source: its text is the path. */
	uint32_t state, flags;
	uint64_t dev, inode, size;
	struct log_counts counts; /* lines: those before it in the answer, since the last source */
};

size_t log_record_bytes(const struct log_record *r);

/* Begins at zeroes, and goes on over the packets of one answer. */
struct log_answer {
	uint64_t lines_max; /* of the query */
	uint64_t lines, sources;
};

/*
 * The next record of a payload. `at` begins at 0. 1: *ret is set, and its text, which lies in the
 * payload; 0: the end; -EPROTO.
 */
int log_record_next(const void *payload, size_t size, size_t *at, struct log_answer *answer,
		    struct log_record *ret, const char **ret_text);

#endif

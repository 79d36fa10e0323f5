/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tool and its reader child say to each other, over SOCK_SEQPACKET, one struct a packet.
 * Both are the same build. The child parses what users can write, so the tool trusts no answer:
 * reader_answer.c checks each one before a byte of it is used.
 *
 * A request names a file and carries its descriptor where the tool has one; otherwise the child
 * opens it. The child keeps nothing between requests, so killing it loses nothing.
 */
#ifndef BD_READER_PROTO_H
#define BD_READER_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/symbols/elf_image.h"

#define READER_PATH_MAX 4096
#define READER_PACKET_MAX 65536
#define READER_ADDRESSES_MAX 6144	    /* of one request */
#define READER_FILE_BYTES_MAX (64ull << 30) /* sparse files claim more */

/* Name, errno, and the text that the report counts. Append only. */
#define READER_REASONS(X)                                                                          \
	X(NONE, 0, "none")                                                                         \
	X(GONE, ENOENT, "symbols: file is gone")                                                   \
	X(REPLACED, ESTALE, "symbols: file was replaced")                                          \
	X(NOT_REGULAR, EINVAL, "symbols: not a regular file")                                      \
	X(DENIED, EACCES, "symbols: file could not be opened")                                     \
	X(NOT_ELF, ENOEXEC, "symbols: not an ELF file")                                            \
	X(DAMAGED, EBADMSG, "symbols: damaged file")                                               \
	X(TOO_BIG, EFBIG, "symbols: file too big")                                                 \
	X(TOO_COMPLEX, E2BIG, "symbols: symbol table too big")                                     \
	X(OWNER, EPERM, "symbols: perf map belongs to another user")                               \
	X(READ, EIO, "symbols: file could not be read")                                            \
	X(MEMORY, ENOMEM, "symbols: out of memory")                                                \
	X(TIMED_OUT, ETIMEDOUT, "reader timed out")                                                \
	X(DIED, EPIPE, "reader died")                                                              \
	X(BAD_ANSWER, EPROTO, "reader answered nonsense")                                          \
	X(NO_SANDBOX, EOPNOTSUPP, "reader could not lock itself in")                               \
	X(NO_TIME, EBUSY, "reader had no time left")                                               \
	X(LINES_CUT, ETIME, "symbols: no time for inlined functions")                              \
	X(LINES_DIED, EDEADLK, "symbols: debug information of a file killed the reader")

#define READER_REASON_ENUM(name, error, text) READER_##name,
enum reader_reason { READER_REASONS(READER_REASON_ENUM) READER_REASON_N };
#undef READER_REASON_ENUM

enum reader_kind {
	READER_HELLO,	/* the child, once, when it has locked itself in */
	READER_OPEN,	/* -> struct reader_identity and the descriptor */
	READER_SYMBOLS, /* addresses -> records, in as many packets as it takes */
	READER_TABLE,	/* -> a descriptor of memory that holds the file's unwind table */
	READER_LOGS,	/* log_proto.h: a pattern -> the last lines of the files that match */
	READER_JOURNAL, /* a unit -> the last lines that systemd's journal has of it */
	READER_KIND_N,
};

enum reader_file_kind {
	READER_ELF,
	READER_PERF_MAP,
	READER_FILE_KIND_N,
};

#define READER_LINES 1u /* inlined functions and lines too, from DWARF */

/* Where a file is to be found: what /proc/PID/maps and the kernel's side-band say of a mapping. */
struct reader_where {
	uint32_t kind;	     /* enum reader_file_kind */
	int32_t pid;	     /* 0: no process, `path` is this machine's */
	uint64_t start, end; /* the mapping, or 0 */
	uint64_t inode;	     /* 0: unknown */
	uint32_t dev_major, dev_minor;
	char path[READER_PATH_MAX]; /* as the process sees it */
};

struct reader_request {
	uint32_t kind; /* enum reader_kind */
	uint32_t n;    /* addresses */
	uint64_t serial;
	uint32_t flags; /* READER_LINES */
	uint32_t reserved;
	struct reader_where where;
	uint64_t addresses[]; /* ascending */
};

struct reader_answer {
	uint32_t kind, reason;
	uint64_t serial;
	uint32_t bytes; /* that follow */
	uint32_t more;	/* 1: another packet follows */
};

struct reader_identity {
	uint64_t dev, inode, size;
	int64_t mtime_ns, ctime_ns;
	uint32_t machine, is64; /* e_machine; ELF class */
	uint32_t build_id_size, n_loads;
	uint8_t build_id[ELF_BUILD_ID_MAX];
	struct elf_image_load loads[ELF_IMAGE_LOADS_MAX];
	uint32_t remote; /* 1: on a file system that can hang; no descriptor comes with it */
	uint32_t reserved;
};

#define READER_RECORD_INLINED 1u

/*
 * A frame. Those of one address follow each other in one packet, innermost first; all but the last
 * are inlined. Three texts follow, each with a zero at its end: readable name, the symbol table's
 * name where that differs, file; then up to 7 zeroes, so that the next record is aligned.
 */
struct reader_record {
	uint64_t start; /* of the symbol */
	uint32_t index; /* of the address in the request */
	uint32_t line;
	uint16_t name_len, symbol_len, file_len, flags;
};

/* A record as the checker hands it out; the texts lie in the packet. */
struct reader_frame {
	uint64_t start;
	uint32_t index, line;
	uint16_t flags;
	const char *name, *symbol, *file; /* symbol and file may be "" */
};

size_t reader_record_bytes(const struct reader_record *r);

/* 0 or -EPROTO: the packet is an answer to this request, of a length that fits. */
int reader_answer_check(const void *packet, size_t size, uint32_t kind, uint64_t serial,
			const struct reader_answer **ret);
/* 0 or -EPROTO: the payload is a struct reader_identity that makes sense. */
int reader_identity_check(const void *payload, size_t size, struct reader_identity *ret);
/*
 * The next record of a payload for `n` addresses. `at` begins at 0, `last` holds the index of the
 * record before, across packets, and begins at -1. 1: *ret is set; 0: the end; -EPROTO.
 */
int reader_record_next(const void *payload, size_t size, uint32_t n, size_t *at, int64_t *last,
		       struct reader_frame *ret);

const char *reader_reason_text(enum reader_reason reason);
int reader_reason_error(enum reader_reason reason); /* -errno, 0 for READER_NONE */
/* Whether a child may say it: what became of the child, only the tool knows. */
bool reader_reason_is_childs(enum reader_reason reason);

#endif

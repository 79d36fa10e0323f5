/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cursor over MessagePack that arrives in pieces, gzip-compressed or not, from a descriptor or
 * from memory. It holds a window, never the whole: memory does not depend on what the input claims.
 *
 * Errors stick: the first sets `status` and the message, and every later call fails.
 */
#ifndef BD_UNPACK_H
#define BD_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zlib.h>

#define UNPACK_WINDOW_BYTES (256u << 10)
#define UNPACK_INPUT_BYTES 65536
/* The most that unpack_bytes() gives at once. */
#define UNPACK_BYTES_MAX (UNPACK_WINDOW_BYTES / 2)
#define UNPACK_DEPTH_MAX 32

enum unpack_type {
	UNPACK_BAD,
	UNPACK_NIL,
	UNPACK_BOOL,
	UNPACK_UINT,
	UNPACK_INT, /* negative */
	UNPACK_FLOAT,
	UNPACK_STR,
	UNPACK_BIN,
	UNPACK_EXT,
	UNPACK_ARRAY,
	UNPACK_MAP,
};

/* One header. `u` is the value, a length in bytes that follow, or a count of values that follow. */
struct unpack_token {
	enum unpack_type type;
	uint64_t u;
	int64_t i;
	double f;
	size_t header; /* its own bytes; they are still readable at unpack_last() */
};

struct unpack {
	int fd; /* -1: all input is in `next`, `left` from the beginning */
	const uint8_t *next;
	size_t left;
	uint64_t limit, unpacked; /* bytes after decompression */
	z_stream zip;
	bool started, gzip, ended;
	int status;
	char *error;
	size_t error_bytes;
	size_t at, n;
	uint8_t window[UNPACK_WINDOW_BYTES], input[UNPACK_INPUT_BYTES];
};

/* Takes `fd`, or `data` where fd is -1. `error` has room for error_bytes. */
void unpack_init(struct unpack *u, int fd, const void *data, size_t size, uint64_t limit,
		 char *error, size_t error_bytes);
void unpack_release(struct unpack *u);

/* The next header. 0 or the sticky error. */
int unpack_next(struct unpack *u, struct unpack_token *ret);
/*
 * The next header where it is a whole number of up to 32 bits without a sign and all of it is in the
 * window: true, and past it. False says nothing: unpack_next() goes on from there. Columns are long,
 * and nearly all of what is in them is of this kind.
 */
static inline bool unpack_small(struct unpack *u, uint64_t *ret)
{
	const uint8_t *p = u->window + u->at;

	if (u->status || u->n - u->at < 5)
		return false;
	if (p[0] < 0x80) {
		*ret = p[0];
		u->at += 1;
	} else if (p[0] == 0xcc) {
		*ret = p[1];
		u->at += 2;
	} else if (p[0] == 0xcd) {
		*ret = p[1] << 8 | p[2];
		u->at += 3;
	} else if (p[0] == 0xce) {
		*ret = (uint32_t)p[1] << 24 | p[2] << 16 | p[3] << 8 | p[4];
		u->at += 5;
	} else {
		return false;
	}
	return true;
}
/* The bytes of the header just read, valid until the next call. */
const uint8_t *unpack_last(const struct unpack *u, const struct unpack_token *token);
/* The next bytes, valid until the next call, or NULL. At most UNPACK_BYTES_MAX. */
const uint8_t *unpack_bytes(struct unpack *u, size_t size);
/* Reads one value of any kind and gives its bytes as they came, which the caller frees. At most
 * `limit` bytes and `depth` (up to UNPACK_DEPTH_MAX) levels of maps and arrays. */
int unpack_raw(struct unpack *u, unsigned int depth, size_t limit, uint8_t **ret, size_t *ret_size);
/* Fails unless everything has been read and the check sum of gzip is right. */
int unpack_end(struct unpack *u);

int unpack_fail(struct unpack *u, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif

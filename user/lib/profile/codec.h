/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A report as bytes and back: gzip (RFC 1952) of one MessagePack map, see docs/report-format.md.
 *
 * What is read is believed in nothing: it comes from another machine, or a broken disk. Every
 * count is checked before memory follows it, and when reading has succeeded every REF is within
 * `strings`, every row number within its table, and all text is UTF-8.
 */
#ifndef BD_CODEC_H
#define BD_CODEC_H

#include "user/lib/profile/report.h"

#define CODEC_ERROR_BYTES 256

/* All limits of reading. */
struct report_limits {
	uint64_t unpacked_bytes; /* MessagePack, after gzip */
	uint64_t memory_bytes;	 /* what the report takes in memory */
	uint32_t rows;		 /* of one table, or entries of `strings` */
	uint32_t string_bytes;	 /* one text; at most CODEC_STRING_BYTES_MAX */
	uint32_t counts;	 /* names in one COUNTS */
	uint32_t unknown_fields; /* in one map, kept */
	uint32_t unknown_bytes;	 /* of all of them together */
	uint32_t depth;		 /* of maps and arrays in unknown fields; at most CODEC_DEPTH_MAX */
};
#define CODEC_STRING_BYTES_MAX 65536
#define CODEC_DEPTH_MAX 32
extern const struct report_limits report_limits_default;

/*
 * Hands the bytes of the report to `write`, in pieces, which returns 0 or a negative errno that
 * ends the work. 0, that errno, or -ENOMEM.
 */
int report_encode(const struct report *r, int (*write)(void *ctx, const void *data, size_t size),
		  void *ctx);

/*
 * Reads one report, gzip or bare MessagePack, to its end; the descriptor may be a pipe. `limits`
 * NULL is the default. 0 and a report that report_release() frees, or -EINVAL (not a report, or a
 * damaged one), -EFBIG (over a limit), -ENOMEM, -errno of read(2). `error` is set on failure: one
 * line without the file's name. No more than the limits and a few hundred KB is allocated.
 */
int report_decode_fd(int fd, const struct report_limits *limits, struct report *ret,
		     char error[CODEC_ERROR_BYTES]);
int report_decode(const void *data, size_t size, const struct report_limits *limits,
		  struct report *ret, char error[CODEC_ERROR_BYTES]);

#endif

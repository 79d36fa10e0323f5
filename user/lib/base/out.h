/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buffered output to a descriptor (or into memory), with an error that sticks: after the first
 * failure everything is ignored, and out_finish() returns that failure. Writers need not check.
 */
#ifndef BD_OUT_H
#define BD_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUT_BUFFER_BYTES 65536
#define OUT_ERROR_BYTES 256

struct out {
	int fd;	    /* -1: into memory */
	int status; /* 0 or the first -errno */
	char *data; /* what has not been written yet; in memory: everything */
	size_t n, cap;
	uint64_t bytes;		     /* handed over so far */
	char error[OUT_ERROR_BYTES]; /* says what failed, where status is not 0 */
};

/* The descriptor stays the caller's. fd -1 collects in memory: `data` and `n`, until out_release().
 */
void out_init(struct out *o, int fd);
/* Writes what is buffered. 0 or the first -errno since out_init(). */
int out_finish(struct out *o);
void out_release(struct out *o);

void out_write(struct out *o, const void *data, size_t size);
void out_text(struct out *o, const char *text);
void out_char(struct out *o, char c);
void out_u64(struct out *o, uint64_t value);
void out_i64(struct out *o, int64_t value);
void out_printf(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* JSON: `"text"` with everything escaped that JSON or a <script> element wants escaped. */
void out_json(struct out *o, const char *text);
/* Text for HTML and SVG, in an element or a quoted attribute. Control characters become spaces. */
void out_xml(struct out *o, const char *text);

/* Sets the sticky error, unless there is one; returns `status`. */
int out_fail(struct out *o, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* For APIs that take a function: out_write(ctx = struct out), returns the status. */
int out_callback(void *out, const void *data, size_t size);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes in, base64 of their zlib stream out, in pieces and in constant memory. The first error
 * sticks: what comes after it is dropped, and html_stream_finish() returns it.
 */
#ifndef BD_HTML_STREAM_H
#define BD_HTML_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

struct html_stream {
	int (*write)(void *arg, const void *data, size_t size);
	void *arg;
	int err;
	z_stream z;
	size_t n_raw;
	size_t n_packed;
	uint8_t raw[1 << 15];
	uint8_t packed[3 << 13];
	char text[4 << 13];
};

/* 0 or -ENOMEM. The caller owns `s`, calls html_stream_finish() whatever happened. */
int html_stream_init(struct html_stream *s, int (*write)(void *, const void *, size_t), void *arg);
void html_stream_flush_raw(struct html_stream *s);
void html_stream_put(struct html_stream *s, const void *data, size_t size);
/* Writes what is left and frees what init took. Returns the first error, or 0. */
int html_stream_finish(struct html_stream *s);

static inline void html_stream_byte(struct html_stream *s, uint8_t byte)
{
	if (s->n_raw == sizeof(s->raw))
		html_stream_flush_raw(s);
	s->raw[s->n_raw++] = byte;
}

/* LEB128, low bits first. */
static inline void html_stream_varint(struct html_stream *s, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		html_stream_byte(s, v | 0x80);
	html_stream_byte(s, v);
}

#endif

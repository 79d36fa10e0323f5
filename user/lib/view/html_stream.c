// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/view/html_stream.h"

#include <errno.h>
#include <string.h>

int html_stream_init(struct html_stream *s, int (*write)(void *, const void *, size_t), void *arg)
{
	*s = (struct html_stream){.write = write, .arg = arg};
	/* The page is written while somebody waits for it: speed before size. */
	if (deflateInit(&s->z, Z_BEST_SPEED) != Z_OK) {
		s->err = -ENOMEM;
		return s->err;
	}
	s->z.next_out = s->packed;
	s->z.avail_out = sizeof(s->packed);
	return 0;
}

/* Only the last piece may have a length that is no multiple of three. */
static void emit_base64(struct html_stream *s, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *in = s->packed;
	char *out = s->text;
	size_t i;

	for (i = 0; i + 2 < n; i += 3) {
		uint32_t v = in[i] << 16 | in[i + 1] << 8 | in[i + 2];

		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = digits[v >> 6 & 63];
		*out++ = digits[v & 63];
	}
	if (i < n) {
		uint32_t v = in[i] << 16 | (i + 1 < n ? in[i + 1] << 8 : 0);

		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*out++ = '=';
	}
	if (!s->err && out > s->text)
		s->err = s->write(s->arg, s->text, out - s->text);
}

static int deflate_some(struct html_stream *s, int flush)
{
	int rc = deflate(&s->z, flush);

	if (s->z.avail_out == 0 || rc == Z_STREAM_END) {
		emit_base64(s, sizeof(s->packed) - s->z.avail_out);
		s->z.next_out = s->packed;
		s->z.avail_out = sizeof(s->packed);
	}
	return rc;
}

void html_stream_flush_raw(struct html_stream *s)
{
	s->z.next_in = s->raw;
	s->z.avail_in = s->n_raw;
	s->n_raw = 0;
	while (!s->err && s->z.avail_in)
		deflate_some(s, Z_NO_FLUSH);
}

void html_stream_put(struct html_stream *s, const void *data, size_t size)
{
	const uint8_t *p = data;

	while (size) {
		size_t n = sizeof(s->raw) - s->n_raw;

		if (n == 0) {
			html_stream_flush_raw(s);
			continue;
		}
		if (n > size)
			n = size;
		memcpy(s->raw + s->n_raw, p, n);
		s->n_raw += n;
		p += n;
		size -= n;
	}
}

int html_stream_finish(struct html_stream *s)
{
	html_stream_flush_raw(s);
	while (!s->err && deflate_some(s, Z_FINISH) != Z_STREAM_END)
		;
	deflateEnd(&s->z);
	return s->err;
}

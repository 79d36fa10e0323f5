// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/base/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void out_init(struct out *o, int fd)
{
	*o = (struct out){.fd = fd};
}

void out_release(struct out *o)
{
	free(o->data);
	*o = (struct out){.fd = -1};
}

int out_fail(struct out *o, int status, const char *format, ...)
{
	va_list args;

	if (o->status)
		return o->status;
	va_start(args, format);
	vsnprintf(o->error, sizeof(o->error), format, args);
	va_end(args);
	o->status = status;
	return status;
}

static void out_flush(struct out *o)
{
	size_t done = 0;

	while (done < o->n && !o->status) {
		ssize_t n = write(o->fd, o->data + done, o->n - done);

		if (n < 0 && errno != EINTR)
			out_fail(o, -errno, "%s", strerror(errno));
		else if (n > 0)
			done += n;
	}
	o->n = 0;
}

/* Room for `size` more bytes in the buffer, which they fit where it goes to a descriptor. */
static int out_room(struct out *o, size_t size)
{
	size_t cap = o->cap ? o->cap : OUT_BUFFER_BYTES;
	char *data;

	if (o->fd >= 0 && o->n + size > cap)
		out_flush(o);
	while (cap - o->n < size)
		cap *= 2;
	if (o->status || cap == o->cap)
		return o->status;
	data = realloc(o->data, cap);
	if (!data)
		return out_fail(o, -ENOMEM, "out of memory");
	o->data = data;
	o->cap = cap;
	return 0;
}

void out_write(struct out *o, const void *data, size_t size)
{
	const char *p = data;
	size_t part;

	o->bytes += o->status ? 0 : size;
	for (; size && !o->status; p += part, size -= part) {
		part = size < OUT_BUFFER_BYTES || o->fd < 0 ? size : OUT_BUFFER_BYTES;
		if (out_room(o, part))
			return;
		memcpy(o->data + o->n, p, part);
		o->n += part;
	}
}

int out_finish(struct out *o)
{
	if (o->fd >= 0)
		out_flush(o);
	return o->status;
}

int out_callback(void *out, const void *data, size_t size)
{
	out_write(out, data, size);
	return ((struct out *)out)->status;
}

void out_text(struct out *o, const char *text)
{
	out_write(o, text, strlen(text));
}

void out_char(struct out *o, char c)
{
	out_write(o, &c, 1);
}

void out_u64(struct out *o, uint64_t value)
{
	char digits[20], *p = digits + sizeof(digits);

	do {
		*--p = '0' + value % 10;
	} while (value /= 10);
	out_write(o, p, digits + sizeof(digits) - p);
}

void out_i64(struct out *o, int64_t value)
{
	if (value < 0)
		out_char(o, '-');
	out_u64(o, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void out_printf(struct out *o, const char *format, ...)
{
	char small[512], *large = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(small)) {
		out_write(o, small, n);
		return;
	}
	va_start(args, format);
	n = vasprintf(&large, format, args);
	va_end(args);
	if (n < 0)
		out_fail(o, -ENOMEM, "out of memory");
	else
		out_write(o, large, n);
	free(n < 0 ? NULL : large);
}

/* U+2028 and U+2029 end a line in older JavaScript; they begin with these two bytes. */
static size_t json_separator(const unsigned char *p)
{
	return p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9) ? 3 : 0;
}

void out_json(struct out *o, const char *text)
{
	static const char short_names[] = "btn\0fr";
	const unsigned char *p = (const unsigned char *)text, *from = p;

	out_char(o, '"');
	for (; *p; p++) {
		size_t separator = json_separator(p);
		bool control = *p < 0x20 || *p == 0x7f || *p == '<' || *p == '>' || *p == '&';

		if (!separator && !control && *p != '"' && *p != '\\')
			continue;
		out_write(o, from, p - from);
		if (separator)
			out_printf(o, "\\u20%02x", p[2] - 0x80u);
		else if (*p >= 8 && *p <= 13 && *p != 11)
			out_printf(o, "\\%c", short_names[*p - 8]);
		else if (control)
			out_printf(o, "\\u%04x", *p);
		else
			out_printf(o, "\\%c", *p);
		p += separator ? separator - 1 : 0;
		from = p + 1;
	}
	out_write(o, from, p - from);
	out_char(o, '"');
}

void out_xml(struct out *o, const char *text)
{
	static const struct {
		char c;
		const char *as;
	} escapes[] = {
		{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {'\'', "&#39;"},
	};
	const char *p = text, *from = text;

	for (; *p; p++) {
		const char *as = (unsigned char)*p < 0x20 || *p == 0x7f ? " " : NULL;

		/* XML has no U+FFFE and no U+FFFF; their last byte becomes U+FFFD's. */
		if (!strncmp(p, "\xef\xbf", 2) && ((unsigned char)p[2] == 0xbe || (unsigned char)p[2] == 0xbf)) {
			out_write(o, from, p + 2 - from);
			out_text(o, "\xbd");
			p += 2;
			from = p + 1;
			continue;
		}

		for (size_t i = 0; !as && i < sizeof(escapes) / sizeof(escapes[0]); i++)
			as = *p == escapes[i].c ? escapes[i].as : NULL;
		if (!as)
			continue;
		out_write(o, from, p - from);
		out_text(o, as);
		from = p + 1;
	}
	out_write(o, from, p - from);
}

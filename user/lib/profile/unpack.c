// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/profile/unpack.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GZIP_WINDOW (15 + 16)

/* Headers from 0xc0 to 0xdf: what they begin, and how many bytes of argument follow, or the fixed
 * length (MessagePack specification, "Formats"). */
static const struct header {
	uint8_t type, argument, fixed;
} headers[32] = {
	{UNPACK_NIL, 0, 0},   {UNPACK_BAD, 0, 0},   {UNPACK_BOOL, 0, 0},  {UNPACK_BOOL, 0, 1},
	{UNPACK_BIN, 1, 0},   {UNPACK_BIN, 2, 0},   {UNPACK_BIN, 4, 0},	  {UNPACK_EXT, 1, 0},
	{UNPACK_EXT, 2, 0},   {UNPACK_EXT, 4, 0},   {UNPACK_FLOAT, 4, 0}, {UNPACK_FLOAT, 8, 0},
	{UNPACK_UINT, 1, 0},  {UNPACK_UINT, 2, 0},  {UNPACK_UINT, 4, 0},  {UNPACK_UINT, 8, 0},
	{UNPACK_INT, 1, 0},   {UNPACK_INT, 2, 0},   {UNPACK_INT, 4, 0},	  {UNPACK_INT, 8, 0},
	{UNPACK_EXT, 0, 1},   {UNPACK_EXT, 0, 2},   {UNPACK_EXT, 0, 4},	  {UNPACK_EXT, 0, 8},
	{UNPACK_EXT, 0, 16},  {UNPACK_STR, 1, 0},   {UNPACK_STR, 2, 0},	  {UNPACK_STR, 4, 0},
	{UNPACK_ARRAY, 2, 0}, {UNPACK_ARRAY, 4, 0}, {UNPACK_MAP, 2, 0},	  {UNPACK_MAP, 4, 0},
};

void unpack_init(struct unpack *u, int fd, const void *data, size_t size, uint64_t limit,
		 char *error, size_t error_bytes)
{
	/* The buffers need no zeroes. */
	memset(u, 0, offsetof(struct unpack, window));
	u->fd = fd;
	u->next = data;
	u->left = size;
	u->limit = limit;
	u->error = error;
	u->error_bytes = error_bytes;
}

void unpack_release(struct unpack *u)
{
	if (u->gzip)
		inflateEnd(&u->zip);
	u->gzip = false;
}

int unpack_fail(struct unpack *u, int status, const char *format, ...)
{
	va_list args;

	if (u->status)
		return u->status;
	va_start(args, format);
	vsnprintf(u->error, u->error_bytes, format, args);
	va_end(args);
	u->status = status;
	return status;
}

/* More input where there is none left. 1, 0 at the end, or the error. */
static int unpack_read(struct unpack *u)
{
	ssize_t n;

	if (u->left)
		return 1;
	if (u->fd < 0)
		return 0;
	do {
		n = read(u->fd, u->input, sizeof(u->input));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return unpack_fail(u, -errno, "%s", strerror(errno));
	u->next = u->input;
	u->left = n;
	return n > 0;
}

/* Looks at the first byte: gzip, a bare MessagePack map, or something else. */
static int unpack_start(struct unpack *u)
{
	int more = unpack_read(u);

	if (more < 0)
		return more;
	if (!more)
		return unpack_fail(u, -EINVAL, "not a backdraft report: it is empty");
	u->started = true;
	if ((u->next[0] & 0xf0) == 0x80 || u->next[0] == 0xde || u->next[0] == 0xdf)
		return 0;
	if (u->next[0] != 0x1f)
		return unpack_fail(u, -EINVAL, "not a backdraft report: not gzip-compressed");
	if (inflateInit2(&u->zip, GZIP_WINDOW) != Z_OK)
		return unpack_fail(u, -ENOMEM, "out of memory");
	u->gzip = true;
	return 0;
}

/* Moves some input to the end of the window, as it is or decompressed. */
static int unpack_move(struct unpack *u)
{
	size_t room = sizeof(u->window) - u->n, part = u->left < room ? u->left : room;
	int status;

	if (!u->gzip) {
		memcpy(u->window + u->n, u->next, part);
		u->next += part;
		u->left -= part;
		u->n += part;
		u->unpacked += part;
		return 0;
	}
	u->zip.next_in = (uint8_t *)u->next;
	u->zip.avail_in = u->left < UINT32_MAX ? u->left : UINT32_MAX;
	u->zip.next_out = u->window + u->n;
	u->zip.avail_out = room;
	status = inflate(&u->zip, Z_NO_FLUSH);
	u->left -= u->zip.next_in - u->next;
	u->next = u->zip.next_in;
	u->unpacked += room - u->zip.avail_out;
	u->n += room - u->zip.avail_out;
	u->ended = status == Z_STREAM_END;
	if (status == Z_MEM_ERROR)
		return unpack_fail(u, -ENOMEM, "out of memory");
	if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
		return unpack_fail(u, -EINVAL, "not a backdraft report, or a damaged one: %s",
				   u->zip.msg ? u->zip.msg : "bad gzip data");
	return 0;
}

/* At least `size` bytes in the window from `at` on. 1, 0 at the end of the input, or the error. */
static int unpack_fill(struct unpack *u, size_t size)
{
	if (u->status)
		return u->status;
	if (!u->started && unpack_start(u))
		return u->status;
	memmove(u->window, u->window + u->at, u->n - u->at);
	u->n -= u->at;
	u->at = 0;
	while (u->n < size && !u->ended) {
		int more = unpack_read(u);

		if (more < 0)
			return more;
		if (!more)
			return 0;
		if (unpack_move(u))
			return u->status;
		if (u->unpacked > u->limit)
			return unpack_fail(u, -EFBIG, "unpacks to over %llu MB, the limit",
					   (unsigned long long)u->limit >> 20);
	}
	return u->n >= size;
}

static int unpack_need(struct unpack *u, size_t size)
{
	int have = u->n - u->at >= size && !u->status ? 1 : unpack_fill(u, size);

	if (have > 0)
		return 0;
	return have < 0 ? have : unpack_fail(u, -EINVAL, "cut short: it ends in the middle");
}

const uint8_t *unpack_bytes(struct unpack *u, size_t size)
{
	const uint8_t *p;

	if (size > UNPACK_BYTES_MAX || unpack_need(u, size)) {
		unpack_fail(u, -EFBIG, "a text of %zu bytes", size);
		return NULL;
	}
	p = u->window + u->at;
	u->at += size;
	return p;
}

const uint8_t *unpack_last(const struct unpack *u, const struct unpack_token *token)
{
	return u->window + u->at - token->header;
}

static void unpack_signed(struct unpack_token *t, unsigned int bytes)
{
	unsigned int shift = 64 - 8 * bytes;

	t->i = (int64_t)(t->u << shift) >> shift;
	if (t->i >= 0) {
		t->type = UNPACK_UINT;
		t->u = t->i;
	}
}

static void unpack_float(struct unpack_token *t, unsigned int bytes)
{
	uint32_t word = t->u;
	float f;

	memcpy(&f, &word, sizeof(f));
	memcpy(&t->f, &t->u, sizeof(t->f));
	if (bytes == sizeof(f))
		t->f = f;
}

/* Headers that carry their value in the first byte. False where it is one of headers[]. */
static bool unpack_short(uint8_t first, struct unpack_token *ret)
{
	if (first < 0x80)
		*ret = (struct unpack_token){.type = UNPACK_UINT, .u = first, .header = 1};
	else if (first >= 0xe0)
		*ret = (struct unpack_token){.type = UNPACK_INT, .i = (int8_t)first, .header = 1};
	else if (first < 0x90)
		*ret = (struct unpack_token){.type = UNPACK_MAP, .u = first & 15, .header = 1};
	else if (first < 0xa0)
		*ret = (struct unpack_token){.type = UNPACK_ARRAY, .u = first & 15, .header = 1};
	else if (first < 0xc0)
		*ret = (struct unpack_token){.type = UNPACK_STR, .u = first & 31, .header = 1};
	return first < 0xc0 || first >= 0xe0;
}

int unpack_next(struct unpack *u, struct unpack_token *ret)
{
	const struct header *h;
	const uint8_t *p;

	if (unpack_need(u, 1))
		return u->status;
	if (unpack_short(u->window[u->at], ret)) {
		u->at++;
		return 0;
	}
	h = &headers[u->window[u->at] - 0xc0];
	if (h->type == UNPACK_BAD)
		return unpack_fail(u, -EINVAL, "not a backdraft report: not MessagePack");
	if (unpack_need(u, 1 + h->argument))
		return u->status;
	*ret = (struct unpack_token){.type = h->type, .u = h->fixed, .header = 1 + h->argument};
	p = u->window + u->at + 1;
	for (unsigned int i = 0; i < h->argument; i++)
		ret->u = ret->u << 8 | p[i];
	/* The type of an extension counts to what follows. */
	ret->u += h->type == UNPACK_EXT;
	if (h->type == UNPACK_INT)
		unpack_signed(ret, h->argument);
	else if (h->type == UNPACK_FLOAT)
		unpack_float(ret, h->argument);
	u->at += ret->header;
	return 0;
}

int unpack_end(struct unpack *u)
{
	int more = unpack_fill(u, 1);

	if (more < 0)
		return more;
	if (u->n > u->at)
		return unpack_fail(u, -EINVAL, "damaged: bytes after its end");
	if (!u->gzip)
		return 0;
	if (!u->ended)
		return unpack_fail(u, -EINVAL, "cut short: it ends in the middle");
	more = unpack_read(u);
	if (more > 0)
		return unpack_fail(u, -EINVAL, "damaged: bytes after its end");
	return more;
}

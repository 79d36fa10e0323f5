// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/symbols/perf_map.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/symbols/addresses.h"

#define CHUNK_BYTES 65536

struct search {
	const uint64_t *addresses;
	size_t n;
	struct perf_map_symbol *found;
	uint64_t work;
};

static bool hex(const char **p, const char *end, uint64_t *ret)
{
	const char *q = *p;
	uint64_t value = 0;
	int digits = 0;

	if (end - q > 2 && q[0] == '0' && (q[1] == 'x' || q[1] == 'X'))
		q += 2;
	for (; q < end; q++, digits++) {
		char c = *q | 0x20;

		if (*q >= '0' && *q <= '9')
			value = value << 4 | (uint64_t)(*q - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	if (digits == 0 || digits > 16 || q == end || *q != ' ')
		return false;
	while (q < end && *q == ' ')
		q++;
	*p = q;
	*ret = value;
	return true;
}

/* `at` is the place of `p` in the file. */
static int consider(struct search *s, const char *p, const char *end, uint64_t at)
{
	struct perf_map_symbol sym;
	const char *q = p;

	if (!hex(&q, end, &sym.start) || !hex(&q, end, &sym.size))
		return 0;
	while (end > q && (end[-1] == ' ' || end[-1] == '\r'))
		end--;
	if (q == end)
		return 0;
	sym.name = at + (uint64_t)(q - p);
	sym.name_len = end - q > PERF_MAP_NAME_MAX ? PERF_MAP_NAME_MAX : (uint32_t)(end - q);
	for (size_t i = addresses_find(s->addresses, s->n, sym.start);
	     i < s->n && s->addresses[i] - sym.start < sym.size; i++) {
		if (++s->work > PERF_MAP_WORK_MAX)
			return -E2BIG;
		s->found[i] = sym;
	}
	return 0;
}

/* Takes the whole lines of the chunk; returns how many bytes they were. */
static int64_t take_lines(struct search *s, const char *chunk, size_t len, uint64_t at,
			  bool *in_long)
{
	const char *p = chunk, *end;

	while ((end = memchr(p, '\n', len - (size_t)(p - chunk)))) {
		int err = *in_long ? 0 : consider(s, p, end, at + (uint64_t)(p - chunk));

		if (err < 0)
			return err;
		*in_long = false;
		p = end + 1;
	}
	return p - chunk;
}

int perf_map_find(int fd, const uint64_t *addresses, size_t n, struct perf_map_symbol *found)
{
	struct search s = {.addresses = addresses, .n = n, .found = found};
	char chunk[CHUNK_BYTES];
	uint64_t at = 0; /* place of the chunk's begin in the file */
	size_t held = 0;
	bool in_long = false;
	int count = 0;

	for (size_t i = 1; i < n; i++)
		if (addresses[i] < addresses[i - 1])
			return -EINVAL;
	for (;;) {
		ssize_t got = pread(fd, chunk + held, sizeof(chunk) - held, (off_t)(at + held));
		int64_t taken;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		held += (size_t)got;
		if (at + held > PERF_MAP_BYTES_MAX)
			return -EFBIG;
		taken = take_lines(&s, chunk, held, at, &in_long);
		if (taken < 0)
			return (int)taken;
		/* A line longer than the chunk: its begin has all that is used, the rest is
		 * skipped. */
		if (taken == 0 && held == sizeof(chunk)) {
			if (!in_long && consider(&s, chunk, chunk + held, at) < 0)
				return -E2BIG;
			in_long = true;
			taken = (int64_t)held;
		}
		held -= (size_t)taken;
		memmove(chunk, chunk + taken, held);
		at += (uint64_t)taken;
	}
	if (held && !in_long && consider(&s, chunk, chunk + held, at) < 0)
		return -E2BIG;
	for (size_t i = 0; i < n; i++)
		count += found[i].name_len != 0;
	return count;
}

int perf_map_name(int fd, const struct perf_map_symbol *s, char *buf, size_t size)
{
	size_t want = s->name_len < size - 1 ? s->name_len : size - 1;
	ssize_t got;

	do
		got = pread(fd, buf, want, (off_t)s->name);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	buf[got] = '\0';
	return (int)strnlen(buf, (size_t)got);
}

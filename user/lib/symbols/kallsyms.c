// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/symbols/kallsyms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024
#define MODULES_MAX 65535
#define NO_NAME UINT32_MAX /* data begins here: it ends the function before */

struct entry {
	uint64_t start;
	uint32_t name;	 /* offset in the names */
	uint16_t module; /* index in the modules, 0: the kernel */
	char type;
};

struct kallsyms {
	struct entry *entries;
	size_t n, cap;
	char *names;
	size_t names_len, names_cap;
	uint32_t *modules; /* offsets in the names */
	size_t n_modules;
};

static int grow(void **p, size_t *cap, size_t need, size_t each)
{
	size_t n = *cap ? *cap : 4096;
	void *q;

	if (need <= *cap)
		return 0;
	while (n < need)
		n += n / 2;
	q = realloc(*p, n * each);
	if (!q)
		return -ENOMEM;
	*p = q;
	*cap = n;
	return 0;
}

static int64_t add_text(struct kallsyms *k, const char *text, size_t len)
{
	size_t at = k->names_len;

	if (at + len + 1 > NO_NAME - 1)
		return -E2BIG;
	if (grow((void **)&k->names, &k->names_cap, at + len + 1, 1) < 0)
		return -ENOMEM;
	memcpy(k->names + at, text, len);
	k->names[at + len] = '\0';
	k->names_len += len + 1;
	return (int64_t)at;
}

/* Symbols of one module come together, so the last one is nearly always the right one. */
static int64_t add_module(struct kallsyms *k, const char *text, size_t len)
{
	uint32_t *grown;
	int64_t at;

	for (size_t i = k->n_modules; i > 1; i--) {
		const char *known = k->names + k->modules[i - 1];

		if (strncmp(known, text, len) == 0 && known[len] == '\0')
			return (int64_t)i - 1;
	}
	if (k->n_modules >= MODULES_MAX)
		return -E2BIG;
	at = add_text(k, text, len);
	if (at < 0)
		return at;
	grown = realloc(k->modules, (k->n_modules + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	k->modules = grown;
	k->modules[k->n_modules] = (uint32_t)at;
	return (int64_t)k->n_modules++;
}

static int add_entry(struct kallsyms *k, const struct entry *e)
{
	if (k->n >= KALLSYMS_MAX)
		return -E2BIG;
	if (grow((void **)&k->entries, &k->cap, k->n + 1, sizeof(*e)) < 0)
		return -ENOMEM;
	k->entries[k->n++] = *e;
	return 0;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "ffffffff81000000 T name\t[module]"; `end` is where the line break is. */
static int parse_line(struct kallsyms *k, const char *p, const char *end)
{
	struct entry e = {.name = NO_NAME};
	const char *name, *stop;
	int64_t at;
	int digit, digits = 0;

	for (; p < end && (digit = hex_digit(*p)) >= 0; p++, digits++)
		e.start = e.start << 4 | (unsigned)digit;
	if (digits == 0 || digits > 16 || end - p < 4 || p[0] != ' ' || p[2] != ' ')
		return -EBADMSG;
	e.type = p[1];
	if (e.start == 0)
		return 0;
	if (!strchr("tTwW", e.type))
		return k->n && k->entries[k->n - 1].name == NO_NAME &&
				       k->entries[k->n - 1].start <= e.start
			       ? 0
			       : add_entry(k, &e);
	name = p + 3;
	stop = memchr(name, '\t', (size_t)(end - name));
	at = add_text(k, name, (size_t)((stop ? stop : end) - name));
	if (at < 0)
		return (int)at;
	e.name = (uint32_t)at;
	if (stop && end - stop > 3 && stop[1] == '[' && end[-1] == ']') {
		at = add_module(k, stop + 2, (size_t)(end - stop - 3));
		if (at < 0)
			return (int)at;
		e.module = (uint16_t)at;
	}
	return add_entry(k, &e);
}

static int read_lines(struct kallsyms *k, int fd)
{
	char buf[65536];
	size_t held = 0;
	int err;

	for (;;) {
		ssize_t got = read(fd, buf + held, sizeof(buf) - held);
		const char *p = buf, *line_end;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return held ? parse_line(k, buf, buf + held) : 0;
		held += (size_t)got;
		while ((line_end = memchr(p, '\n', held))) {
			err = parse_line(k, p, line_end);
			if (err < 0)
				return err;
			held -= (size_t)(line_end + 1 - p);
			p = line_end + 1;
		}
		if (held > LINE_MAX_BYTES)
			return -EBADMSG;
		memmove(buf, p, held);
	}
}

static int compare_start(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Of aliases: a function, not weak, global, fewest leading underscores, the longer, the alphabet.
 */
static bool better(const struct kallsyms *k, const struct entry *a, const struct entry *b)
{
	static const char order[] = "TtWw";
	const char *x, *y;
	size_t under_x, under_y;

	if (a->name == NO_NAME || b->name == NO_NAME)
		return b->name == NO_NAME;
	if (a->type != b->type)
		return strchr(order, a->type) < strchr(order, b->type);
	x = k->names + a->name;
	y = k->names + b->name;
	under_x = strspn(x, "_");
	under_y = strspn(y, "_");
	if (under_x != under_y)
		return under_x < under_y;
	return strlen(x) != strlen(y) ? strlen(x) > strlen(y) : strcmp(x, y) < 0;
}

static void sort_entries(struct kallsyms *k)
{
	size_t out = 0, i;

	for (i = 1; i < k->n && k->entries[i - 1].start <= k->entries[i].start; i++)
		;
	if (i < k->n)
		qsort(k->entries, k->n, sizeof(*k->entries), compare_start);
	for (i = 0; i < k->n; i++) {
		if (out && k->entries[out - 1].start == k->entries[i].start) {
			if (better(k, &k->entries[i], &k->entries[out - 1]))
				k->entries[out - 1] = k->entries[i];
		} else {
			k->entries[out++] = k->entries[i];
		}
	}
	k->n = out;
}

int kallsyms_read(int fd, struct kallsyms **ret)
{
	struct kallsyms *k = calloc(1, sizeof(*k));
	bool named = false;
	int err = -ENOMEM;

	if (!k)
		return err;
	k->modules = calloc(1, sizeof(*k->modules));
	if (!k->modules)
		goto out;
	k->n_modules = 1;
	err = read_lines(k, fd);
	if (err < 0)
		goto out;
	for (size_t i = 0; i < k->n && !named; i++)
		named = k->entries[i].name != NO_NAME;
	err = named ? 0 : -EPERM;
	if (err < 0)
		goto out;
	sort_entries(k);
	*ret = k;
	return 0;
out:
	kallsyms_free(k);
	return err;
}

void kallsyms_free(struct kallsyms *k)
{
	if (!k)
		return;
	free(k->entries);
	free(k->names);
	free(k->modules);
	free(k);
}

size_t kallsyms_count(const struct kallsyms *k)
{
	return k->n;
}

size_t kallsyms_bytes(const struct kallsyms *k)
{
	return k->cap * sizeof(*k->entries) + k->names_cap + k->n_modules * sizeof(*k->modules);
}

bool kallsyms_find(const struct kallsyms *k, uint64_t address, struct kallsyms_symbol *ret)
{
	const struct entry *e = k->entries;
	size_t n = k->n;

	/* The last entry that starts at or below the address. */
	while (n > 1) {
		size_t half = n / 2;

		if (e[half].start <= address)
			e += half;
		n -= half;
	}
	if (k->n == 0 || e->start > address || e->name == NO_NAME ||
	    address - e->start >= KALLSYMS_REACH_BYTES)
		return false;
	*ret = (struct kallsyms_symbol){
		.start = e->start,
		.name = k->names + e->name,
		.module = e->module ? k->names + k->modules[e->module] : NULL,
	};
	return true;
}

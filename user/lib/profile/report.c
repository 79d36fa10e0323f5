// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/profile/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/profile/intern.h"
#include "user/lib/base/utf8.h"
#include "user/lib/profile/wire.h"

#define WIRE_ROOT report
#define WIRE_DEF "wire.def"
#define WIRE_SCHEMA REPORT_SCHEMA
#define WIRE_WHAT "report"
#include "user/lib/profile/wire_describe.h"

int report_init(struct report *r)
{
	return wire_init(&wire_root_report, r);
}

void report_release(struct report *r)
{
	wire_release(&wire_report, r);
}

int64_t report_intern(struct report *r, const char *text)
{
	return report_intern_n(r, text, text ? strlen(text) : 0);
}

int64_t report_intern_n(struct report *r, const char *text, size_t len)
{
	return intern_text(&r->strings, text ? text : "", text ? len : 0);
}

const char *report_text(const struct report *r, uint32_t ref)
{
	return ref < r->strings.n ? r->strings.text[ref] : "";
}

bool report_has_client(const struct report *r)
{
	for (size_t i = 0; i < r->threads.n; i++)
		if (r->threads.client[i])
			return true;
	return false;
}

int report_set(char **field, const char *text)
{
	size_t len = text ? strlen(text) : 0;
	char *copy = NULL;

	if (text) {
		copy = malloc(len * UTF8_GROWTH + 1);
		if (!copy)
			return -ENOMEM;
		len = utf8_clean(text, len, copy);
	}
	free(*field);
	*field = copy;
	return 0;
}

/* Where `name` is, or belongs, in the sorted names. */
static size_t counts_find(const struct report_counts *c, const char *name, bool *ret_found)
{
	size_t low = 0, high = c->n;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(c->name[middle], name);

		if (order < 0) {
			low = middle + 1;
		} else {
			*ret_found |= !order;
			high = middle;
		}
	}
	return low;
}

static int counts_insert(struct report_counts *c, size_t at, char *owned)
{
	char **name = realloc(c->name, (c->n + 1) * sizeof(*name));
	uint64_t *count = name ? realloc(c->count, (c->n + 1) * sizeof(*count)) : NULL;

	c->name = name ? name : c->name;
	c->count = count ? count : c->count;
	if (!count)
		return -ENOMEM;
	memmove(name + at + 1, name + at, (c->n - at) * sizeof(*name));
	memmove(count + at + 1, count + at, (c->n - at) * sizeof(*count));
	name[at] = owned;
	count[at] = 0;
	c->n++;
	return 0;
}

int report_count(struct report_counts *counts, const char *name, uint64_t add)
{
	char *clean = NULL;
	bool found;
	size_t at;

	if (report_set(&clean, name ? name : ""))
		return -ENOMEM;
	at = counts_find(counts, clean, &found);
	if (!found && counts_insert(counts, at, clean)) {
		free(clean);
		return -ENOMEM;
	}
	if (found)
		free(clean);
	if (__builtin_add_overflow(counts->count[at], add, &counts->count[at]))
		counts->count[at] = UINT64_MAX;
	return 0;
}

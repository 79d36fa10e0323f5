// SPDX-License-Identifier: BSD-2-Clause
/*
 * Logs of many programs, tests/golden/scrub*.logs: what is personal is marked there, and what only
 * looks so. Prints how much of the one was found and how much of the other was kept.
 */
#include "scrub_own.h"

#define LINE_BYTES 4096
#define OPEN "\xc2\xab"	    /* « */
#define CLOSE "\xc2\xbb"    /* » */
#define KEEP "\xe2\x80\xb9" /* ‹ */
#define KEPT "\xe2\x80\xba" /* › */
#define MARKS_MAX 40

/* One line: as the program wrote it, as it is to be, and the stretches that are marked. */
struct line {
	char text[LINE_BYTES], expected[LINE_BYTES];
	char personal[MARKS_MAX][256], alike[MARKS_MAX][256];
	bool name[MARKS_MAX]; /* of a person or a host */
	size_t n_personal, n_alike;
};

struct totals {
	size_t lines, wrong, personal, found, extra, alike, kept;
	size_t names, names_found;
};

static bool take(const char **at, const char *what)
{
	size_t n = strlen(what);
	bool is = !strncmp(*at, what, n);

	*at += is ? n : 0;
	return is;
}

static void append(char *to, const char *text, size_t n)
{
	size_t len = strlen(to);

	assert_true(len + n < LINE_BYTES);
	memcpy(to + len, text, n);
	to[len + n] = '\0';
}

/* `«kind value»`: the value to the text, `<kind>` to what is expected. */
static void read_personal(struct line *l, const char **at)
{
	const char *kind = *at, *value = strchr(kind, ' ') + 1, *end = strstr(kind, CLOSE);
	char mark[64];

	assert_true(end && value < end && l->n_personal < MARKS_MAX && end - value < 256);
	snprintf(mark, sizeof(mark), "<%.*s>", (int)(value - 1 - kind), kind);
	append(l->expected, mark, strlen(mark));
	append(l->text, value, end - value);
	l->name[l->n_personal] = !strcmp(mark, "<user>") || !strcmp(mark, "<host>");
	memcpy(l->personal[l->n_personal++], value, end - value);
	*at = end + strlen(CLOSE);
}

static void read_line(const char *at, struct line *l)
{
	memset(l, 0, sizeof(*l));
	while (*at && *at != '\n') {
		if (take(&at, OPEN)) {
			read_personal(l, &at);
		} else if (take(&at, KEEP)) {
			const char *end = strstr(at, KEPT);

			assert_true(end && l->n_alike < MARKS_MAX && end - at < 256);
			memcpy(l->alike[l->n_alike++], at, end - at);
			append(l->text, at, end - at);
			append(l->expected, at, end - at);
			at = end + strlen(KEPT);
		} else {
			append(l->text, at, 1);
			append(l->expected, at++, 1);
		}
	}
}

static size_t occurrences(const char *text, const char *of)
{
	size_t n = 0;

	for (; (text = strstr(text, of)); text += strlen(of))
		n++;
	return n;
}

/* Marks in a text, as own_plain() leaves them. */
static size_t marks(const char *text)
{
	static const char *const names[] = {"<host>",  "<user>",  "<home>", "<ip>",   "<mac>",
					    "<email>", "<token>", "<card>", "<iban>", "<phone>",
					    "<uuid>",  "<query>", "<arg>",  "<env>"};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		n += occurrences(text, names[i]);
	return n;
}

static void add_up(const struct line *l, const char *got, struct totals *t)
{
	size_t found = 0;

	for (size_t i = 0; i < l->n_personal; i++) {
		bool is = !strstr(got, l->personal[i]) ||
			  (strstr(l->expected, l->personal[i]) &&
			   occurrences(got, l->personal[i]) ==
				   occurrences(l->expected, l->personal[i]));

		found += is;
		t->names += l->name[i];
		t->names_found += l->name[i] && is;
	}
	for (size_t i = 0; i < l->n_alike; i++)
		t->kept += strstr(got, l->alike[i]) != NULL;
	t->lines++;
	t->personal += l->n_personal;
	t->alike += l->n_alike;
	t->found += found;
	t->extra += marks(got) > found ? marks(got) - found : 0;
	t->wrong += strcmp(got, l->expected) != 0;
	if (strcmp(got, l->expected))
		print_error("expect: %s\n   got: %s\n", l->expected, got);
}

static double recall(const struct totals *t)
{
	return 100.0 * t->found / t->personal;
}

/* Of addresses, secrets, numbers and the like, which are known by their form. */
static double rest_recall(const struct totals *t)
{
	return 100.0 * (t->found - t->names_found) / (t->personal - t->names);
}

static double precision(const struct totals *t)
{
	return 100.0 * t->found / (t->found + t->extra);
}

static void measure(const char *path, struct totals *t)
{
	FILE *file = fopen(path, "r");
	/* Without the user `max`, whose name is a word of many logs. */
	struct scrub_options o = {0};
	struct scrub_word words[OWN_WORDS];
	char error[SCRUB_ERROR_BYTES];
	struct scrub *s;
	static struct line line;
	char text[LINE_BYTES];

	assert_non_null(file);
	o.words = words;
	o.n_words = 0;
	for (size_t i = 0; i < OWN_WORDS; i++)
		if (strcmp(own_words[i].text, "max"))
			words[o.n_words++] = own_words[i];
	assert_int_equal(scrub_new(&o, &s, error), 0);
	while (fgets(text, sizeof(text), file)) {
		char *got;

		if (text[0] == '#')
			continue;
		read_line(text, &line);
		got = own_scrubbed(s, SCRUB_TEXT, line.text);
		own_plain(got, strlen(got));
		add_up(&line, got, t);
	}
	fclose(file);
	scrub_free(s);
	printf("# measured: %s: %zu lines, %zu values: recall %.1f %% (names of people and hosts "
	       "%.1f %%, all else %.1f %%), precision %.1f %%; %zu of %zu look-alikes kept\n",
	       path, t->lines, t->personal, recall(t), 100.0 * t->names_found / t->names,
	       rest_recall(t), precision(t), t->kept, t->alike);
}

/* The rules were made with these lines in view: everything is found. */
static void test_logs(void **state)
{
	struct totals t = {0};

	measure("tests/golden/scrub.logs", &t);
	assert_true(t.lines >= 300 && t.personal >= 300 && t.alike >= 100);
	assert_int_equal(t.found, t.personal);
	assert_int_equal(t.kept, t.alike);
	assert_int_equal(t.extra, 0);
	assert_int_equal(t.wrong, 0);
}

/* Rules were made with these in view as well, but only such as say something of other programs too. */
static void test_other_programs(void **state)
{
	struct totals t = {0};

	measure("tests/golden/scrub-other.logs", &t);
	assert_true(t.lines >= 300 && t.personal >= 500);
	assert_true(recall(&t) >= 94 && precision(&t) >= 98 && rest_recall(&t) >= 98);
}

/*
 * No rule has seen these, so the bounds are what is found and no aim: names in forms that only one program
 * writes are what is missed.
 */
static void test_held_out(void **state)
{
	struct totals t = {0};

	measure("tests/golden/scrub-held-out.logs", &t);
	assert_true(t.lines >= 50 && t.personal >= 70);
	assert_true(recall(&t) >= 79 && precision(&t) >= 95 && rest_recall(&t) >= 95);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_logs),
					   cmocka_unit_test(test_other_programs),
					   cmocka_unit_test(test_held_out)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

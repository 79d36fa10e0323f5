// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench-scrub FILE: scrubs the lines of a file again and again for about half a second of CPU, and
 * prints `LINES BYTES US_TO_COMPILE NS_A_LINE NS_OF_200_BYTES`. Lines that begin with # are left
 * out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/lib/scrub/scrub.h"

#define LINES_MAX 10000
#define RUN_S 0.5

static const struct scrub_word words[] = {
	{SCRUB_hostname, "falcon7"},
	{SCRUB_user, "annaberg"},
	{SCRUB_user, "Anna Bergstroem"},
	{SCRUB_home, "/srv/people/annaberg"},
};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static size_t read_lines(FILE *file, char **lines)
{
	size_t n = 0, cap = 0;
	char *line = NULL;

	while (n < LINES_MAX && getline(&line, &cap, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || !line[0])
			continue;
		lines[n++] = line;
		line = NULL;
		cap = 0;
	}
	free(line);
	return n;
}

/* ns of CPU a line; what comes out is looked at, so that nothing can be left out. */
static double measure(struct scrub *s, char *const *lines, size_t n, size_t *ret_bytes)
{
	double begin = seconds(), now = begin;
	size_t done = 0, bytes = 0;

	for (; now - begin < RUN_S; now = seconds())
		for (size_t i = 0; i < n; i++, done++) {
			const char *ret;
			size_t len = strlen(lines[i]), left;

			if (scrub_text(s, SCRUB_TEXT, false, lines[i], len, &ret, &left) || !left)
				exit(1);
			bytes += len;
		}
	*ret_bytes = bytes / (done / n);
	return (now - begin) * 1e9 / done;
}

int main(int argc, char **argv)
{
	struct scrub_options options = {.words = words,
					.n_words = sizeof(words) / sizeof(words[0])};
	static char *lines[LINES_MAX];
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
	char error[SCRUB_ERROR_BYTES];
	struct scrub *s;
	double begin, compile;
	size_t n, bytes;

	if (!file) {
		fprintf(stderr, "usage: bench-scrub FILE: %s\n",
			argc == 2 ? strerror(errno) : "one file");
		return 2;
	}
	n = read_lines(file, lines);
	begin = seconds();
	if (!n || scrub_new(&options, &s, error)) {
		fprintf(stderr, "bench-scrub: %s\n", n ? error : "no lines");
		return 1;
	}
	compile = seconds() - begin;
	double ns = measure(s, lines, n, &bytes);

	printf("%zu %zu %.0f %.0f %.0f\n", n, bytes, compile * 1e6, ns, ns * n / bytes * 200);
	scrub_free(s);
	fclose(file);
	return 0;
}

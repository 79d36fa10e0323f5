// SPDX-License-Identifier: BSD-2-Clause
/* backdraft top: clients and threads live in the terminal, as the daemon sees them. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "user/common/clock.h"
#include "user/verbs/control_client.h"
#include "user/verbs/terminal.h"
#include "user/lib/status/status_text.h"
#include "user/common/verb.h"

#define PERIOD_MS 1000

/* The other screen, without a cursor and with lines that end at its edge; and back. */
#define BEGIN "\033[?1049h\033[?25l\033[?7l"
#define END "\033[?7h\033[?25h\033[?1049l"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_REST "\033[J"

enum { OPTION_CONFIG = VERB_LONG_ONLY };

const struct verb_option verb_top_options[] = {
	{'n', "count", "N", "end after so many screens"},
	{OPTION_CONFIG, "config", "FILE",
	 "where the socket is named; /etc/backdraft/backdraft.conf"},
	{0},
};

static volatile sig_atomic_t ended;

static void on_end(int number)
{
	ended = 1;
}

static int write_all(const char *data, size_t n)
{
	while (n) {
		ssize_t done = write(STDOUT_FILENO, data, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		data += done;
		n -= done;
	}
	return 0;
}

/* One screen, line by line over the last one: nothing flickers. */
static int draw(const struct status *s, bool live)
{
	struct status_text_options options = {.now_s = time(NULL)};
	struct out page, screen;
	int status;

	terminal_look(STDOUT_FILENO, &options.columns, &options.rows, &options.colour);
	out_init(&page, -1);
	out_init(&screen, -1);
	status = status_write_top(s, &options, &page);
	if (live)
		out_text(&screen, HOME);
	for (size_t i = 0; !status && i < page.n; i++) {
		/* A newline behind the last line would scroll. */
		if (page.data[i] == '\n' && live)
			out_text(&screen, i + 1 < page.n ? CLEAR_LINE "\r\n" : CLEAR_LINE);
		else
			out_char(&screen, page.data[i]);
	}
	if (live)
		out_text(&screen, CLEAR_REST);
	status = status ? status : screen.status;
	if (!status)
		status = write_all(screen.data, screen.n);
	out_release(&page);
	out_release(&screen);
	if (status)
		verb_error("standard output: %s", strerror(-status));
	return status ? VERB_FAILED : VERB_DONE;
}

/* Until `end_ns`; true when the person wants to go, or the terminal has gone. */
static bool wait_for_key(uint64_t end_ns)
{
	struct pollfd key = {.fd = STDIN_FILENO, .events = POLLIN};

	while (!ended) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC);
		char c;

		if (now >= end_ns)
			return false;
		if (poll(&key, 1, (end_ns - now) / 1000000 + 1) <= 0)
			continue;
		if (read(STDIN_FILENO, &c, 1) != 1 || c == 'q' || c == 'Q' || c == 3 || c == 27)
			return true;
	}
	return true;
}

static int run(struct control_client *c, bool live, unsigned long count)
{
	for (unsigned long i = 0; !ended && (!count || i < count); i++) {
		uint64_t begin = clock_ns(CLOCK_MONOTONIC);
		struct status s;
		int status = control_client_status(c, STATUS_TOP, &s);

		if (status)
			return status;
		status = draw(&s, live);
		status_release(&s);
		if (status)
			return status;
		if (count && i + 1 == count)
			break;
		if (live ? wait_for_key(begin + PERIOD_MS * 1000000ull)
			 : poll(NULL, 0, PERIOD_MS) < 0)
			break;
	}
	return VERB_DONE;
}

/* Keys come one by one and are not shown. What was is put back in any case but SIGKILL. */
static int run_live(struct control_client *c, unsigned long count)
{
	struct sigaction action = {.sa_handler = on_end};
	struct termios before, raw;
	bool keys = !tcgetattr(STDIN_FILENO, &before);
	int status;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	if (keys) {
		raw = before;
		raw.c_lflag &= ~(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	write_all(BEGIN, strlen(BEGIN));
	status = run(c, true, count);
	write_all(END, strlen(END));
	if (keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	return status;
}

static int parse_count(unsigned long *ret)
{
	char end;

	if (sscanf(optarg, "%lu%c", ret, &end) != 1 || !*ret || *optarg == '-')
		return verb_usage("top", "-n: '%s' is no number of screens", optarg);
	return VERB_DONE;
}

int verb_top(int argc, char **argv)
{
	bool live = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
	const char *config = NULL;
	struct control_client c;
	unsigned long count = 0;
	int id, status;

	while ((id = verb_getopt(verb_top_options, argc, argv)) != -1) {
		if (id == OPTION_CONFIG)
			config = optarg;
		else if (id != 'n' || parse_count(&count))
			return VERB_WRONG_USE;
	}
	if (optind < argc)
		return verb_usage("top", "'%s' is one name too many", argv[optind]);
	/* Into a file or a pipe: one screen, unless more are asked for. */
	if (!live && !count)
		count = 1;
	status = control_client_open(config, &c);
	if (status)
		return status;
	status = live ? run_live(&c, count) : run(&c, false, count);
	control_client_close(&c);
	return status;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * The daemon's clients, driven by /proc instead of BPF.
 *
 *   clients_driver CONFIG SECONDS     a line of JSON for each second; ends when that many have passed
 *   clients_driver CONFIG check       what `watch --check` says, one second after the start
 *   clients_driver CONFIG identity    a line `name version build_id container` for each client
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "user/clients/client_identity.h"
#include "user/clients/clients.h"
#include "user/common/clock.h"
#include "user/lib/base/out.h"
#include "user/reader/reader.h"
#include "user/common/small_file.h"

#define CONFIG_BYTES (256 * 1024)

static void fail(const char *what, int err)
{
	fprintf(stderr, "clients_driver: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void number(struct out *o, const char *name, double value)
{
	if (isnan(value))
		out_printf(o, ",\"%s\":null", name);
	else
		out_printf(o, ",\"%s\":%.6f", name, value);
}

static void second_json(struct out *o, const struct client_second *s)
{
	out_text(o, "{\"name\":");
	out_json(o, s->name);
	out_printf(o, ",\"processes\":%u,\"threads\":%u,\"rss_bytes\":%llu", s->processes, s->threads,
		   (unsigned long long)s->rss_bytes);
	number(o, "cpu_cores", s->cpu_cores);
	number(o, "limit_cores", s->limit_cores);
	number(o, "cpu_of_limit", s->cpu_of_limit);
	number(o, "wait_cores", s->wait_cores);
	number(o, "wait_share", s->wait_share);
	number(o, "throttled_share", s->throttled_share);
	number(o, "pressure", s->pressure);
	number(o, "steal_cores", s->steal_cores);
	out_char(o, '}');
}

static void print(const struct clients_second *second)
{
	struct out o;

	out_init(&o, STDOUT_FILENO);
	out_printf(&o, "{\"valid\":%s,\"dt_ns\":%llu,\"left_out\":%u,\"clients\":[",
		   second->valid ? "true" : "false", (unsigned long long)second->dt_ns,
		   second->left_out);
	for (size_t i = 0; i < second->n; i++) {
		if (i)
			out_char(&o, ',');
		second_json(&o, &second->clients[i]);
	}
	out_text(&o, "],\"machine\":");
	second_json(&o, &second->machine);
	out_text(&o, "}\n");
	out_finish(&o);
	out_release(&o);
}

static void second_take(struct clients *c, struct clients_second *ret)
{
	int err;

	clients_begin_second(c, clock_monotonic_ns());
	err = clients_scan(c);
	if (!err)
		err = clients_end_second(c, ret);
	if (err)
		fail("second", err);
}

static void check(struct clients *c)
{
	struct clients_second second;
	struct out o;

	second_take(c, &second);
	sleep(1);
	second_take(c, &second);
	out_init(&o, STDOUT_FILENO);
	clients_check(c, &second, &o);
	out_finish(&o);
	out_release(&o);
}

static void identity(struct clients *c, const struct config *config)
{
	struct clients_second second;
	struct reader *reader;
	int err = reader_new(&reader);

	if (err)
		fail("reader", err);
	second_take(c, &second);
	for (size_t i = 0; i < second.n; i++) {
		const struct client_second *s = &second.clients[i];
		struct client_identity id;

		client_identity_find(&config->clients[s->section], reader, clients_main_pid(c, i), &id);
		printf("%s|%s|%s|%s\n", s->name, id.version, id.build_id, id.container);
	}
	reader_free(reader);
}

static void seconds(struct clients *c, unsigned n)
{
	struct clients_second second;
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (unsigned i = 0; i <= n; i++, next.tv_sec++) {
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		second_take(c, &second);
		print(&second);
	}
}

static void errors_say(const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->n; i++)
		fprintf(stderr, "%s\n", errors->text[i]);
}

int main(int argc, char **argv)
{
	static char text[CONFIG_BYTES];
	struct clients_options options = { 0 };
	struct config_errors errors;
	struct config config;
	struct clients *c;
	ssize_t n;

	if (argc > 1 && !strcmp(argv[1], READER_VERB))
		return reader_child_main(argc - 1, argv + 1);
	if (argc != 3)
		return 2;
	n = small_file_read(argv[1], text, sizeof(text));
	if (n < 0)
		fail(argv[1], n);
	if (config_parse(argv[1], text, n, &config, &errors)) {
		errors_say(&errors);
		return 2;
	}
	config_errors_release(&errors);
	options.config = &config;
	options.path = argv[1];
	if (clients_new(&options, &c, &errors)) {
		errors_say(&errors);
		return 2;
	}
	config_errors_release(&errors);
	if (!strcmp(argv[2], "check"))
		check(c);
	else if (!strcmp(argv[2], "identity"))
		identity(c, &config);
	else
		seconds(c, strtoul(argv[2], NULL, 10));
	clients_free(c);
	config_release(&config);
	return 0;
}

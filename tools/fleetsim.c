// SPDX-License-Identifier: BSD-2-Clause
/*
 * A fleet of hosts that all send to one receiver: reports of real shape and size from a seed, or
 * heartbeats. Prints one line of JSON: how many a second, and how long an answer took. For
 * measuring the receiver, and beside it what a file a report costs (--put to a WebDAV server,
 * --files here).
 */
#include "tools/fleetsim.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/synth.h"

static struct fleet_options options = {
	.mode = FLEET_REPORTS,
	.host = "127.0.0.1",
	.seed = 1,
	.hosts = 200,
	.bytes = 20000,
	.connections = 64,
	.count = 1000000,
	.minutes = 20,
	.seconds = 10,
};
static struct fleet_body *bodies;
static struct fleet_body beats;
static uint64_t sent;
static int64_t begin_ns;

static int64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void make_id(uint64_t number, uint8_t ret[16])
{
	uint64_t high = mix(options.seed * 0x9e3779b97f4a7c15u + number), low = mix(high ^ number);

	memcpy(ret, &high, 8);
	memcpy(ret + 8, &low, 8);
	ret[0] |= 1;
}

/* Heartbeats: all hosts for the same minutes, and then all of them for those that follow. */
static void next_beats(struct fleet_next *next)
{
	uint64_t round = sent / options.hosts;

	if (sent % options.hosts == 0) {
		free(beats.data);
		fleet_heartbeats(&options,
				 begin_ns - (int64_t)(round * options.minutes) * 60000000000,
				 &beats);
	}
	make_id(sent % options.hosts, next->id);
	fleet_body_change(&beats, next->id, 0);
	next->body = &beats;
	sent++;
}

void fleet_next(struct fleet_next *next)
{
	struct fleet_body *body;

	if (options.mode == FLEET_HEARTBEATS) {
		next_beats(next);
		return;
	}
	body = &bodies[sent % options.hosts];
	/* The time, so that each run has reports of its own. */
	make_id((uint64_t)begin_ns + sent, next->id);
	fleet_body_change(body, next->id, begin_ns + (int64_t)sent);
	next->body = body;
	sent++;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double part(const struct fleet_result *r, double which)
{
	return r->done ? r->latency_us[(size_t)((double)(r->done - 1) * which)] / 1000.0 : 0;
}

static void print(struct fleet_result *r)
{
	uint64_t each = options.mode == FLEET_HEARTBEATS ? options.minutes : 1;

	qsort(r->latency_us, r->done, sizeof(*r->latency_us), compare);
	printf("{\"done\": %llu, \"failed\": %llu, \"last_status\": %d, \"seconds\": %.3f, ",
	       (unsigned long long)(r->done * each), (unsigned long long)r->failed, r->last_status,
	       r->seconds);
	printf("\"per_second\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f, "
	       "\"bytes_each\": %.1f}\n",
	       (double)(r->done * each) / r->seconds, part(r, 0.5), part(r, 0.99), part(r, 1),
	       r->done ? (double)r->bytes / (double)(r->done * each) : 0);
}

static void usage(void)
{
	fputs("usage: fleetsim --to HOST:PORT [--heartbeats | --put PATH] | --files DIRECTORY\n"
	      "  --bytes N         about the size of a report (20000)\n"
	      "  --hosts N         hosts: reports of different content, or heartbeats (200)\n"
	      "  --connections N   each waits for its answer (64)\n"
	      "  --count N         stop after so many requests\n"
	      "  --seconds S       or after so long (10)\n"
	      "  --minutes N       heartbeats in one request (20)\n"
	      "  --token TOKEN     send it\n"
	      "  --ids             print `acknowledged ID` at each 2xx\n"
	      "  --seed N          the same reports for the same seed (1)\n",
	      stderr);
	exit(2);
}

static void parse(int argc, char **argv)
{
	static const struct option known[] = {
		{"to", 1, NULL, 't'},
		{"heartbeats", 0, NULL, 'h'},
		{"put", 1, NULL, 'p'},
		{"files", 1, NULL, 'f'},
		{"bytes", 1, NULL, 'b'},
		{"hosts", 1, NULL, 'n'},
		{"connections", 1, NULL, 'c'},
		{"count", 1, NULL, 'k'},
		{"seconds", 1, NULL, 's'},
		{"minutes", 1, NULL, 'm'},
		{"token", 1, NULL, 'T'},
		{"seed", 1, NULL, 'S'},
		{"ids", 0, NULL, 'i'},
		{0},
	};
	struct fleet_options *o = &options;
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		uint64_t v = optarg ? strtoull(optarg, NULL, 0) : 0;
		uint64_t *const numbers[] = {
			['b'] = &o->bytes, ['n'] = &o->hosts,	['k'] = &o->count,
			['S'] = &o->seed,  ['m'] = &o->minutes, ['c'] = &o->connections};
		char *colon = c == 't' ? strrchr(optarg, ':') : NULL;

		if (c == 't' && colon) {
			*colon = '\0';
			o->host = optarg;
			o->port = colon + 1;
		} else if (c == 'h') {
			o->mode = FLEET_HEARTBEATS;
		} else if (c == 'i') {
			o->ids = true;
		} else if (c == 'p') {
			o->mode = FLEET_PUT;
			o->path = optarg;
		} else if (c == 'f') {
			o->mode = FLEET_FILES;
			o->directory = optarg;
		} else if (c == 'T') {
			o->token = optarg;
		} else if (c == 's') {
			o->seconds = strtod(optarg, NULL);
		} else if (c == '?' || c == 't' || !v) {
			usage();
		} else {
			*numbers[c] = v;
		}
	}
	if (optind < argc || (o->mode != FLEET_FILES && !o->port) || !(o->seconds > 0))
		usage();
	if (!o->path)
		o->path = o->mode == FLEET_HEARTBEATS ? "/v1/heartbeats" : "/v1/reports";
	/* What is kept of each; a million a second is more than there will be. */
	if (o->count > (uint64_t)(o->seconds * 1e6) + 1000)
		o->count = (uint64_t)(o->seconds * 1e6) + 1000;
}

int main(int argc, char **argv)
{
	struct fleet_result result = {0};

	parse(argc, argv);
	begin_ns = wall_ns();
	if (options.mode != FLEET_HEARTBEATS)
		bodies = fleet_reports(&options);
	result.latency_us = calloc(options.count + options.connections, sizeof(*result.latency_us));
	if (!result.latency_us)
		die("memory");
	if (options.mode == FLEET_FILES)
		fleet_files(&options, &result);
	else
		fleet_send(&options, &result);
	print(&result);
	for (uint64_t i = 0; bodies && i < options.hosts; i++)
		free(bodies[i].data);
	free(bodies);
	free(beats.data);
	free(result.latency_us);
	return result.failed || !result.done;
}

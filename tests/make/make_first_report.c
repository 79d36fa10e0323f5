// SPDX-License-Identifier: BSD-2-Clause
/*
 * make_first_report ID_HEX CREATED_S: a report as the first version of the wire format had it, on
 * standard output, by hand: none of the code that writes reports today has a part in it. Fields that
 * came later are not there, and columns are plain arrays.
 *
 * The client "shop" has a thread that ran 3 ms: 2 ms in main;work;inner and 1 ms in main.
 */
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define START_NS 1764000000000000000ll

static void text(msgpack_packer *p, const char *value)
{
	msgpack_pack_str_with_body(p, value, strlen(value));
}

/* A map of so many fields follows. */
static void map(msgpack_packer *p, const char *name, size_t n)
{
	text(p, name);
	msgpack_pack_map(p, n);
}

static void number(msgpack_packer *p, const char *name, int64_t value)
{
	text(p, name);
	msgpack_pack_int64(p, value);
}

static void string(msgpack_packer *p, const char *name, const char *value)
{
	text(p, name);
	text(p, value);
}

static void column(msgpack_packer *p, const char *name, size_t n, const int64_t *values)
{
	text(p, name);
	msgpack_pack_array(p, n);
	for (size_t i = 0; i < n; i++)
		msgpack_pack_int64(p, values[i]);
}
#define COLUMN(p, name, ...)                                                                       \
	column(p, name, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

static void pack_head(msgpack_packer *p, const unsigned char id[16], int64_t created_s)
{
	string(p, "schema", "backdraft.report/1");
	text(p, "id");
	msgpack_pack_bin_with_body(p, id, 16);
	number(p, "created_ns", created_s * 1000000000);
	map(p, "agent", 2);
	string(p, "name", "backdraft");
	string(p, "version", "0.0.1");
	map(p, "trigger", 5);
	string(p, "kind", "threshold");
	string(p, "client", "shop");
	string(p, "metric", "cpu");
	number(p, "since_ns", START_NS + 50000000000);
	string(p, "explanation", "shop used 2.5 CPUs");
	map(p, "window", 4);
	number(p, "start_ns", START_NS);
	number(p, "trigger_ns", START_NS + 60000000000);
	number(p, "end_ns", START_NS + 75000000000);
	number(p, "rate_hz", 19);
	map(p, "client", 2);
	string(p, "name", "shop");
	string(p, "version", "1.2");
}

static void pack_profile(msgpack_packer *p)
{
	static const char *const strings[] = {"", "shop", "worker", "native", "main", "work", "inner"};

	text(p, "strings");
	msgpack_pack_array(p, sizeof(strings) / sizeof(strings[0]));
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		text(p, strings[i]);
	map(p, "threads", 7);
	COLUMN(p, "pid", 70);
	COLUMN(p, "tid", 71);
	COLUMN(p, "process", 1);
	COLUMN(p, "name", 2);
	COLUMN(p, "on_cpu_ns", 3000000);
	COLUMN(p, "wait_ns", 5000);
	COLUMN(p, "not_sampled_ns", 0);
	map(p, "frames", 3);
	COLUMN(p, "name", 4, 5, 6);
	COLUMN(p, "module", -1, -1, -1);
	COLUMN(p, "kind", 3, 3, 3);
	map(p, "stacks", 2);
	COLUMN(p, "parent", -1, 0, 1);
	COLUMN(p, "frame", 0, 1, 2);
	map(p, "samples", 4);
	COLUMN(p, "t_ns", 1000, 2000);
	COLUMN(p, "thread", 0, 0);
	COLUMN(p, "stack", 2, 0);
	COLUMN(p, "weight_ns", 2000000, 1000000);
	map(p, "loss", 3);
	number(p, "fired", 2);
	number(p, "recorded", 2);
	number(p, "lost", 0);
}

int main(int argc, char **argv)
{
	unsigned char id[16];
	msgpack_sbuffer buffer;
	msgpack_packer p;
	gzFile out;
	int n;

	if (argc != 3 || strlen(argv[1]) != 32)
		return 2;
	for (int i = 0; i < 16; i++)
		if (sscanf(argv[1] + 2 * i, "%2hhx", &id[i]) != 1)
			return 2;
	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&p, &buffer, msgpack_sbuffer_write);
	msgpack_pack_map(&p, 13);
	pack_head(&p, id, atol(argv[2]));
	pack_profile(&p);
	out = gzdopen(dup(STDOUT_FILENO), "wb");
	n = out ? gzwrite(out, buffer.data, buffer.size) : 0;
	msgpack_sbuffer_destroy(&buffer);
	return !out || gzclose(out) != Z_OK || n <= 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/* A minute of clients' seconds to the rows of a heartbeat. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "user/daemon/daemon_heartbeat.h"

static struct client_process_second processes[8];
static size_t nprocesses;

/* In place of the clients' own: what processes did is handed in. */
void clients_processes(const struct clients *c,
		       void (*fn)(void *arg, const struct client_process_second *process), void *arg)
{
	for (size_t i = 0; i < nprocesses; i++)
		fn(arg, &processes[i]);
}

static struct config_client sections[] = {
	{.name = (char *)"shop", .version = (char *)"1.2", .processes = 2},
	{.name = (char *)"web", .version = (char *)""},
};
static const struct config config = {.clients = sections, .n_clients = 2};

static void test_quantiles(void **state)
{
	struct client_second client = {.name = "shop", .section = 0, .threads = 7, .processes = 3};
	struct clients_second second = {.clients = &client, .n = 1};
	struct beat_minute m = {0};
	struct heartbeats h;

	nprocesses = 0;
	second.machine.cpu_cores = 2;
	/* 1 to 60 in an order that is none */
	for (int i = 0; i < 60; i++) {
		client.cpu_cores = (i * 7 % 60 + 1) / 10.0;
		client.wait_cores = client.cpu_cores / 3;
		client.rss_bytes = i << 10;
		assert_int_equal(beat_minute_add(&m, &config, NULL, &second), 0);
	}
	assert_int_equal(m.seconds, 60);
	assert_true(fabs(m.machine_cpus - 120) < 1e-9);
	assert_int_equal(heartbeats_init(&h), 0);
	assert_int_equal(heartbeats_beats_add(&h.beats), 0);
	assert_int_equal(beat_minute_rows(&m, &config, &h), 0);
	assert_int_equal(h.clients.n, 1);
	assert_string_equal(heartbeats_text(&h, h.clients.name[0]), "shop");
	assert_string_equal(heartbeats_text(&h, h.clients.version[0]), "1.2");
	assert_int_equal(h.clients.cpu_avg_milli[0], 3050);
	assert_int_equal(h.clients.cpu_max_milli[0], 6000);
	assert_int_equal(h.clients.cpu_p50_milli[0], 3000);
	assert_int_equal(h.clients.cpu_p95_milli[0], 5700);
	assert_int_equal(h.clients.wait_permille[0], 250);
	assert_int_equal(h.clients.rss_kib[0], 59);
	assert_int_equal(h.clients.threads[0], 7);
	assert_int_equal(h.clients.processes[0], 3);
	assert_int_equal(h.processes.n, 0);
	beat_minute_clear(&m);
	heartbeats_release(&h);
}

/* One that came late, one whose time is not known, and seconds of none. */
static void test_gaps(void **state)
{
	struct client_second clients[] = {
		{.name = "shop", .section = 0, .cpu_cores = 1, .wait_cores = NAN},
		{.name = "web", .section = 1, .cpu_cores = NAN, .wait_cores = NAN},
	};
	struct clients_second second = {.clients = clients, .n = 1};
	struct beat_minute m = {0};
	struct heartbeats h;

	nprocesses = 0;
	for (int i = 0; i < 10; i++) {
		second.n = i < 5 ? 1 : 2;
		assert_int_equal(beat_minute_add(&m, &config, NULL, &second), 0);
	}
	assert_int_equal(heartbeats_init(&h), 0);
	assert_int_equal(heartbeats_beats_add(&h.beats), 0);
	assert_int_equal(beat_minute_rows(&m, &config, &h), 0);
	assert_int_equal(h.clients.n, 2);
	assert_int_equal(h.clients.cpu_p50_milli[0], 1000);
	assert_int_equal(h.clients.wait_permille[0], 0);
	assert_int_equal(h.clients.cpu_avg_milli[1], -1);
	assert_int_equal(h.clients.wait_permille[1], -1);
	beat_minute_clear(&m);
	heartbeats_release(&h);
}

/* The busiest two of the client that asked, exact, the dead included; nobody else's. */
static void test_processes(void **state)
{
	struct client_second clients[] = {
		{.name = "web", .section = 1, .cpu_cores = 1},
		{.name = "shop", .section = 0, .cpu_cores = 1},
	};
	struct clients_second second = {.clients = clients, .n = 2};
	struct beat_minute m = {0};
	struct heartbeats h;

	for (int i = 0; i < 3; i++) {
		nprocesses = 0;
		processes[nprocesses++] =
			(struct client_process_second){1, 1000000007, 8 << 20, "busy", 1};
		processes[nprocesses++] = (struct client_process_second){2, 5, 1 << 20, "idle", 1};
		processes[nprocesses++] = (struct client_process_second){3, 1 << 30, 1, "other", 0};
		if (!i)
			processes[nprocesses++] =
				(struct client_process_second){4, 900, 0, "gone", 1};
		assert_int_equal(beat_minute_add(&m, &config, NULL, &second), 0);
	}
	assert_int_equal(heartbeats_init(&h), 0);
	assert_int_equal(heartbeats_beats_add(&h.beats), 0);
	assert_int_equal(beat_minute_rows(&m, &config, &h), 0);
	assert_int_equal(h.processes.n, 2);
	assert_string_equal(heartbeats_text(&h, h.processes.name[0]), "busy");
	assert_int_equal(h.processes.cpu_ns[0], 3000000021);
	assert_int_equal(h.processes.rss_kib[0], 8 << 10);
	assert_string_equal(heartbeats_text(&h, h.processes.name[1]), "gone");
	assert_int_equal(h.processes.cpu_ns[1], 900);
	assert_int_equal(h.processes.rss_kib[1], -1);
	assert_string_equal(heartbeats_text(&h, h.processes.client[1]), "shop");
	beat_minute_clear(&m);
	heartbeats_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

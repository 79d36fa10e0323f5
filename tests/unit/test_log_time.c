// SPDX-License-Identifier: BSD-2-Clause
/* Times in lines of logs, as a list: a line, and when it was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/lib/logs/log_time.h"

#define S 1000000000LL
/* 2026-11-25 17:21:00 UTC, and in Berlin 18:21:00. */
#define NOW 1795627260LL
#define BERLIN {.n = 1, .part = {{0, 3600}}}

struct line {
	const char *text;
	int64_t s, ns; /* s 0: no time is found */
};

static const struct line lines[] = {
	/* ISO 8601 and its kin, with a zone */
	{"2026-11-25T17:21:00Z started", NOW, 0},
	{"2026-11-25T17:21:00.123Z", NOW, 123000000},
	{"2026-11-25T18:21:00+01:00 x", NOW, 0},
	{"2026-11-25T12:51:00-04:30", NOW, 0},
	{"2026-11-25 18:21:00.5 +0100 x", NOW, 500000000},
	{"2026-11-25 18:21:00+01 x", NOW, 0},
	{"2026-11-25 17:21:00.123456789 UTC [77] LOG:", NOW, 123456789},
	{"2026-11-25 17:21:00 GMT", NOW, 0},
	{"2026-11-25T17:21:00.1234567891234Z more digits than there are ns", NOW, 123456789},
	{"<34>1 2026-11-25T17:21:00.003Z host app 1 ID47 - RFC 5424", NOW, 3000000},
	{"ts=2026-11-25T17:21:00Z level=info msg=\"logfmt\"", NOW, 0},
	{"time=\"2026-11-25T17:21:00Z\" level=info", NOW, 0},
	{"[2026-11-25T17:21:00.250Z] \"GET / HTTP/1.1\"", NOW, 250000000},
	{"INFO  [2026-11-25T17:21:00Z] dropwizard", NOW, 0},
	/* in the local zone */
	{"2026-11-25 18:21:00,123 INFO [main] log4j", NOW, 123000000},
	{"2026/11/25 18:21:00 Go", NOW, 0},
	{"2026/11/25 18:21:00.000001 Go, microseconds", NOW, 1000},
	{"2026/11/25 18:21:00 [error] 77#77: *1 nginx", NOW, 0},
	{"2026-11-25 18:21:00 -12 files left", NOW, 0},
	{"2026-11-25 18:21:00 UTCOFFSET is not a zone", NOW, 0},
	{"[2026-11-25 18:21:00] php", NOW, 0},
	{"WARN 2026-11-25 18:21:00 x", NOW, 0},
	/* day and month by name */
	{"10.0.0.1 - - [25/Nov/2026:17:21:00 +0000] \"GET / HTTP/1.1\" 200 612", NOW, 0},
	{"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff - a-user-with-a-very-long-name@example.org "
	 "[25/Nov/2026:18:21:00 +0100] \"GET",
	 NOW, 0},
	{"77:M 25 Nov 2026 18:21:00.123 * Ready to accept connections", NOW, 123000000},
	{"25-Nov-2026 18:21:00.123 INFO [main] org.apache.catalina", NOW, 123000000},
	{"Date: Wed, 25 Nov 2026 17:21:00 +0000", NOW, 0},
	{"Nov 25 18:21:00 host sshd[77]: x", NOW, 0},
	{"<13>Nov 25 18:21:00 host app: x", NOW, 0},
	{"Nov  5 18:21:00 host app: a day of one digit", NOW - 20 * 86400, 0},
	{"[Wed Nov 25 18:21:00.123456 2026] [core:notice] [pid 77] AH00094", NOW, 123456000},
	{"Wed Nov 25 18:21:00 2026", NOW, 0},
	{"Wed Nov 25 17:21:00 UTC 2026: date(1)", NOW, 0},
	{"Nov 25 2026 18:21:00: %ASA-6-302013", NOW, 0},
	/* others */
	{"I1125 18:21:00.123456   77 main.go:42] klog", NOW, 123456000},
	{"E1125 18:21:00.000001   77 main.go:42] klog", NOW, 1000},
	{"1795627260.123    120 10.0.0.1 TCP_MISS/200 squid", NOW, 123000000},
	{"1795627260 x", NOW, 0},
	{"[1795627260] WARNING: nagios", NOW, 0},
	{"1795627260123 x", NOW, 123000000},
	{"1795627260123.5 x", NOW, 123500000},
	{"1795627260123456 x", NOW, 123456000},
	{"1795627260123456789 x", NOW, 123456789},
	{"18:21:00.123 [main] INFO logback", NOW, 123000000},
	{"[18:21:00] x", NOW, 0},
	{"23:59:00.000 yesterday's: it isn't late yet", NOW - 86400 + 20280, 0},
	/* JSON */
	{"{\"level\":\"info\",\"ts\":1795627260.25,\"msg\":\"zap\"}", NOW, 250000000},
	{"{\"level\":30,\"time\":1795627260123,\"pid\":77,\"msg\":\"pino\"}", NOW, 123000000},
	{"{\"@timestamp\":\"2026-11-25T17:21:00.123Z\",\"message\":\"logstash\"}", NOW, 123000000},
	{"{ \"timestamp\" : \"2026-11-25 18:21:00,5\" }", NOW, 500000000},
	{"{\"log\":\"says \\\"time\\\":\\\"2020-01-01T00:00:00Z\\\"\\n\",\"stream\":\"stdout\","
	 "\"time\":\"2026-11-25T17:21:00.5Z\"}",
	 NOW, 500000000},
	{"{\"t\":{\"$date\":\"2026-11-25T18:21:00.123+01:00\"},\"s\":\"I\",\"c\":\"NETWORK\"}", NOW,
	 123000000},
	{"{\"request\":{\"time\":\"2020-01-01T00:00:00Z\"},\"ts\":1795627260}", NOW, 0},
	/* no times */
	{"9999999999999999999 x", 0, 0},
	{"", 0, 0},
	{"\tat org.example.Main.run(Main.java:42)", 0, 0},
	{"  File \"/srv/2026-11-25 17:21:00/app.py\", line 3", 0, 0},
	{"version 1.2026-11-25T17:21:00", 0, 0},
	{"build-2026-11-25 17:21:00", 0, 0},
	{"the certificate ends 2027-11-25 17:21:00", 0, 0},
	{"2026-13-25 17:21:00", 0, 0},
	{"2026-02-30 17:21:00", 0, 0},
	{"2026-11-25 24:21:00", 0, 0},
	{"2026-11-25 17:61:00", 0, 0},
	{"2026-11-25", 0, 0},
	{"2026-11-25 17:21", 0, 0},
	{"0x1795627260", 0, 0},
	{"took 1795627260 ns", 0, 0},
	{"179562726 x", 0, 0},
	{"17956272601 x", 0, 0},
	{"1795627260-1 x", 0, 0},
	{"12345678901234567890123 x", 0, 0},
	{"Nob 25 17:21:00", 0, 0},
	{"Nov 32 17:21:00", 0, 0},
	{"X1125 17:21:00.1 x", 0, 0},
	{"at 17:21:00 o'clock", 0, 0},
	{"{\"msg\":\"2026-11-25T17:21:00Z\"}", 0, 0},
	{"{\"ts\":\"never\"}", 0, 0},
	{"{\"ts\":", 0, 0},
	{"{\"ts", 0, 0},
	{"{\"ts\\", 0, 0},
	{"a line whose time stands far behind all that a program writes in front of it: "
	 "2026-11-25T17:21:00Z",
	 0, 0},
};

static void finds_times(void **state)
{
	const struct log_clock clock = {.zone = BERLIN, .now_ns = (NOW + 5) * S};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		const struct line *l = &lines[i];
		size_t n = strlen(l->text);
		char *exact = malloc(n + 1); /* so that a sanitizer sees the end */
		int64_t ns = -1;

		memcpy(exact, l->text, n);
		bool found = log_time_find(exact, n, &clock, &ns);

		if (found != (l->s != 0) || (found && ns != l->s * S + l->ns))
			fail_msg("%s: found %lld.%09lld", l->text, found ? (long long)(ns / S) : 0LL,
				 found ? (long long)(ns % S) : 0LL);
		free(exact);
	}
}

/* Every cut of every line: nothing behind the end is read. */
static void cut_lines(void **state)
{
	const struct log_clock clock = {.zone = BERLIN, .now_ns = NOW * S};
	int64_t ns;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		for (size_t n = 0; n < strlen(lines[i].text); n++) {
			char *exact = malloc(n + 1);

			memcpy(exact, lines[i].text, n);
			exact = realloc(exact, n ? n : 1);
			log_time_find(exact, n, &clock, &ns);
			free(exact);
		}
}

static int64_t find(const struct log_clock *clock, const char *line)
{
	int64_t ns;

	return log_time_find(line, strlen(line), clock, &ns) ? ns / S : -1;
}

static void year_that_is_missing(void **state)
{
	const int64_t year = 1798761600; /* 2027-01-01 00:00:00 UTC */
	struct log_clock clock = {.now_ns = (year + 10) * S};

	assert_int_equal(find(&clock, "Dec 31 23:59:50 x"), year - 10);
	assert_int_equal(find(&clock, "Jan  1 00:00:05 x"), year + 5);
	assert_int_equal(find(&clock, "E1231 23:59:50.5 1 x"), year - 10);
	assert_int_equal(find(&clock, "23:59:50 x"), year - 10);
	assert_int_equal(find(&clock, "00:00:05 x"), year + 5);
	/* The program's clock is ahead of ours, over the year's end. */
	clock.now_ns = (year - 2) * S;
	assert_int_equal(find(&clock, "Jan  1 00:00:01 x"), year + 1);
	assert_int_equal(find(&clock, "00:00:01 x"), year + 1);
	/* 2027 has no such day, but 2028. */
	assert_int_equal(find(&clock, "Feb 29 12:00:00 x"), -1);
	clock.now_ns = (year + (365 + 58) * 86400) * S;
	assert_int_equal(find(&clock, "Feb 28 12:00:00 x"), year + (365 + 58) * 86400 + 43200);
	assert_int_equal(find(&clock, "Feb 29 12:00:00 x"), -1); /* over a day ahead */
	clock.now_ns += 86400 * S;
	assert_int_equal(find(&clock, "Feb 29 12:00:00 x"), year + (365 + 59) * 86400 + 43200);
}

/* Berlin, 2026: +1 to +2 on March 29 at 01:00 UTC, back on October 25 at 01:00 UTC. */
#define SPRING 1774746000LL
#define AUTUMN 1792890000LL

static void clock_changes(void **state)
{
	struct log_clock clock = {
		.zone = {.n = 3, .part = {{0, 3600}, {SPRING, 7200}, {AUTUMN, 3600}}},
		.now_ns = (AUTUMN + 7200) * S,
	};

	assert_int_equal(find(&clock, "2026-03-29 01:59:59"), SPRING - 1);
	assert_int_equal(find(&clock, "2026-03-29 03:00:00"), SPRING);
	/* An hour that never was. */
	assert_int_equal(find(&clock, "2026-03-29 02:30:00"), SPRING + 1800);
	assert_int_equal(find(&clock, "2026-07-01 12:00:00"), 1782900000);
	/* 02:30 comes twice: the line before tells which; without one, the last that has been. */
	clock.last_ns = (AUTUMN - 1801) * S;
	assert_int_equal(find(&clock, "2026-10-25 02:30:00"), AUTUMN - 1800);
	clock.last_ns = (AUTUMN - 1) * S;
	assert_int_equal(find(&clock, "2026-10-25 02:00:00"), AUTUMN);
	clock.last_ns = (AUTUMN + 1800) * S;
	assert_int_equal(find(&clock, "2026-10-25 02:30:01"), AUTUMN + 1801);
	clock.last_ns = 0;
	assert_int_equal(find(&clock, "2026-10-25 02:30:00"), AUTUMN + 1800);
	clock.now_ns = (AUTUMN - 900) * S;
	assert_int_equal(find(&clock, "2026-10-25 02:30:00"), AUTUMN - 1800);
	/* What names its zone is not concerned. */
	assert_int_equal(find(&clock, "2026-10-25T02:30:00+02:00"), AUTUMN - 1800);
}

static void damaged_zone(void **state)
{
	struct log_clock clock = {.zone = {.n = UINT64_MAX}, .now_ns = NOW * S};

	assert_int_equal(find(&clock, "2026-11-25 17:21:00"), NOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_times),		cmocka_unit_test(cut_lines),
		cmocka_unit_test(year_that_is_missing), cmocka_unit_test(clock_changes),
		cmocka_unit_test(damaged_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

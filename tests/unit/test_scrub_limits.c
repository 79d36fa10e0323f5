// SPDX-License-Identifier: BSD-2-Clause
/* Switches, marks, treatments, own patterns; and texts that are made to cost. */
#include <errno.h>
#include <malloc.h>
#include <time.h>

#include "scrub_own.h"

/* A class that is allowed stays, and only that one. */
static void test_switches(void **state)
{
	static const struct own_row rows[SCRUB_CLASSES] = {
		[SCRUB_hostname] = {"falcon7", "<host>"},
		[SCRUB_user] = {"user=carla", "user=<user>"},
		[SCRUB_home] = {"/home/carla/x", "<home>/x"},
		[SCRUB_address] = {"10.1.2.3 fe80::1 52:54:00:12:34:56", "<ip> <ip> <mac>"},
		[SCRUB_email] = {"a@example.org", "<email>"},
		[SCRUB_token] = {"password=hunter2", "password=<token>"},
		[SCRUB_number] = {"4111111111111111", "<card>"},
		[SCRUB_uuid] = {"3f2b8c1e-9d4a-4c6b-8f7e-0a1b2c3d4e5f", "<uuid>"},
		[SCRUB_query] = {"https://x/?a=b", "https://x/?<query>"},
		[SCRUB_arguments] = {"--a=b x --c=d", "--a=b x --c=<arg>"},
		[SCRUB_environment] = {"PATH=/bin", "PATH=<env>"},
	};

	for (unsigned int allowed = 0; allowed < SCRUB_CLASSES; allowed++) {
		struct scrub *s = own_make(1u << allowed, NULL, 0);

		for (int i = 0; i < SCRUB_CLASSES; i++) {
			char *got = own_scrubbed(s, SCRUB_TEXT, rows[i].text);

			own_plain(got, strlen(got));
			assert_string_equal(got, i == allowed ? rows[i].text : rows[i].expected);
			assert_int_equal(scrub_count(s, i) > 0, i != allowed);
		}
		assert_int_equal(scrub_allowed(s), 1u << allowed);
		scrub_free(s);
	}
}

/* The same value has the same mark within a report, and another one in the next. */
static void test_marks(void **state)
{
	struct scrub *s = own_make(0, NULL, 0);
	char *one = strdup(own_scrubbed(s, SCRUB_TEXT, "10.1.2.3 A@EXAMPLE.org 10.1.2.3 10.1.2.4"));
	char *two = strdup(own_scrubbed(s, SCRUB_TEXT, "10.1.2.3 a@example.ORG 10.1.2.3 10.1.2.4"));
	char *other;

	assert_string_equal(one, two);
	assert_memory_equal(one, strstr(one + 1, "<ip:"), 11);
	assert_memory_not_equal(one, strrchr(one, '<'), 11);
	assert_int_equal(scrub_count(s, SCRUB_address), 6);
	assert_int_equal(scrub_begin(s), 0);
	assert_int_equal(scrub_count(s, SCRUB_address), 0);
	other = own_scrubbed(s, SCRUB_TEXT, "10.1.2.3 A@EXAMPLE.org 10.1.2.3 10.1.2.4");
	assert_string_not_equal(one, other);
	free(one);
	free(two);
	scrub_free(s);
}

static void test_treatments(void **state)
{
	static const struct own_row names[] = {
		{"conn-10.1.2.3", "conn-<ip>"},
		{"annaberg-worker", "<user>-worker"},
		{"PATH=/bin", NULL},
	};
	static const struct own_row paths[] = {
		{"/home/carla/lib.so", "<home>/lib.so"},
		{"/opt/annaberg/falcon7/x.so", "/opt/<user>/<host>/x.so"},
		{"/opt/app/10.2.3.4/libx.so.1.2.3.4", NULL},
		{"/usr/lib/x86_64-linux-gnu/libc.so.6", NULL},
	};
	static const struct own_row versions[] = {
		{"1.2.3.4", NULL},
		{"10.2.3.4 by annaberg@example.org", "10.2.3.4 by <email>"},
	};
	static const struct own_row labels[] = {
		{"annaberg", NULL},
		{"mail-a@example.org", "<email>"},
		{"openvpn@10.1.2.3", "openvpn@<ip>"},
	};
	static const struct own_row kept[] = {{"10.1.2.3 password=hunter2 annaberg", NULL}};

	own_check(names, 3, 0, SCRUB_NAME);
	own_check(paths, 4, 0, SCRUB_PATH);
	own_check(versions, 2, 0, SCRUB_VERSION);
	own_check(labels, 3, 0, SCRUB_LABEL);
	own_check(kept, 1, 0, SCRUB_KEEP);
}

/* A private key that is written line by line. */
static void test_key_over_lines(void **state)
{
	static const char *const lines[] = {"key: -----BEGIN OPENSSH PRIVATE KEY-----",
					    "b3BlbnNzaC1rZXk", "QyNTUxOQAAACB",
					    "-----END OPENSSH PRIVATE KEY----- ok", "b3BlbnNz"};
	static const char *const expected[] = {"key: <token>", "<token>", "<token>", "<token> ok",
					       "b3BlbnNz"};
	struct scrub *s = own_make(0, NULL, 0);

	for (int i = 0; i < 5; i++) {
		const char *ret;
		char text[100];
		size_t n;

		assert_int_equal(
			scrub_text(s, SCRUB_TEXT, true, lines[i], strlen(lines[i]), &ret, &n), 0);
		memcpy(text, ret, n);
		own_plain(text, n);
		assert_string_equal(text, expected[i]);
	}
	scrub_free(s);
}

static void test_patterns(void **state)
{
	static const char *const good[] = {"order ORD-\\d+", "name Kunde: (\\w+)", "uml \\bä\\w+"};
	static const char *const bad[] = {
		"order", "order ", "Order x", "a_name_that_is_too_long x", "order (", "1a x"};
	struct scrub *s = own_make(0, good, 3);
	char error[SCRUB_ERROR_BYTES];
	uint64_t n;
	char *got = own_scrubbed(s, SCRUB_TEXT, "Kunde: Meier has ORD-17 and ärger");

	own_plain(got, strlen(got));
	assert_string_equal(got, "Kunde: <name> has <order> and <uml>");
	assert_string_equal(scrub_pattern_count(s, 0, &n), "order");
	assert_int_equal(n, 1);
	assert_null(scrub_pattern_count(s, 3, &n));
	scrub_free(s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(scrub_pattern_check(bad[i], error), -EINVAL);
	assert_non_null(strstr((scrub_pattern_check("order (", error), error), "parenthesis"));
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* A unit of text, again and again; what comes out is bounded, and so is the time. */
static void hostile(struct scrub *s, const char *unit, size_t unit_len, size_t bytes)
{
	char *text = malloc(bytes);
	double begin = seconds();
	const char *ret;
	size_t n;

	assert_non_null(text);
	for (size_t i = 0; i < bytes; i++)
		text[i] = unit[i % unit_len];
	assert_int_equal(scrub_text(s, SCRUB_TEXT, false, text, bytes, &ret, &n), 0);
	assert_true(n <= 65536 || ret == text);
	if (seconds() - begin > 2)
		fail_msg("%.20s: %.2f s", unit, seconds() - begin);
	free(text);
}

/* What begins many things and ends none, to be repeated. */
static const char *const units[] = {
	"a",
	"1.",
	"1.1.1.1 ",
	"a@",
	"a@a.",
	"a.a.a.a@b.",
	":",
	"a:",
	"::",
	"-",
	"=",
	"/",
	"/?",
	"/a?b=c",
	"://",
	"\"",
	"\\",
	"password=",
	"password: a ",
	"user=",
	"host=a ",
	"Bearer ",
	"eyJa.",
	"GET /?",
	"GET ",
	" --a=",
	"4111",
	"4111 ",
	"+1 ",
	"DE89 3704 ",
	"~a",
	"/home/",
	"/home/a",
	"A_",
	"KEY_",
	"<a:",
	"<ip:123456>",
	"CMD (",
	"-----BEGIN ",
	"-----BEGIN PRIVATE KEY-----",
	"\xff",
	"\xc3",
	"\xf0\x9f",
	"a\xff@b.de ",
	"falcon7",
	"fal",
	"uid=a,cn=",
	"[1.1.1.1]",
	"a[1:1:",
	"a-1.local",
	"Nov 25 17:29:23 a",
	"ab12-",
	"0-",
	"env=A=",
	"set-cookie: a=",
	"authorization: ",
	"https://a#b=",
	" user",
	"token",
	"Command '",
	"args: [",
	"'@'",
};

static void test_hostile(void **state)
{
	struct scrub *s = own_make(0, NULL, 0);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		hostile(s, units[i], strlen(units[i]), SCRUB_TEXT_BYTES);
	size_t before = mallinfo2().uordblks;

	hostile(s, "abc 10.1.2.3 def", 16, 10 << 20);
	hostile(s, "a", 1, 10 << 20);
	/* Neither time nor memory grows with what is cut off. */
	assert_true(mallinfo2().uordblks < before + (1 << 20));
	assert_true(scrub_cut(s) == 2);
	assert_true(scrub_withheld(s) > 0);
	hostile(s, "\0", 1, SCRUB_TEXT_BYTES);
	scrub_free(s);
}

/* An expression of the operator's that would need forever: the text is withheld, and counted. */
static void test_evil_pattern(void **state)
{
	static const char *const evil[] = {"evil (a+)+$", "worse (?:x*)*y\\1{0}(x|xx)+z"};
	struct scrub *s = own_make(0, evil, 2);
	char text[64] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
	char *got = own_scrubbed(s, SCRUB_TEXT, text);

	own_plain(got, strlen(got));
	assert_string_equal(got, "<withheld>");
	assert_int_equal(scrub_withheld(s), 1);
	hostile(s, "a", 1, SCRUB_TEXT_BYTES);
	hostile(s, "x", 1, SCRUB_TEXT_BYTES);
	got = own_scrubbed(s, SCRUB_TEXT, "harmless");
	assert_string_equal(got, "harmless");
	scrub_free(s);
}

/* Half an address before the cut would not be recognised as one. */
static void test_cut(void **state)
{
	struct scrub *s = own_make(0, NULL, 0);
	char *text = malloc(SCRUB_TEXT_BYTES + 20), *got;

	memset(text, '.', SCRUB_TEXT_BYTES);
	strcpy(text + SCRUB_TEXT_BYTES - 9, " carla@example.org");
	got = own_scrubbed(s, SCRUB_TEXT, text);
	assert_null(strstr(got, "carla"));
	assert_string_equal(got + strlen(got) - 5, "[cut]");
	free(text);
	scrub_free(s);
}

static void test_classes(void **state)
{
	for (int i = 0; i < SCRUB_CLASSES; i++) {
		struct own_row row = {scrub_classes[i].example, NULL};
		struct scrub *s = own_make(0, NULL, 0);
		char *got = own_scrubbed(s, SCRUB_TEXT, row.text), becomes[200];

		/* The table's example is what happens. */
		snprintf(becomes, sizeof(becomes), "%s", scrub_classes[i].becomes);
		own_plain(becomes, strlen(becomes));
		own_plain(got, strlen(got));
		assert_string_equal(got, becomes);
		assert_int_equal(
			scrub_class_find(scrub_classes[i].name, strlen(scrub_classes[i].name)), i);
		scrub_free(s);
	}
	assert_int_equal(scrub_class_find("host", 4), -1);
	assert_int_equal(scrub_class_find("", 0), -1);
}

/* Of a name of 15 bytes the kernel may have cut off the end. */
static void test_cut_names(void **state)
{
	static const struct own_row cut[] = {
		{"alice@example.c", "<email>"},		{"w:alice@example", "w:<email>"},
		{"mail/bob.smith@", "mail/<email>"},	{"pool-2-annaberg", "pool-2-<user>"},
		{"worker-annaber", NULL},		{"workers-annaber", "workers-<user>"},
		{"consumers/annab", "consumers/<user>"}, {"falcon7.corp.ex", "<host>"},
		{"agent@falcon7.c", "<host>"},		{"conn-falcon7-ab", "conn-<host>-ab"},
		{"conn-203.0.113.", "conn-<ip>"},	{"c1/198.51.100.2", "c1/<ip>"},
		{"2001:db8:85a3:8", "<ip>"},		{"m 3c:a9:f4:12:3", "m <mac>"},
		{"x /home/charlot", "x <home>"},	{"/Anna Bergstr\xc3\xb6", "/<user>"},
	};
	static const struct own_row kept[] = {
		{"kworker/u8:2-ev", NULL}, {"nginx: worker p", NULL}, {"GC Thread#12345", NULL},
		{"http-nio-8080-e", NULL}, {"tokio-runtime-w", NULL}, {"lib@1.22.333.4x", NULL},
		{"grpc-default-ex", NULL}, {"C2 CompilerThre", NULL}, {"ForkJoinPool-1-", NULL},
		{"w-v1.22.333.44a", NULL}, {"HikariPool-1:ho", NULL}, {"at 12:34:56 job", NULL},
		{"a@b.c@d", NULL},	   {"anna and other ", NULL},
	};

	own_check(cut, sizeof(cut) / sizeof(cut[0]), 0, SCRUB_NAME);
	own_check(kept, sizeof(kept) / sizeof(kept[0]), 0, SCRUB_NAME);
	/* Elsewhere a text ends where it ends, and what is allowed stays. */
	static const struct own_row text[] = {{"alice@example.c", NULL}, {"workers-annaber", NULL}};

	own_check(text, 2, 0, SCRUB_TEXT);
	own_check(text, 1, 1u << SCRUB_email, SCRUB_NAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_names),
		cmocka_unit_test(test_switches),     cmocka_unit_test(test_marks),
		cmocka_unit_test(test_treatments),   cmocka_unit_test(test_key_over_lines),
		cmocka_unit_test(test_patterns),     cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_evil_pattern), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

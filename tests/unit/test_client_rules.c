// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/clients/client_rules.h"

#define NONE UINT32_MAX
#define A "[client \"a\"]\n"
#define B "[client \"b\"]\n"
#define UNITS "[client \"%unit\"]\nmatch_unit = *.service\n"

static const struct client_facts checkout = {
	.name = "checkout",
	.exe = "/opt/checkout/bin/checkout",
	.cmdline = "/opt/checkout/bin/checkout --port 80 -v",
	.groups = "4:memory:/pod/x\n1:cpu,cpuacct:/batch\n0::/system.slice/checkout.service\n",
	.unit = "checkout.service",
	.container = "0123456789ab",
	.pid = 7,
};
static const struct client_facts bare = { .name = "x", .exe = "", .cmdline = "", .groups = "0::/\n",
					  .unit = "", .container = "", .pid = 8 };

static const struct rule_case {
	const char *config;
	const struct client_facts *facts;
	uint32_t inherited, section;
} cases[] = {
	/* each key */
	{ A "match_comm = checkout", &checkout, NONE, 0 },
	{ A "match_comm = check*", &checkout, NONE, 0 },
	{ A "match_comm = check", &checkout, NONE, NONE },
	{ A "match_comm = c?eckout", &checkout, NONE, 0 },
	{ A "match_unit = checkout.service", &checkout, NONE, 0 },
	{ A "match_unit = check*.service", &checkout, NONE, 0 },
	{ A "match_unit = *", &bare, NONE, NONE },
	{ A "match_exe = /opt/checkout/bin/checkout", &checkout, NONE, 0 },
	{ A "match_exe = /opt/checkout/*", &checkout, NONE, 0 },
	{ A "match_exe = checkout", &checkout, NONE, 0 },
	{ A "match_exe = bin/checkout", &checkout, NONE, NONE },
	{ A "match_exe = *", &bare, NONE, NONE },
	{ A "match_cmdline = --port [0-9]+", &checkout, NONE, 0 },
	{ A "match_cmdline = ^--port", &checkout, NONE, NONE },
	{ A "match_cmdline = (a*)*b", &checkout, NONE, 0 },
	{ A "match_cmdline = .*", &bare, NONE, NONE },
	{ A "match_cgroup = /system.slice/checkout.service", &checkout, NONE, 0 },
	{ A "match_cgroup = system.slice", &checkout, NONE, 0 },
	{ A "match_cgroup = /system.slice/", &checkout, NONE, 0 },
	{ A "match_cgroup = /system", &checkout, NONE, NONE },
	{ A "match_cgroup = /batch", &checkout, NONE, 0 },
	{ A "match_cgroup = /pod/*", &checkout, NONE, 0 },
	{ A "match_cgroup = /x", &checkout, NONE, NONE },
	{ A "match_container = 0123456789ab", &checkout, NONE, 0 },
	{ A "match_container = 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	  &checkout, NONE, 0 },
	{ A "match_container = 0123456789ac", &checkout, NONE, NONE },
	{ A "match_container = 0123*", &checkout, NONE, 0 },
	{ A "match_container = *", &bare, NONE, NONE },
	/* of a repeated key any, of different ones all */
	{ A "match_comm = x\nmatch_comm = checkout", &checkout, NONE, 0 },
	{ A "match_comm = checkout\nmatch_exe = /bin/x", &checkout, NONE, NONE },
	{ A "match_comm = checkout\nmatch_exe = /bin/x\nmatch_exe = /opt/*", &checkout, NONE, 0 },
	/* the first section that holds */
	{ A "match_comm = checkout\n" B "match_unit = *", &checkout, NONE, 0 },
	{ A "match_comm = y\n" B "match_unit = *", &checkout, NONE, 1 },
	{ UNITS A "match_comm = *", &checkout, NONE, 0 },
	{ UNITS A "match_comm = *", &bare, NONE, 1 },
	{ "[client \"%container\"]\nmatch_comm = *", &checkout, NONE, 0 },
	{ "[client \"%container\"]\nmatch_comm = *", &bare, NONE, NONE },
	/* children belong to their parent's client, */
	{ A "match_comm = parent", &bare, 0, 0 },
	{ A "match_exe = /bin/parent\nmatch_cmdline = x", &bare, 0, 0 },
	{ A "match_comm = parent\n" B "match_comm = x", &bare, 0, 0 },
	/* where no section before that one holds for themselves, */
	{ A "match_comm = x\n" B "match_comm = parent", &bare, 1, 0 },
	/* and they have not been moved away */
	{ A "match_unit = checkout.service", &bare, 0, NONE },
	{ A "match_unit = checkout.service\nmatch_comm = parent", &checkout, 0, 0 },
	{ A "match_cgroup = /system.slice", &bare, 0, NONE },
	{ A "match_container = 0123*", &bare, 0, NONE },
	{ UNITS, &bare, 0, NONE },
};

static struct client_rules *rules_of(const char *text, struct config *config)
{
	struct config_errors errors;
	struct client_rules *rules;

	assert_int_equal(config_parse("f", text, strlen(text), config, &errors), 0);
	config_errors_release(&errors);
	assert_int_equal(client_rules_new(config, "f", &rules, &errors), 0);
	assert_int_equal(errors.n, 0);
	return rules;
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config config;
		struct client_rules *rules = rules_of(cases[i].config, &config);
		uint32_t section = client_rules_match(rules, cases[i].facts, cases[i].inherited);

		if (section != cases[i].section)
			fail_msg("%s: %d, not %d", cases[i].config, (int)section,
				 (int)cases[i].section);
		client_rules_free(rules);
		config_release(&config);
	}
}

static void test_bad_expression(void **state)
{
	static const char text[] = A "match_cmdline = a(b\nmatch_cmdline = fine\n" B
				     "match_cmdline = [z\n";
	struct config_errors errors;
	struct client_rules *rules;
	struct config config;

	assert_int_equal(config_parse("f", text, strlen(text), &config, &errors), 0);
	config_errors_release(&errors);
	assert_int_equal(client_rules_new(&config, "f", &rules, &errors), -EINVAL);
	assert_int_equal(errors.n, 2);
	assert_memory_equal(errors.text[0], "f:1: match_cmdline = a(b: ", 26);
	assert_memory_equal(errors.text[1], "f:4: match_cmdline = [z: ", 25);
	config_errors_release(&errors);
	config_release(&config);
}

/* A command line that makes an expression backtrack is no match, and takes no time. */
static void test_backtracking(void **state)
{
	char cmdline[4000];
	struct client_facts facts = bare;
	struct config config;
	struct client_rules *rules = rules_of(A "match_cmdline = ^(a|aa)+$", &config);

	memset(cmdline, 'a', sizeof(cmdline));
	cmdline[sizeof(cmdline) - 2] = 'b';
	cmdline[sizeof(cmdline) - 1] = '\0';
	facts.cmdline = cmdline;
	for (int i = 0; i < 100; i++)
		assert_int_equal(client_rules_match(rules, &facts, NONE), NONE);
	client_rules_free(rules);
	config_release(&config);
}

struct told {
	uint32_t pids[8];
	size_t n;
};

static void tell(void *arg, uint32_t pid)
{
	struct told *told = arg;

	assert_true(told->n < 8);
	told->pids[told->n++] = pid;
}

static void file_write(const char *path, const char *text)
{
	char other[64];
	FILE *f;

	/* As daemons do: a new file in its place. */
	snprintf(other, sizeof(other), "%s.new", path);
	f = fopen(other, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(other, path), 0);
}

static void test_pid_file(void **state)
{
	char path[] = "/tmp/bd-pid-XXXXXX", text[200];
	int fd = mkstemp(path);
	struct client_facts facts = bare;
	struct told told = { 0 };
	struct config config;
	struct client_rules *rules;

	assert_true(fd >= 0);
	close(fd);
	snprintf(text, sizeof(text), A "match_pid_file = %s\nmatch_pid_file = /nonexistent/x", path);
	rules = rules_of(text, &config);
	client_rules_pid_files(rules, tell, &told);
	assert_int_equal(told.n, 0);
	assert_int_equal(client_rules_match(rules, &facts, NONE), NONE);
	file_write(path, "8\n");
	client_rules_pid_files(rules, tell, &told);
	client_rules_pid_files(rules, tell, &told);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.pids[0], 8);
	assert_int_equal(client_rules_match(rules, &facts, NONE), 0);
	file_write(path, "9");
	client_rules_pid_files(rules, tell, &told);
	assert_int_equal(told.n, 3);
	assert_int_equal(told.pids[1], 8);
	assert_int_equal(told.pids[2], 9);
	assert_int_equal(client_rules_match(rules, &facts, NONE), NONE);
	unlink(path);
	client_rules_pid_files(rules, tell, &told);
	assert_int_equal(told.n, 4);
	assert_int_equal(told.pids[3], 9);
	client_rules_free(rules);
	config_release(&config);
}

static void test_needs_and_text(void **state)
{
	struct config config;
	struct client_rules *rules = rules_of(A "match_unit = u*\nmatch_exe = /e\nmatch_exe = /f", &config);
	char text[100];

	assert_true(client_rules_need_exe(rules));
	assert_false(client_rules_need_cmdline(rules) || client_rules_need_name(rules));
	client_rules_text(&config.clients[0], text, sizeof(text));
	assert_string_equal(text, "match_unit = u*, match_exe = /e, match_exe = /f");
	client_rules_text(&config.clients[0], text, 20);
	assert_string_equal(text, "match_unit = u*, ma");
	client_rules_free(rules);
	config_release(&config);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_bad_expression),
		cmocka_unit_test(test_backtracking),
		cmocka_unit_test(test_pid_file),
		cmocka_unit_test(test_needs_and_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

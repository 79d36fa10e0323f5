// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/lib/config/config.h"

#define CLIENT "[client \"a\"]\nmatch_comm = a\n"

static int parse(const char *text, struct config *config, struct config_errors *errors)
{
	return config_parse("f", text, strlen(text), config, errors);
}

static void test_defaults(void **state)
{
	struct config_errors errors;
	struct config c;

	assert_int_equal(parse(CLIENT, &c, &errors), 0);
	assert_int_equal(errors.n, 0);
	assert_string_equal(c.upload.url, "");
	assert_int_equal(c.agent.rate_hz, 19);
	assert_int_equal(c.agent.burst_hz, 199);
	assert_int_equal(c.agent.before_s, 60);
	assert_int_equal(c.agent.after_s, 15);
	assert_int_equal(c.agent.learn_s, 86400);
	assert_int_equal(c.agent.adopt_s, 86400);
	assert_int_equal(c.agent.reports_per_hour, 12);
	assert_string_equal(c.agent.spool_dir, "/var/spool/backdraft");
	assert_int_equal(c.n_clients, 1);
	assert_string_equal(c.clients[0].name, "a");
	assert_int_equal(c.clients[0].rules.deviation, CONFIG_DEVIATION_HIGH);
	assert_int_equal(c.clients[0].rules.deviation_for_s, 30);
	assert_true(c.clients[0].rules.deviation_least[METRIC_CPU] == 0.5);
	assert_int_equal(c.clients[0].rules.cooldown_s, 900);
	assert_int_equal(c.clients[0].rules.reports_per_hour, 4);
	assert_int_equal(c.clients[0].crash, CONFIG_CRASH_ON);
	assert_false(c.clients[0].rules.threshold.on || c.machine.starvation.on ||
		     c.machine.pressure.on);
	config_release(&c);
	config_errors_release(&errors);
	assert_int_equal(config_defaults(&c), 0);
	assert_int_equal(c.n_clients, 0);
	config_release(&c);
}

/* The example of the design. */
static void test_example(void **state)
{
	static const char text[] =
		"    [agent]\r\n    label = eu-west checkout 7              ; empty by default\r\n"
		"    rate_hz = 19\n[upload]\nurl = https://backdraft.example:8740    ; more\n"
		"[client \"checkout\"]\nmatch_unit = checkout.service\nmatch_unit=other.service\n"
		"threshold = 300% for 10s ; 100 % is one CPU\ndeviation = both\nstarvation = 20% "
		"for 1m\n"
		"deviation_metrics = cpu,memory , wait\ndeviation_least_memory = 1.5G\n"
		"deviation_least_wait = 5%\n"
		"log = /var/log/checkout/*.log\nlog = journal\nlog_seconds = 5m\nlog_as_root = yes\n"
		"version_file = "
		"/opt/checkout/VERSION\n"
		"[machine]\nthreshold = 80% of limit for 1h\n"
		"[client \"%unit\"]\nmatch_unit = *.service\n# done";
	struct config_errors errors;
	struct config c;

	assert_int_equal(parse(text, &c, &errors), 0);
	assert_string_equal(c.agent.label, "eu-west checkout 7");
	assert_string_equal(c.upload.url, "https://backdraft.example:8740");
	assert_int_equal(c.n_clients, 2);
	assert_int_equal(c.clients[0].match_unit.n, 2);
	assert_string_equal(c.clients[0].match_unit.text[1], "other.service");
	assert_true(c.clients[0].rules.threshold.on && !c.clients[0].rules.threshold.of_limit);
	assert_true(c.clients[0].rules.threshold.percent == 300);
	assert_int_equal(c.clients[0].rules.threshold.for_s, 10);
	assert_int_equal(c.clients[0].rules.deviation, CONFIG_DEVIATION_BOTH);
	assert_int_equal(c.clients[0].rules.starvation.for_s, 60);
	assert_int_equal(c.clients[0].rules.deviation_metrics,
			 1 << METRIC_CPU | 1 << METRIC_MEMORY | 1 << METRIC_WAIT);
	assert_int_equal(c.machine.deviation_metrics, 1 << METRIC_CPU);
	assert_true(c.clients[0].rules.deviation_least[METRIC_MEMORY] == 1.5 * 0x1p30);
	assert_true(c.clients[0].rules.deviation_least[METRIC_WAIT] == 0.05);
	assert_true(c.machine.deviation_least[METRIC_WAIT] == 0.2);
	assert_true(c.machine.deviation_least[METRIC_THREADS] == 100);
	assert_int_equal(c.clients[0].log.n, 2);
	assert_int_equal(c.clients[0].log_seconds, 300);
	assert_int_equal(c.clients[0].log_lines, 500);
	assert_int_equal(c.clients[0].log_as_root, 1);
	assert_int_equal(c.clients[1].log_as_root, 0);
	assert_true(c.machine.threshold.of_limit && c.machine.threshold.for_s == 3600);
	assert_string_equal(c.clients[1].name, "%unit");
	assert_false(c.clients[1].rules.threshold.on);
	config_release(&c);
	config_errors_release(&errors);
}

/* What is said about a mistake; the first words of each line. */
static const struct {
	const char *text, *said;
} mistakes[] = {
	{"[agent]\nrate = 5\n", "f:2: rate: no such key here; there are label, rate_hz, "},
	{"[agent]\nthreshold = off\n", "f:2: threshold: no such key here"},
	{"[agnet]\nrate_hz = 5\n", "f:1: [agnet]: no such section; there are [agent], [upload], "
				   "[machine] and [client \"NAME\"]"},
	{"rate_hz = 5\n", "f:1: rate_hz: a section must come first"},
	{"[agent\nrate_hz = 5\n", "f:1: `[agent`: a section ends in ]"},
	{"[agent]\nrate_hz\n", "f:2: `rate_hz`: neither [section] nor key = value"},
	{"[agent]\nrate_hz = 0\n", "f:2: rate_hz = 0: not allowed; allowed is 1 to 199"},
	{"[agent]\nrate_hz = 1.5\n", "f:2: rate_hz = 1.5: not allowed"},
	{"[agent]\nrate_hz =\n", "f:2: rate_hz = : not allowed"},
	{"[agent]\nrate_hz = 5\n\nrate_hz = 6\n", "f:4: rate_hz: already given in line 2"},
	{"[agent]\nbefore = 60\n", "f:2: before = 60: not allowed; allowed is 1s to 10m"},
	{"[agent]\nbefore = 1h\n", "f:2: before = 1h: not allowed"},
	{"[agent]\nbefore = 1.0001s\n", "f:2: before"},
	{"[agent]\nstate_dir = lib\n",
	 "f:2: state_dir = lib: not allowed; allowed is an absolute path"},
	{"[agent]\nstate_dir =\n", "f:2: state_dir = : not allowed"},
	{CLIENT "log = app.log\n", "f:3: log = app.log: not allowed; allowed is an absolute path of "
				   "files, with * and ? for any, or `journal`"},
	{CLIENT "log = /var/log/\n", "f:3: log = /var/log/: not allowed"},
	{CLIENT "log = journald\n", "f:3: log = journald: not allowed"},
	{CLIENT "log_lines = 0\n", "f:3: log_lines = 0: not allowed; allowed is 1 to 5000"},
	{"[agent]\nallow = everything\n",
	 "f:2: allow = everything: not allowed; allowed is hostname | user | home | address | email"},
	{"[agent]\nallow = hostname | user\n", "f:2: allow = hostname | user: not allowed"},
	{"[agent]\nscrub = order\n", "f:2: scrub = order: allowed is NAME REGEX"},
	{"[agent]\n\nscrub = order ORD-(\\d+\n", "f:3: scrub = order ORD-(\\d+: missing closing parenthesis"},
	{"[upload]\nurl = http://backdraft.example\n",
	 "f:2: url = http://backdraft.example: not allowed; allowed is https://"},
	{"[upload]\nurl = http://localhost.example/\n", "f:2: url"},
	{"[upload]\nurl = https://user@host/\n", "f:2: url"},
	{CLIENT "deviation_metrics = cpu, rss\n",
	 "f:3: deviation_metrics = cpu, rss: not allowed; allowed is cpu | wait | throttled"},
	{CLIENT "deviation_metrics = cpu memory\n", "f:3: deviation_metrics = cpu memory: not allowed"},
	{CLIENT "deviation_metrics = cpu,\n", "f:3: deviation_metrics = cpu,: not allowed"},
	{CLIENT "deviation_metrics =\n", "f:3: deviation_metrics = : not allowed"},
	{CLIENT "deviation_least_memory = 256\n", "f:3: deviation_least_memory = 256: not allowed"},
	{CLIENT "deviation_least_memory = 1MB\n", "f:3: deviation_least_memory = 1MB: not allowed"},
	{CLIENT "deviation_least_wait = 0.2\n", "f:3: deviation_least_wait = 0.2: not allowed"},
	{CLIENT "deviation_least_wait = 101%\n", "f:3: deviation_least_wait = 101%: not allowed"},
	{"[machine]\nmatch_comm = a\n", "f:2: match_comm: no such key here"},
	{"[machine]\nthreshold = 300%\n",
	 "f:2: threshold = 300%: not allowed; allowed is `300% for 10s`"},
	{"[machine]\nthreshold = 300 for 10s\n", "f:2: threshold"},
	{"[machine]\nthreshold = 300% of limit for 10s\n", "f:2: threshold"},
	{"[machine]\nthreshold = 30% of  for 10s\n", "f:2: threshold"},
	{"[machine]\nthreshold = 30% for 10s x\n", "f:2: threshold"},
	{"[machine]\nstarvation = 101% for 10s\n", "f:2: starvation"},
	{"[machine]\nstarvation = 10% of limit for 10s\n", "f:2: starvation"},
	{"[machine]\ndeviation = higher\n",
	 "f:2: deviation = higher: not allowed; allowed is off | high | low | both"},
	{"[machine]\ndeviation = |\n", "f:2: deviation"},
	{"[client \"a\"]\n",
	 "f:1: [client \"a\"]: nothing says which processes it is; give match_unit"},
	{"[client \"\"]\nmatch_comm = a\n",
	 "f:1: [client \"\"]: a client's name has 1 to 40 characters"},
	{"[client a]\nmatch_comm = a\n", "f:1: [client a]: no such section"},
	{"[client \"%slice\"]\nmatch_comm = a\n", "f:1: [client \"%slice\"]: templates are"},
	{CLIENT CLIENT, "f:3: [client \"a\"]: this client was there before"},
	{"[client \"a\"]\nmatch_comm = sixteen_letters_\n", "f:2: match_comm"},
	{"[client \"a\"]\nmatch_comm =\n", "f:2: match_comm"},
	{"[agent]\nlabel = a\tb\n[x\001]\n", "f:3: a control character"},
	{"[agent]\n\001 =\n", "f:2: a control character"},
	{"[agent]\n= 5\n", "f:2: `= 5`: neither [section] nor key = value"},
	{"[agent]\nlabel = x\n  y\n", "f:3: `y`: neither [section] nor key = value"},
	{"[agent]\nlabel = x\n  y", "f:3: `y`: neither"},
	{"[agent]\n[upload\nurl = x\n", "f:2: `[upload`: a section ends in ]"},
	{"[agent]\n[agent\n", "f:2: `[agent`: a section ends in ]"},
	{"[agent] rate_hz = 5\n", "f:1: `[agent] rate_hz = 5`: nothing but a comment may stand"},
	{"[agent];\n", "f:1: `[agent];`: nothing but a comment may stand behind ]"},
	{"[client \"a;b ;c\"]\nmatch_comm = a\n", "f:1: `[client \"a;b ;c\"]`: a section ends in ]"},
	{"[client \"a]b\"]\nmatch_comm = a\n", "f:1: `[client \"a]b\"]`: nothing but a comment"},
	{"[client \"41_characters_are_more_than_libinih_takes\"]\nmatch_comm = a\n",
	 "f:1: `[client \"41_characters_are_more_than_libinih_takes\"]`: what stands in [] has at most 49"},
};

static void test_mistakes(void **state)
{
	struct config_errors errors;
	struct config c;
	size_t i;

	for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		if (parse(mistakes[i].text, &c, &errors) != -EINVAL)
			fail_msg("taken: %s", mistakes[i].text);
		if (strncmp(errors.text[0], mistakes[i].said, strlen(mistakes[i].said)))
			fail_msg("%s\n  is not\n%s", errors.text[0], mistakes[i].said);
		config_errors_release(&errors);
	}
}

/* All of them at once, in the order of the file; an unknown section's keys are not told one by one.
 */
static void test_all_at_once(void **state)
{
	struct config_errors errors;
	struct config c;

	assert_int_equal(parse("[agent]\nx = 1\nrate_hz = 0\n[no]\ny = 1\nz = 2\n[client \"q\"]\n",
			       &c, &errors),
			 -EINVAL);
	assert_int_equal(errors.n, 4);
	assert_memory_equal(errors.text[0], "f:2: ", 5);
	assert_memory_equal(errors.text[1], "f:3: ", 5);
	assert_memory_equal(errors.text[2], "f:4: ", 5);
	assert_memory_equal(errors.text[3], "f:7: ", 5);
	config_errors_release(&errors);
}

/* Nothing is cut: the longest line is taken whole, one more byte is an error, and a list has its
 * end. */
static void test_limits(void **state)
{
	static char text[CONFIG_LIST_MAX * 20 + 4000];
	struct config_errors errors;
	struct config c;
	size_t n, i;

	for (i = 0; i < 2; i++) {
		n = sprintf(text, "%slog = ", CLIENT);
		memset(text + n, 'x', 150);
		text[n] = '/';
		memset(text + n + 150, ' ', CONFIG_LINE_MAX - 150 - 6 + i);
		sprintf(text + n + CONFIG_LINE_MAX - 6 + i, "\n[agent]\nrate_hz = 7\n");
		assert_int_equal(parse(text, &c, &errors), i ? -EINVAL : 0);
		if (i) {
			assert_string_equal(
				errors.text[0],
				"f:3: the line has 199 bytes; at most 198 are allowed");
		} else {
			assert_int_equal(strlen(c.clients[0].log.text[0]), 150);
			assert_int_equal(c.agent.rate_hz, 7);
			config_release(&c);
		}
		config_errors_release(&errors);
	}
	n = sprintf(text, "%s", CLIENT);
	for (i = 0; i <= CONFIG_LIST_MAX; i++)
		n += sprintf(text + n, "log = /x\n");
	assert_int_equal(parse(text, &c, &errors), -EINVAL);
	assert_string_equal(errors.text[0], "f:67: log: at most 64 of it");
	config_errors_release(&errors);
	for (n = i = 0; i < 300; i++)
		n += sprintf(text + n, "nonsense\n");
	assert_int_equal(parse(text, &c, &errors), -EINVAL);
	assert_int_equal(errors.n, CONFIG_ERRORS_MAX);
	config_errors_release(&errors);
}

/* The file that is installed is valid, and names each key, with its default where that is commented
 * out. */
static void test_installed_file(void **state)
{
	static char text[20000], line[400];
	struct config_key_info key;
	struct config_errors errors;
	struct config c;
	FILE *file = fopen("deploy/backdraft.conf", "r");
	size_t size, i;

	assert_non_null(file);
	size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	if (config_parse("deploy/backdraft.conf", text, size, &c, &errors))
		fail_msg("%s", errors.text[0]);
	assert_int_equal(c.n_clients, 1);
	assert_string_equal(c.clients[0].name, "%unit");
	assert_string_equal(c.upload.url, "");
	config_release(&c);
	config_errors_release(&errors);
	for (i = 0; config_key_at(i, &key); i++) {
		snprintf(line, sizeof(line), "\n#%s =%s%s", key.name, *key.initial ? " " : "",
			 key.initial);
		if (!strstr(text, key.name) || (*key.initial && !strstr(text, line)))
			fail_msg("deploy/backdraft.conf does not have `#%s = %s`", key.name,
				 key.initial);
	}
	assert_true(i > 30);
}

/* Each key has its place in the manual, behind it its default. */
static void test_manual(void **state)
{
	static char text[64 * 1024];
	FILE *file = fopen("docs/backdraft.conf.5", "r");
	struct config_key_info key;
	char alone[100], wanted[200];
	size_t i;

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	for (i = 0; config_key_at(i, &key); i++) {
		if (*key.initial)
			snprintf(wanted, sizeof(wanted), "\n.It Cm %s No = %s\n", key.name, key.initial);
		else
			snprintf(wanted, sizeof(wanted), "\n.It Cm %s No (", key.name);
		snprintf(alone, sizeof(alone), "\n.It Cm %s\n", key.name);
		if (!strstr(text, wanted) && (*key.initial || !strstr(text, alone)))
			fail_msg("docs/backdraft.conf.5 does not have `%s = %s`", key.name,
				 key.initial);
	}
	assert_true(i > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_example),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_limits),	 cmocka_unit_test(test_installed_file),
		cmocka_unit_test(test_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

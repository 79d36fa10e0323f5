// SPDX-License-Identifier: BSD-2-Clause
/* Names of a machine that is a tree of files. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/common/machine_names.h"

static void put(const char *root, const char *name, const char *text)
{
	char path[300];

	snprintf(path, sizeof(path), "%s%s", root, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static bool has(const struct machine_names *n, enum scrub_class class, const char *text)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->words[i].class == class && !strcmp(n->words[i].text, text))
			return true;
	return false;
}

static void test_names(void **state)
{
	static const char config_text[] = "[client \"Checkout\"]\nmatch_comm = a\n";
	char root[] = "/tmp/backdraft-names-XXXXXX", path[300];
	struct config_errors errors;
	struct machine_names n;
	struct config config;

	assert_non_null(mkdtemp(root));
	for (int i = 0; i < 4; i++) {
		static const char *const dirs[] = {"/etc", "/home", "/home/dora", "/home/ubuntu"};

		snprintf(path, sizeof(path), "%s%s", root, dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	put(root, "/etc/hosts",
	    "127.0.0.1 localhost\n# 10.1.2.3 falcon7 commented\n"
	    "10.1.2.3\tfalcon7.shop.example falcon7 intranet-app # a comment\n"
	    "10.1.2.4 other\n");
	put(root, "/etc/passwd",
	    "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/sh\n"
	    "carla:x:1000:1000:Carla Meier,Room 7,,:/srv/people/carla:/bin/sh\n"
	    "checkout:x:1001:1001::/var/lib/checkout:/bin/sh\n"
	    "ubuntu:x:1002:1002:Ubuntu:/home/ubuntu:/bin/bash\n"
	    "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\nxy:x:1003:1003::/:/bin/sh\n"
	    "broken line\n");
	assert_int_equal(config_parse("f", config_text, strlen(config_text), &config, &errors), 0);
	assert_int_equal(machine_names_read(root, "falcon7", &config, &n), 0);
	assert_true(has(&n, SCRUB_hostname, "falcon7"));
	assert_true(has(&n, SCRUB_hostname, "falcon7.shop.example"));
	assert_true(has(&n, SCRUB_hostname, "shop.example"));
	assert_true(has(&n, SCRUB_hostname, "intranet-app"));
	assert_true(has(&n, SCRUB_user, "carla"));
	assert_true(has(&n, SCRUB_user, "Carla Meier"));
	assert_true(has(&n, SCRUB_home, "/srv/people/carla"));
	assert_true(has(&n, SCRUB_user, "dora"));
	assert_true(has(&n, SCRUB_home, "/home/ubuntu"));
	/* `checkout` is a client's name, `ubuntu` anybody's; nothing of root, services, nobody. */
	if (n.n != 10)
		for (size_t i = 0; i < n.n; i++)
			print_error("%s\n", n.words[i].text);
	assert_int_equal(n.n, 10); /* falcon7.shop.example's first label is falcon7 again */
	machine_names_release(&n);
	assert_int_equal(machine_names_read("/nonexistent", "vm", NULL, &n), 0);
	assert_int_equal(n.n, 0);
	machine_names_release(&n);
	config_release(&config);
	config_errors_release(&errors);
	snprintf(path, sizeof(path), "rm -r %s", root);
	assert_int_equal(system(path), 0);
}

/* The configuration's switches and patterns, on this machine. */
static void test_scrub(void **state)
{
	static const char text[] = "[agent]\nallow = email\nallow = home\nscrub = order ORD-\\d+\n"
				   "[client \"open\"]\nmatch_comm = x\nallow = address\n"
				   "scrub = letter [ax]\n[client \"shut\"]\nmatch_comm = y\n";
	static const char line[] = "a@example.org 10.1.2.3 /home/carla/x ORD-17";
	char error[SCRUB_ERROR_BYTES];
	struct config_errors errors;
	struct config config;
	struct scrub *s;
	const char *ret;
	uint64_t count;
	size_t n;

	assert_int_equal(config_parse("f", text, strlen(text), &config, &errors), 0);
	assert_int_equal(machine_scrub_new(&config, NULL, &s, error), 0);
	assert_int_equal(scrub_allowed(s), 1u << SCRUB_email | 1u << SCRUB_home);
	assert_int_equal(scrub_text(s, SCRUB_TEXT, false, line, strlen(line), &ret, &n), 0);
	assert_memory_equal(ret, "a@example.org <ip:", 18);
	assert_int_equal(scrub_count(s, SCRUB_address), 1);
	assert_string_equal(scrub_pattern_count(s, 0, &count), "order");
	assert_int_equal(count, 1);
	scrub_free(s);
	/* A client's own come beside them, and are no other's. */
	assert_int_equal(machine_scrub_new(&config, &config.clients[0], &s, error), 0);
	assert_int_equal(scrub_allowed(s),
			 1u << SCRUB_email | 1u << SCRUB_home | 1u << SCRUB_address);
	assert_int_equal(scrub_text(s, SCRUB_TEXT, false, line, strlen(line), &ret, &n), 0);
	assert_memory_equal(ret, "<letter:", 8);
	assert_non_null(memmem(ret, n, " 10.1.2.3 ", 10));
	assert_string_equal(scrub_pattern_count(s, 0, &count), "order");
	assert_int_equal(count, 1);
	assert_string_equal(scrub_pattern_count(s, 1, &count), "letter");
	scrub_free(s);
	assert_int_equal(machine_scrub_new(&config, &config.clients[1], &s, error), 0);
	assert_int_equal(scrub_allowed(s), 1u << SCRUB_email | 1u << SCRUB_home);
	scrub_free(s);
	assert_int_equal(machine_scrub_new(NULL, NULL, &s, error), 0);
	assert_int_equal(scrub_allowed(s), 0);
	scrub_free(s);
	config_release(&config);
	config_errors_release(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_scrub),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "user/clients/pressure.h"
#include "user/clients/units.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_unit(void **state)
{
	static const struct {
		const char *path, *unit; /* NULL: none */
	} cases[] = {
		{ "/", NULL },
		{ "", NULL },
		{ "/init.scope", "init.scope" },
		{ "/system.slice/checkout.service", "checkout.service" },
		{ "/system.slice/checkout.service/worker", "checkout.service" },
		{ "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service" },
		{ "/batch.slice/batch-night.slice/batch-night-eu.slice/a.service", "a.service" },
		{ "/system.slice", NULL },
		{ "/system.slice/not-a-unit/a.service", NULL },
		{ "/system.slice/docker-" ID ".scope", "docker-" ID ".scope" },
		{ "/docker/" ID, NULL },
		{ "/user.slice/user-1000.slice/session-3.scope", "session-3.scope" },
		{ "/user.slice/user-1000.slice/user@1000.service", "user@1000.service" },
		{ "/user.slice/user-1000.slice/user@1000.service/init.scope", "init.scope" },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/db.service", "db.service" },
		{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-a.slice/b.service",
		  "b.service" },
		/* a container's own systemd: what it runs is not a unit of this machine */
		{ "/machine.slice/machine-web.scope/payload/system.slice/x.service",
		  "machine-web.scope" },
		{ "/system.slice/_cpu.service", "cpu.service" },
		{ "/system.slice/dev-disk-by\\x2dlabel.swap", "dev-disk-by\\x2dlabel.swap" },
		{ "/system.slice/.service", NULL },
		{ "//system.slice//x.socket", "x.socket" },
	};
	char unit[UNIT_MAX + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool found = unit_of_path(cases[i].path, unit);

		if (found != !!cases[i].unit || (found && strcmp(unit, cases[i].unit)))
			fail_msg("%s: %s", cases[i].path, found ? unit : "none");
	}
}

static void test_unit_too_long(void **state)
{
	char path[400] = "/", unit[UNIT_MAX + 1];

	memset(path + 1, 'a', 300);
	strcpy(path + 301, ".service");
	assert_false(unit_of_path(path, unit));
	strcpy(path + 1 + UNIT_MAX - 8, ".service");
	assert_true(unit_of_path(path, unit));
	assert_int_equal(strlen(unit), UNIT_MAX);
}

static void test_container(void **state)
{
	static const struct {
		const char *path, *container;
	} cases[] = {
		{ "/", NULL },
		{ "/system.slice/x.service", NULL },
		{ "/docker/" ID, "0123456789ab" },
		{ "/system.slice/docker-" ID ".scope", "0123456789ab" },
		{ "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope", "0123456789ab" },
		{ "/machine.slice/libpod-" ID ".scope/container", "0123456789ab" },
		{ "/docker/" ID "0", NULL },
		{ "/lxc/web/init", "web" },
		{ "/lxc.payload.db-1/system.slice", "db-1" },
		{ "/machine.slice/machine-build.scope", "build" },
		{ "/machine.slice/systemd-nspawn@build.service/payload", "build" },
		{ "/machine.slice/other.scope", NULL },
	};
	char container[UNIT_MAX + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool found = unit_container(cases[i].path, container);

		if (found != !!cases[i].container || (found && strcmp(container, cases[i].container)))
			fail_msg("%s: %s", cases[i].path, found ? container : "none");
	}
}

static void test_pressure(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint64_t total_us;
	} cases[] = {
		{ "some avg10=21.39 avg60=41.26 avg300=47.18 total=1904535349\n"
		  "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
		  0, 1904535349 },
		{ "full avg10=0.00 total=7\nsome avg10=0.00 total=12\n", 0, 12 },
		{ "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", 0, 0 },
		{ "some avg10=0.00\nfull avg10=0.00 total=7\n", -EINVAL, 0 },
		{ "full avg10=0.00 total=7\n", -EINVAL, 0 },
		{ "some avg10=0.00 total=\n", -EINVAL, 0 },
		{ "some avg10=0.00 total=-1\n", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t total = 0;

		assert_int_equal(pressure_parse(cases[i].text, &total), cases[i].err);
		assert_int_equal(total, cases[i].total_us);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unit),
		cmocka_unit_test(test_unit_too_long),
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_pressure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/* backdraft watch: the daemon; or what it would do. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/common/capability.h"
#include "user/clients/clients.h"
#include "user/common/clock.h"
#include "user/common/config_file.h"
#include "user/daemon/daemon.h"
#include "user/lib/base/out.h"
#include "user/common/verb.h"

#define OPTION_CONFIG VERB_LONG_ONLY
#define OPTION_CHECK (VERB_LONG_ONLY + 1)
#define OPTION_DRY_RUN (VERB_LONG_ONLY + 2)
#define CHECK_MS 500 /* between two looks: rates need both */

const struct verb_option verb_watch_options[] = {
	{OPTION_CONFIG, "config", "FILE", "instead of " CONFIG_FILE_DEFAULT},
	{OPTION_CHECK, "check", NULL, "say what is wrong with it, and what would be watched now"},
	{OPTION_DRY_RUN, "dry-run", NULL, "watch, but only log what would have been reported"},
	{0},
};

static int look(struct clients *c, struct clients_second *ret)
{
	clients_begin_second(c, clock_monotonic_ns());
	int err = clients_scan(c);

	return err ? err : clients_end_second(c, ret);
}

static int print_check(struct clients *c)
{
	const struct timespec pause = { .tv_nsec = CHECK_MS * 1000000L };
	struct clients_second second;
	struct out out;
	int err = look(c, &second);

	nanosleep(&pause, NULL);
	if (!err)
		err = look(c, &second);
	if (err) {
		verb_error("watch: /proc: %s", strerror(-err));
		return VERB_FAILED;
	}
	out_init(&out, STDOUT_FILENO);
	clients_check(c, &second, &out);
	err = out_finish(&out);
	if (err)
		verb_error("watch: standard output: %s", out.error);
	out_release(&out);
	return err ? VERB_FAILED : VERB_DONE;
}

static int check(const char *path)
{
	struct config config;
	struct config_errors errors;
	struct clients *clients = NULL;
	int status = config_file_read(path, &config);

	if (status)
		return status;
	struct clients_options options = { .config = &config, .path = path };
	int err = clients_new(&options, &clients, &errors);

	for (size_t i = 0; i < errors.n; i++)
		verb_error("%s", errors.text[i]);
	config_errors_release(&errors);
	status = err ? VERB_WRONG_USE : print_check(clients);
	clients_free(clients);
	config_release(&config);
	return status;
}

int verb_watch(int argc, char **argv)
{
	const char *config = CONFIG_FILE_DEFAULT;
	bool only_check = false, dry_run = false;
	int option, status;

	while ((option = verb_getopt(verb_watch_options, argc, argv)) != -1) {
		if (option == OPTION_CONFIG)
			config = optarg;
		else if (option == OPTION_CHECK)
			only_check = true;
		else if (option == OPTION_DRY_RUN)
			dry_run = true;
		else
			return VERB_WRONG_USE;
	}
	if (optind < argc)
		return verb_usage("watch", "%s: it takes only options", argv[optind]);
	if (only_check)
		return check(config);
	status = capability_require("watch");
	return status ? status : daemon_run(config, dry_run);
}

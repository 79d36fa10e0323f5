/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration of `watch`, `upload` and `replay`: an INI file with the sections [agent],
 * [upload], [machine] and any number of [client "NAME"]. The table in config_keys.c has a row for
 * each key: its section, type, default and what is allowed.
 *
 * Ownership: a config owns all its strings; config_release() frees them and zeroes it.
 */
#ifndef BD_CONFIG_H
#define BD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/base/metric.h"

#define CONFIG_LINE_MAX 198 /* libinih would cut a longer one, as distributions build it */
#define CONFIG_NAME_MAX 40  /* of a client in the file; those of templates are not cut there */
#define CONFIG_CLIENTS_MAX 200
#define CONFIG_LIST_MAX 64
#define CONFIG_ERRORS_MAX 100

/* `300% for 10s`, `80% of limit for 10s`, `off`. 100 % is one CPU, or the whole limit. */
struct config_amount {
	bool on, of_limit;
	double percent;
	uint32_t for_s;
};

struct config_list {
	char **text;
	size_t n;
};

enum config_deviation {
	CONFIG_DEVIATION_OFF,
	CONFIG_DEVIATION_HIGH,
	CONFIG_DEVIATION_LOW,
	CONFIG_DEVIATION_BOTH
};
enum config_crash { CONFIG_CRASH_OFF, CONFIG_CRASH_ON, CONFIG_CRASH_ALL };
enum config_heartbeat { CONFIG_HEARTBEAT_OFF, CONFIG_HEARTBEAT_HTTP };

/* Rules of a client, or of the machine as a whole. */
struct config_rules {
	struct config_amount threshold, starvation, throttled, pressure;
	int deviation; /* enum config_deviation */
	uint32_t deviation_for_s;
	uint32_t deviation_metrics;	 /* bit: enum metric; of which a deviation is told */
	double deviation_least[METRICS]; /* in the metric's unit: CPUs, shares, bytes, threads */
	uint32_t cooldown_s;
	int64_t reports_per_hour;
};

struct config_client {
	char *name; /* as written; `%unit` and `%container` are templates */
	unsigned line;
	struct config_list match_unit, match_comm, match_exe, match_cmdline, match_cgroup,
		match_container, match_pid_file;
	struct config_rules rules;
	int crash;		/* enum config_crash */
	uint64_t crash_exit[4]; /* exit statuses that are crashes: bit n % 64 of [n / 64] */
	int64_t processes;
	struct config_list log;
	uint32_t log_seconds;
	int64_t log_lines;
	int log_as_root; /* 1: with the right to read any file, not the client's own */
	struct config_list allow, scrub; /* as the agent's, for reports of this client alone */
	char *version, *version_file;
};

struct config_agent {
	char *label, *state_dir, *spool_dir, *socket;
	int64_t rate_hz, burst_hz, reports_per_hour;
	uint32_t before_s, after_s, learn_s, adopt_s;
	struct config_list allow; /* what may leave the machine as it is: names of scrub.def */
	struct config_list scrub; /* NAME REGEX: what else may not */
};

struct config_upload {
	char *url, *token_file, *ca_file; /* url "": nothing leaves the machine */
	int heartbeat;			  /* enum config_heartbeat */
	char *user;			  /* whom the uploader becomes; "": `backdraft`, or `nobody` */
	uint32_t connect_timeout_s, timeout_s;
};

struct config {
	struct config_agent agent;
	struct config_upload upload;
	struct config_rules machine;
	struct config_client *clients; /* in the order of the file: the first that matches wins */
	size_t n_clients;
};

/* What is wrong, one line each: `FILE:LINE: ...`, with what is allowed. At most CONFIG_ERRORS_MAX.
 */
struct config_errors {
	char **text;
	size_t n;
};

/*
 * Parses SIZE bytes that came from the file PATH. 0 and a config, or -EINVAL and every error that
 * it has, or -ENOMEM. RET_ERRORS is always to be released, RET_CONFIG only after 0.
 */
int config_parse(const char *path, const char *text, size_t size, struct config *ret_config,
		 struct config_errors *ret_errors);

/* The defaults: what an empty file means. 0 or -ENOMEM. */
int config_defaults(struct config *ret_config);

void config_release(struct config *config);
void config_errors_release(struct config_errors *errors);

/* One row of the table, for the manual and the default file; false past the last. */
struct config_key_info {
	const char *section, *name, *initial, *allowed;
};
bool config_key_at(size_t i, struct config_key_info *ret_info);

#endif

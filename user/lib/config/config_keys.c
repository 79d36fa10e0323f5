// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "user/lib/config/config_private.h"

#define AGENT(member) offsetof(struct config_agent, member)
#define UPLOAD(member) offsetof(struct config_upload, member)
#define RULE(member) offsetof(struct config_rules, member)
#define CLIENT(member) offsetof(struct config_client, member)
#define BOTH (CONFIG_CLIENT | CONFIG_MACHINE)
#define GLOB "a name, with * and ? for any; may be repeated"

/* " | hostname | user | …" */
static const char class_names[] =
#define CLASS(name, what, example, becomes) " | " #name
#include "user/lib/scrub/scrub.def"
	;

/* Keys of the machine and of clients have their offset in the rules that both have. */
const struct config_key config_keys[] = {
	{CONFIG_AGENT, "label", CONFIG_TEXT, AGENT(label), "", 0, 200,
	 "at most 200 characters; sent as it is"},
	{CONFIG_AGENT, "rate_hz", CONFIG_COUNT, AGENT(rate_hz), "19", 1, 199, "1 to 199"},
	{CONFIG_AGENT, "burst_hz", CONFIG_COUNT, AGENT(burst_hz), "199", 1, 999, "1 to 999"},
	{CONFIG_AGENT, "before", CONFIG_SECONDS, AGENT(before_s), "60s", 1, 600, "1s to 10m"},
	{CONFIG_AGENT, "after", CONFIG_SECONDS, AGENT(after_s), "15s", 1, 300, "1s to 5m"},
	{CONFIG_AGENT, "learn", CONFIG_SECONDS, AGENT(learn_s), "24h", 3600, 30 * 86400,
	 "1h to 30d"},
	{CONFIG_AGENT, "adopt", CONFIG_SECONDS, AGENT(adopt_s), "24h", 3600, 30 * 86400,
	 "1h to 30d"},
	{CONFIG_AGENT, "reports_per_hour", CONFIG_COUNT, AGENT(reports_per_hour), "12", 1, 1000,
	 "1 to 1000"},
	{CONFIG_AGENT, "state_dir", CONFIG_PATH, AGENT(state_dir), "/var/lib/backdraft", 1, 4000,
	 "an absolute path"},
	{CONFIG_AGENT, "spool_dir", CONFIG_PATH, AGENT(spool_dir), "/var/spool/backdraft", 1, 4000,
	 "an absolute path"},
	{CONFIG_AGENT, "socket", CONFIG_PATH, AGENT(socket), "/run/backdraft/backdraft.sock", 1,
	 107, "an absolute path of at most 107 bytes"},
	{CONFIG_AGENT, "allow", CONFIG_WORDS, AGENT(allow), "", 1, 200,
	 class_names + 3},
	{CONFIG_AGENT, "scrub", CONFIG_PATTERN, AGENT(scrub), "", 3, CONFIG_LINE_MAX,
	 "NAME REGEX; may be repeated"},
	{CONFIG_UPLOAD, "url", CONFIG_URL, UPLOAD(url), "", 0, 2000,
	 "https://HOST[:PORT][/PATH], or http:// to loopback"},
	{CONFIG_UPLOAD, "token_file", CONFIG_PATH, UPLOAD(token_file), "", 1, 4000,
	 "an absolute path"},
	{CONFIG_UPLOAD, "ca_file", CONFIG_PATH, UPLOAD(ca_file), "", 1, 4000, "an absolute path"},
	{CONFIG_UPLOAD, "heartbeat", CONFIG_CHOICE, UPLOAD(heartbeat), "off", 0, 0, "off | http"},
	{CONFIG_UPLOAD, "user", CONFIG_TEXT, UPLOAD(user), "", 0, 32,
	 "a user's name; backdraft, or where there is none nobody"},
	{CONFIG_UPLOAD, "connect_timeout", CONFIG_SECONDS, UPLOAD(connect_timeout_s), "10s", 1, 300,
	 "1s to 5m"},
	{CONFIG_UPLOAD, "timeout", CONFIG_SECONDS, UPLOAD(timeout_s), "2m", 1, 3600, "1s to 1h"},
	{BOTH, "threshold", CONFIG_AMOUNT, RULE(threshold), "off", 1, 1000000,
	 "`300% for 10s`, `80% of limit for 10s`, off; 100% is one CPU"},
	{BOTH, "deviation", CONFIG_CHOICE, RULE(deviation), "high", 0, 0,
	 "off | high | low | both"},
	{BOTH, "deviation_for", CONFIG_SECONDS, RULE(deviation_for_s), "30s", 1, 3600, "1s to 1h"},
	{BOTH, "deviation_least", CONFIG_CPUS, RULE(deviation_least[METRIC_CPU]), "0.5", 0,
	 100000, "CPUs, as 0.5"},
	{BOTH, "deviation_metrics", CONFIG_SET, RULE(deviation_metrics), "cpu", 0, 0, METRIC_WORDS},
	{BOTH, "deviation_least_wait", CONFIG_SHARE, RULE(deviation_least[METRIC_WAIT]), "20%", 0,
	 100, "per cent of the time, as 20%"},
	{BOTH, "deviation_least_throttled", CONFIG_SHARE, RULE(deviation_least[METRIC_THROTTLED]),
	 "20%", 0, 100, "per cent of the time, as 20%"},
	{BOTH, "deviation_least_pressure", CONFIG_SHARE, RULE(deviation_least[METRIC_PRESSURE]),
	 "20%", 0, 100, "per cent of the time, as 20%"},
	{BOTH, "deviation_least_memory", CONFIG_BYTES, RULE(deviation_least[METRIC_MEMORY]), "256M",
	 0, 1 << 30, "bytes, as 256M or 1.5G"},
	{BOTH, "deviation_least_threads", CONFIG_CPUS, RULE(deviation_least[METRIC_THREADS]), "100",
	 0, 1000000, "threads, as 100"},
	{BOTH, "starvation", CONFIG_AMOUNT, RULE(starvation), "off", 1, 100,
	 "`20% for 10s`, off; of the time to run"},
	{BOTH, "throttled", CONFIG_AMOUNT, RULE(throttled), "off", 1, 100,
	 "`20% for 10s`, off; of the time"},
	{BOTH, "pressure", CONFIG_AMOUNT, RULE(pressure), "off", 1, 100,
	 "`20% for 10s`, off; of the time"},
	{BOTH, "cooldown", CONFIG_SECONDS, RULE(cooldown_s), "15m", 10, 4 * 3600, "10s to 4h"},
	{BOTH, "reports_per_hour", CONFIG_COUNT, RULE(reports_per_hour), "4", 1, 1000, "1 to 1000"},
	{CONFIG_CLIENT, "match_unit", CONFIG_LIST, CLIENT(match_unit), "", 1, 255, GLOB},
	{CONFIG_CLIENT, "match_comm", CONFIG_LIST, CLIENT(match_comm), "", 1, 15,
	 GLOB ", at most 15 characters"},
	{CONFIG_CLIENT, "match_exe", CONFIG_LIST, CLIENT(match_exe), "", 1, 900,
	 "a path; may be repeated"},
	{CONFIG_CLIENT, "match_cmdline", CONFIG_LIST, CLIENT(match_cmdline), "", 1, 900,
	 "a regular expression; may be repeated"},
	{CONFIG_CLIENT, "match_cgroup", CONFIG_LIST, CLIENT(match_cgroup), "", 1, 900,
	 "a path below the root of cgroups"},
	{CONFIG_CLIENT, "match_container", CONFIG_LIST, CLIENT(match_container), "", 1, 255,
	 "a container's id or name"},
	{CONFIG_CLIENT, "match_pid_file", CONFIG_LIST, CLIENT(match_pid_file), "", 1, 900,
	 "a path; may be repeated"},
	{CONFIG_CLIENT, "crash", CONFIG_CHOICE, CLIENT(crash), "on", 0, 0, "off | on | all"},
	{CONFIG_CLIENT, "crash_exit", CONFIG_STATUSES, CLIENT(crash_exit), "none", 1, 255,
	 "exit statuses, as 1-125,134; or none"},
	{CONFIG_CLIENT, "processes", CONFIG_COUNT, CLIENT(processes), "0", 0, 1000, "0 to 1000"},
	{CONFIG_CLIENT, "log", CONFIG_LIST, CLIENT(log), "", 1, 900,
	 "an absolute path of files, with * and ? for any, or `journal`; may be repeated"},
	{CONFIG_CLIENT, "log_seconds", CONFIG_SECONDS, CLIENT(log_seconds), "60s", 1, 3600,
	 "1s to 1h"},
	{CONFIG_CLIENT, "log_lines", CONFIG_COUNT, CLIENT(log_lines), "500", 1, 5000, "1 to 5000"},
	{CONFIG_CLIENT, "log_as_root", CONFIG_CHOICE, CLIENT(log_as_root), "no", 0, 0, "no | yes"},
	{CONFIG_CLIENT, "allow", CONFIG_WORDS, CLIENT(allow), "", 1, 200, class_names + 3},
	{CONFIG_CLIENT, "scrub", CONFIG_PATTERN, CLIENT(scrub), "", 3, CONFIG_LINE_MAX,
	 "NAME REGEX; may be repeated"},
	{CONFIG_CLIENT, "version", CONFIG_TEXT, CLIENT(version), "", 0, 200,
	 "at most 200 characters"},
	{CONFIG_CLIENT, "version_file", CONFIG_PATH, CLIENT(version_file), "", 1, 4000,
	 "an absolute path"},
};
const size_t config_n_keys = sizeof(config_keys) / sizeof(config_keys[0]);

const struct config_key *config_key_find(enum config_section section, const char *name)
{
	size_t i;

	for (i = 0; i < config_n_keys; i++)
		if ((config_keys[i].sections & section) && !strcmp(config_keys[i].name, name))
			return &config_keys[i];
	return NULL;
}

void *config_key_place(const struct config_key *key, enum config_section section, void *base)
{
	if (section == CONFIG_CLIENT && (key->sections & CONFIG_MACHINE))
		base = &((struct config_client *)base)->rules;
	return (char *)base + key->offset;
}

bool config_key_at(size_t i, struct config_key_info *ret_info)
{
	if (i >= config_n_keys)
		return false;
	*ret_info = (struct config_key_info){
		config_keys[i].sections & CONFIG_AGENT	  ? "agent"
		: config_keys[i].sections & CONFIG_UPLOAD ? "upload"
							  : "client",
		config_keys[i].name,
		config_keys[i].initial,
		config_keys[i].allowed,
	};
	return true;
}

// SPDX-License-Identifier: BSD-2-Clause
/* `watch --check`: what would be watched now, and which rules can't do anything. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "user/clients/clients_private.h"
#include "user/reader/journal.h"
#include "user/lib/base/metric.h"
#include "user/lib/base/out.h"

#define CHECK_CLIENTS_MAX 200 /* each template's clients are listed */
#define RULE_TEXT 1000

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static const char *plural_es(unsigned n)
{
	return n == 1 ? "" : "es";
}

static void amount_text(struct out *o, const char *name, const struct config_amount *amount)
{
	if (amount->on)
		out_printf(o, "    %s = %g%%%s for %us\n", name, amount->percent,
			   amount->of_limit ? " of limit" : "", amount->for_s);
}

static void rules_text(struct out *o, const struct config_rules *rules)
{
	static const char *const sides[] = { "off", "high", "low", "both" };
	char text[METRIC_TEXT];

	amount_text(o, "threshold", &rules->threshold);
	amount_text(o, "starvation", &rules->starvation);
	amount_text(o, "throttled", &rules->throttled);
	amount_text(o, "pressure", &rules->pressure);
	if (rules->deviation == CONFIG_DEVIATION_OFF)
		return;
	out_printf(o, "    deviation = %s for %us", sides[rules->deviation], rules->deviation_for_s);
	if (rules->deviation_metrics & 1u << METRIC_CPU)
		out_printf(o, ", at least %g CPUs", rules->deviation_least[METRIC_CPU]);
	for (int m = METRIC_CPU + 1; m < METRICS; m++)
		if (rules->deviation_metrics & 1u << m)
			out_printf(o, ", %s by %s", metric_name(m),
				   metric_value(m, rules->deviation_least[m], text));
	out_char(o, '\n');
}

static bool any_rule(const struct config_rules *rules)
{
	return rules->threshold.on || rules->starvation.on || rules->throttled.on ||
	       rules->pressure.on || rules->deviation != CONFIG_DEVIATION_OFF;
}

static void warn(struct out *o, const struct clients *c, const struct client_second *s,
		 const char *text, double value)
{
	out_printf(o, "%s:%u: client %s: ", c->path, c->config->clients[s->section].line, s->name);
	out_printf(o, "%s", text);
	if (!isnan(value))
		out_printf(o, " (%g CPU%s)", value, value == 1 ? "" : "s");
	out_char(o, '\n');
}

/* Rules that can't fire as things are: a person should know before the night that matters. */
static void rules_warn(struct out *o, const struct clients *c, const struct client_second *s)
{
	const struct config_client *section = &c->config->clients[s->section];
	const struct config_amount *threshold = &section->rules.threshold;

	if (!any_rule(&section->rules) && section->crash == CONFIG_CRASH_OFF)
		warn(o, c, s, "every rule is off", NAN);
	for (size_t i = 0; i < section->log.n && journal_obstacle(); i++)
		if (!strcmp(section->log.text[i], "journal"))
			warn(o, c, s, journal_obstacle(), NAN);
	if (!s->processes)
		return;
	if (threshold->on && !threshold->of_limit && threshold->percent / 100 > s->limit_cores)
		warn(o, c, s, "threshold can't be reached, it is above what it may use",
		     s->limit_cores);
	if (section->rules.throttled.on && s->limit_cores >= c->cpus)
		warn(o, c, s, "throttled can't fire, it has no CPU quota now", NAN);
	if (section->rules.pressure.on && !client_has_pressure(c, s))
		warn(o, c, s, "pressure can't fire, this kernel has none for its control group (v1?)",
		     NAN);
}

static void client_text(struct out *o, const struct client_second *s)
{
	out_text(o, "  ");
	out_printf(o, "%s: %u process%s, %u thread%s, may use %.2g CPU%s, %.1f MB\n", s->name,
		   s->processes, plural_es(s->processes), s->threads, plural(s->threads),
		   s->limit_cores, s->limit_cores == 1 ? "" : "s", s->rss_bytes / 1e6);
}

static void unmatched_text(struct out *o, const struct clients *c, const struct config_client *config)
{
	out_printf(o, "%s:%u: client %s: matches no process now\n", c->path, config->line,
		   config->name);
}

static void rest_text(struct out *o, const struct clients *c, const struct clients_second *second)
{
	for (size_t i = 0; i < second->n; i++)
		rules_warn(o, c, &second->clients[i]);
	if (second->left_out)
		out_printf(o, "%s: templates make at most %d clients; %u more %s left out\n", c->path,
			   CLIENTS_TEMPLATE_MAX, second->left_out,
			   second->left_out == 1 ? "is" : "are");
}

static void section_text(struct out *o, const struct clients *c,
			 const struct clients_second *second, uint32_t section)
{
	const struct config_client *config = &c->config->clients[section];
	char keys[RULE_TEXT];
	unsigned shown = 0, processes = 0;

	client_rules_text(config, keys, sizeof(keys));
	out_printf(o, "[client \"%s\"] (%s:%u)\n    %s\n", config->name, c->path, config->line, keys);
	rules_text(o, &config->rules);
	for (size_t i = 0; i < second->n; i++) {
		const struct client_second *s = &second->clients[i];

		if (s->section != section)
			continue;
		processes += s->processes;
		if (shown++ < CHECK_CLIENTS_MAX)
			client_text(o, s);
	}
	if (!processes)
		unmatched_text(o, c, config);
}

void clients_warn(const struct clients *c, const struct clients_second *second, struct out *o)
{
	for (uint32_t section = 0; section < c->config->n_clients; section++) {
		unsigned processes = 0;

		for (size_t i = 0; i < second->n; i++)
			if (second->clients[i].section == section)
				processes += second->clients[i].processes;
		if (!processes)
			unmatched_text(o, c, &c->config->clients[section]);
	}
	rest_text(o, c, second);
}

void clients_check(const struct clients *c, const struct clients_second *second, struct out *o)
{
	unsigned clients = 0, watched = 0;

	for (size_t i = 0; i < second->n; i++) {
		clients += second->clients[i].processes > 0;
		watched += second->clients[i].processes;
	}
	out_printf(o, "%u client%s with %u of %u processes would be watched now; %u CPU%s\n", clients,
		   plural(clients), watched, second->machine.processes, second->machine_cpus,
		   plural(second->machine_cpus));
	out_text(o, "[machine]\n");
	rules_text(o, &c->config->machine);
	for (uint32_t i = 0; i < c->config->n_clients; i++)
		section_text(o, c, second, i);
	rest_text(o, c, second);
	if (second->looks_left)
		out_printf(o, "%u processes were not looked at yet\n", second->looks_left);
}

// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/detect/detector.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "user/lib/detect/calendar.h"

/* A level that was exceeded ends where the value is so far below it. */
#define HYSTERESIS 0.9

struct kind {
	const char *name;
	enum metric metric;
	size_t rule;	  /* struct config_amount in config_rules */
	size_t input;	  /* double in detector_input */
	const char *what; /* happened, for the sentence; NULL: CPU was used */
};

#define RULE(member) offsetof(struct config_rules, member)
#define INPUT(member) offsetof(struct detector_input, member)

static const struct kind kinds[DETECTOR_KINDS] = {
	[DETECTOR_THRESHOLD] = {"threshold", METRIC_CPU, RULE(threshold), INPUT(cpus), NULL},
	[DETECTOR_DEVIATION] = {"deviation", METRIC_CPU, 0, INPUT(cpus), NULL},
	[DETECTOR_STARVATION] = {"starvation", METRIC_WAIT, RULE(starvation), INPUT(starved),
				 "waited for a CPU"},
	[DETECTOR_THROTTLED] = {"throttled", METRIC_THROTTLED, RULE(throttled), INPUT(throttled),
				"was held back by its quota"},
	[DETECTOR_PRESSURE] = {"pressure", METRIC_PRESSURE, RULE(pressure), INPUT(pressure),
			       "had something waiting for a CPU"},
};

const char *detector_kind_name(enum detector_kind kind)
{
	return kinds[kind].name;
}

enum metric detector_metric(enum detector_kind kind)
{
	return kinds[kind].metric;
}

void detector_init(struct detector *d, uint32_t step_s)
{
	memset(d, 0, sizeof(*d));
	d->step_s = step_s;
}

struct baseline_options detector_baseline_options(const struct config_agent *agent,
						  const struct config_rules *rules,
						  enum metric metric, uint32_t step_s)
{
	static const enum baseline_direction directions[] = {
		[CONFIG_DEVIATION_OFF] = BASELINE_BOTH, /* it goes on learning */
		[CONFIG_DEVIATION_HIGH] = BASELINE_HIGH,
		[CONFIG_DEVIATION_LOW] = BASELINE_LOW,
		[CONFIG_DEVIATION_BOTH] = BASELINE_BOTH,
	};

	return (struct baseline_options){
		.step_s = step_s,
		.sustain_s = rules->deviation_for_s,
		.learn_s = agent->learn_s,
		.adopt_s = agent->adopt_s,
		.least = rules->deviation_least[metric],
		.direction = directions[rules->deviation],
	};
}

/* True while VALUE is, or has just been, above THRESHOLD for long enough. Unknown counts as below.
 */
static bool level_step(struct detector_level *l, double value, double threshold, uint32_t for_s,
		       int64_t t_s, uint32_t step_s)
{
	if (value >= threshold) {
		if (!l->over_s && !l->active)
			l->since_s = t_s - step_s;
		l->over_s += l->over_s < for_s ? step_s : 0;
		l->under_s = 0;
	} else {
		l->over_s = 0;
		if (!(value >= threshold * HYSTERESIS))
			l->under_s += l->under_s < for_s ? step_s : 0;
	}
	if (l->over_s >= for_s)
		l->active = true;
	if (l->active && l->under_s >= for_s)
		l->active = false;
	return l->active;
}

static void rule_step(struct detector *d, enum detector_kind kind, const struct config_rules *rules,
		      const struct detector_input *input, struct detector_finding *ret)
{
	const struct config_amount *rule = (const void *)((const char *)rules + kinds[kind].rule);
	double value = *(const double *)((const char *)input + kinds[kind].input);
	double threshold = rule->percent / 100 * (rule->of_limit ? input->limit_cpus : 1);
	struct detector_level *l = &d->levels[kind];

	if (!rule->on) {
		memset(l, 0, sizeof(*l));
		return;
	}
	ret->cause = level_step(l, value, threshold, rule->for_s, input->t_s, d->step_s);
	ret->value = value;
	ret->threshold = threshold;
	ret->since_s = l->since_s;
}

static void deviation_step(struct detector *d, const struct config_rules *rules,
			   const struct detector_input *input, const struct baseline_verdict *v,
			   struct detector_finding *ret)
{
	struct detector_level *l = &d->levels[DETECTOR_DEVIATION];
	uint32_t sustained = rules->deviation_for_s;

	if (rules->deviation == CONFIG_DEVIATION_OFF ||
	    !(rules->deviation_metrics & 1u << METRIC_CPU))
		return;
	if (v->begins)
		l->since_s = input->t_s - (v->window_s ? v->window_s : sustained);
	/* The baseline tells a deviation once; that it lasts is not another cause. */
	ret->cause = v->begins;
	ret->value = input->cpus;
	ret->expected = v->expected;
	ret->threshold = v->threshold;
	ret->since_s = l->since_s;
}

int detector_step(struct detector *d, const struct config_rules *rules, struct baseline *baseline,
		  const struct detector_input *input, struct baseline_verdict *ret_verdict,
		  struct detector_finding ret_findings[DETECTOR_KINDS])
{
	int err = baseline_feed(baseline, input->t_s, input->cpus, ret_verdict), kind;

	if (err)
		return err;
	for (kind = 0; kind < DETECTOR_KINDS; kind++) {
		ret_findings[kind] =
			(struct detector_finding){.kind = kind, .metric = kinds[kind].metric};
		if (kinds[kind].metric == METRIC_CPU)
			ret_findings[kind].expected = ret_verdict->expected;
		if (kind == DETECTOR_DEVIATION)
			deviation_step(d, rules, input, ret_verdict, &ret_findings[kind]);
		else
			rule_step(d, kind, rules, input, &ret_findings[kind]);
	}
	return 0;
}

void detector_metrics(const struct config_rules *rules, const struct detector_input *input,
		      const struct baseline_verdict verdicts[METRICS],
		      struct detector_finding findings[DETECTOR_KINDS])
{
	struct detector_finding *f = &findings[DETECTOR_DEVIATION];
	int m, kind;

	for (kind = 0; kind < DETECTOR_KINDS; kind++)
		if (kinds[kind].metric != METRIC_CPU)
			findings[kind].expected = verdicts[kinds[kind].metric].expected;
	if (rules->deviation == CONFIG_DEVIATION_OFF)
		return;
	for (m = METRIC_CPU + 1; m < METRICS && !f->cause; m++) {
		const struct baseline_verdict *v = &verdicts[m];

		if (!v->begins || !(rules->deviation_metrics & 1u << m))
			continue;
		*f = (struct detector_finding){
			.kind = DETECTOR_DEVIATION,
			.metric = m,
			.cause = true,
			.value = input->metric[m],
			.expected = v->expected,
			.threshold = v->threshold,
			.since_s = input->t_s - v->window_s,
		};
	}
}

int detector_explain(const struct detector_finding *f, const struct baseline_verdict *v,
		     const struct detector_input *input, const char *client, char *text,
		     size_t size)
{
	long long seconds = input->t_s - f->since_s;
	char hour[10];

	if (kinds[f->kind].what)
		return snprintf(text, size,
				"%s %s %.0f %% of the time for %lld s; the rule is %.0f %%", client,
				kinds[f->kind].what, f->value * 100, seconds, f->threshold * 100);
	if (f->kind == DETECTOR_DEVIATION && v->aspect != BASELINE_VALUE &&
	    v->aspect != BASELINE_AT_HOUR)
		return baseline_explain(v, client, f->value, "cores", text, size);
	calendar_name(v->week_hour, hour);
	if (f->metric != METRIC_CPU) {
		char how_long[40];

		snprintf(how_long, sizeof(how_long), "for %lld s", seconds);
		return metric_sentence(f->metric, client, f->value, how_long, hour, v->normal_low,
				       v->normal_high, text, size);
	}
	/* In its first hour nobody knows what is normal. */
	if (v->normal_high <= 0 && v->expected <= 0)
		return snprintf(text, size, "%s used %.3g of %.3g cores for %lld s; the rule is %.3g",
				client, f->value, input->limit_cpus, seconds, f->threshold);
	return snprintf(
		text, size,
		"%s used %.3g of %.3g cores for %lld s; at %s it normally uses %.3g to %.3g",
		client, f->value, input->limit_cpus, seconds, hour, v->normal_low, v->normal_high);
}

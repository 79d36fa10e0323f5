// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/detect/baseline.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "user/lib/detect/baseline_private.h"

#define HOUR_S 3600

/* One deviation is told once: the next needs so long since, and so long of quiet before it. */
#define HOLD_S (12 * HOUR_S)
#define QUIET_S (4 * HOUR_S)

/* Aspects add up (as a root of squares) when the strongest has come at least half the way. */
#define ADD_FROM 0.5f

/* What speaks for one direction: the strongest aspect, -1 if there is none, and all together. */
struct side {
	float best, squares;
	int which;
};

static void side_add(struct side *side, float score, int which)
{
	side->squares += score * score;
	if (score > side->best) {
		side->best = score;
		side->which = which;
	}
}

static float side_score(const struct side *side)
{
	return side->best > ADD_FROM ? sqrtf(side->squares) : side->best;
}

/* Returns the score, and the aspect that it is due to, -1 if none. */
static float scores_add_up(const struct baseline *b, int *ret_which)
{
	struct side up = {0, 0, -1}, down = {0, 0, -1};
	float up_score, down_score;
	int i;

	for (i = 0; i < BASELINE_GAUGES; i++) {
		if (baseline_rules[i].aspect == BASELINE_SPREAD &&
		    b->options.direction != BASELINE_BOTH)
			continue;
		if (b->scores[i] > 0 && (b->options.direction & BASELINE_HIGH))
			side_add(&up, b->scores[i], i);
		if (b->scores[i] < 0 && (b->options.direction & BASELINE_LOW))
			side_add(&down, -b->scores[i], i);
	}
	up_score = side_score(&up);
	down_score = side_score(&down);
	*ret_which = up_score >= down_score ? up.which : down.which;
	return up_score >= down_score ? up_score : -down_score;
}

static bool passed(int64_t *since_s, int64_t t_s, int64_t least_s)
{
	if (*since_s > t_s) /* the clock was set back */
		*since_s = t_s;
	return *since_s == INT64_MIN || t_s - *since_s >= least_s;
}

bool baseline_told(int64_t *told_s, int64_t *out_s, int64_t t_s)
{
	bool held = !passed(told_s, t_s, HOLD_S), quiet = passed(out_s, t_s, QUIET_S);

	*out_s = t_s;
	if (held || !quiet)
		return false;
	*told_s = t_s;
	return true;
}

void baseline_judge(struct baseline *b, int64_t t_s, struct baseline_verdict *ret_verdict)
{
	const struct hours_usual *usual = &b->hours.usual;
	struct baseline_verdict v = {
		.week_hour = b->hours.week_hour,
		.expected = usual->normal_median,
		.normal_low = usual->normal_low,
		.normal_high = usual->normal_high,
	};
	float low, high;
	int which;

	v.score = scores_add_up(b, &which);
	if (fabsf(v.score) > 1)
		v.begins = baseline_told(&b->told_s, &b->out_s, t_s);
	baseline_limits(b, &low, &high);
	v.threshold = v.score < 0 ? low : high;
	if (!isfinite(v.threshold))
		v.threshold = 0;
	if (which >= 0) {
		const struct baseline_rule *rule = &baseline_rules[which];

		v.aspect = rule->aspect;
		v.seen = b->values[which];
		v.seen_low = b->gauges[which].low;
		v.seen_high = b->gauges[which].high;
		v.window_s =
			rule->window < 0 ? b->options.sustain_s : baseline_window_s[rule->window];
	}
	*ret_verdict = v;
}

int baseline_explain(const struct baseline_verdict *verdict, const char *subject, float value,
		     const char *unit, char *text, size_t size)
{
	const struct baseline_verdict *v = verdict;
	const char *space = *unit ? " " : "";
	char hour[10], normal[64];
	unsigned hours = v->window_s / HOUR_S;

	calendar_name(v->week_hour, hour);
	snprintf(normal, sizeof(normal), "at %s it normally uses %.3g to %.3g", hour, v->normal_low,
		 v->normal_high);
	switch (v->aspect) {
	case BASELINE_MEAN:
		return snprintf(text, size,
				"%s used %.3g%s%s on average for %u h, where it was %.3g to %.3g "
				"before; %s",
				subject, v->seen, space, unit, hours, v->seen_low, v->seen_high,
				normal);
	case BASELINE_MEAN_AT_HOUR:
		return snprintf(
			text, size,
			"%s used %.3g%s%s %s than is usual at these hours, on average for %u h; %s",
			subject, fabsf(v->seen), space, unit, v->seen < 0 ? "less" : "more", hours,
			normal);
	case BASELINE_SPREAD:
		return snprintf(
			text, size,
			"%s varied by %.3g%s%s in %u h, where it was %.3g to %.3g before; %s",
			subject, v->seen, space, unit, hours, v->seen_low, v->seen_high, normal);
	default:
		return snprintf(text, size, "%s used %.3g%s%s; %s", subject, value, space, unit,
				normal);
	}
}

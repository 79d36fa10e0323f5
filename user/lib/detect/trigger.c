// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/detect/trigger.h"

static bool budget_has(struct trigger_budget *b, int64_t per_hour, int64_t now_s)
{
	if (!b->used || b->tokens > per_hour)
		b->tokens = per_hour;
	else if (now_s > b->at_s)
		b->tokens += (now_s - b->at_s) * (double)per_hour / 3600;
	if (b->tokens > per_hour)
		b->tokens = per_hour;
	b->at_s = now_s;
	b->used = true;
	return b->tokens >= 1;
}

/* The cause has been away for as long as the cool-down: the next one is another. */
static bool cause_is_new(const struct trigger *t, int64_t now_s)
{
	return now_s - t->cause_s >= t->cooldown_s;
}

int64_t trigger_cooling_s(const struct trigger *t, int64_t now_s)
{
	int64_t left = t->fired_s + t->cooldown_s - now_s;

	return t->cooldown_s && left > 0 ? left : 0;
}

enum trigger_answer trigger_step(struct trigger *t, struct trigger_budget *client,
				 struct trigger_budget *host, const struct trigger_limits *limits,
				 int64_t now_s, bool cause)
{
	bool fresh;

	if (t->cooldown_s && now_s < t->fired_s) /* the clock was set back */
		t->fired_s = t->cause_s = now_s;
	if (!cause)
		return TRIGGER_NONE;
	fresh = !t->cooldown_s || cause_is_new(t, now_s);
	t->cause_s = now_s;
	if (trigger_cooling_s(t, now_s))
		return TRIGGER_COOLING;
	if (!budget_has(client, limits->client_per_hour, now_s))
		return TRIGGER_CLIENT_SPENT;
	if (!budget_has(host, limits->host_per_hour, now_s))
		return TRIGGER_HOST_SPENT;
	client->tokens--;
	host->tokens--;
	t->cooldown_s = fresh ? limits->cooldown_s : 2 * t->cooldown_s;
	if (t->cooldown_s > TRIGGER_COOLDOWN_MAX_S)
		t->cooldown_s = TRIGGER_COOLDOWN_MAX_S;
	t->fired_s = now_s;
	return TRIGGER_FIRE;
}

const char *trigger_answer_text(enum trigger_answer answer)
{
	static const char *const texts[] = {
		[TRIGGER_NONE] = "no cause",
		[TRIGGER_FIRE] = "reported",
		[TRIGGER_COOLING] = "cooling down",
		[TRIGGER_CLIENT_SPENT] = "the client's reports of this hour are spent",
		[TRIGGER_HOST_SPENT] = "the host's reports of this hour are spent",
	};

	return texts[answer];
}

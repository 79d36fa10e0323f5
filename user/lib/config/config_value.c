// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/lib/config/config_private.h"
#include "user/lib/scrub/scrub.h"

/* A plain decimal number at *TEXT, moved past it. */
static int number_take(const char **text, double *ret_value)
{
	size_t n = strspn(*text, "0123456789.");
	char *end;

	if (!n || n > 15)
		return -EINVAL;
	*ret_value = strtod(*text, &end);
	if (end != *text + n)
		return -EINVAL;
	*text = end;
	return 0;
}

static int seconds_take(const char **text, int64_t min, int64_t max, uint32_t *ret_seconds)
{
	static const struct {
		char letter;
		int seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	double value;
	size_t i;

	if (number_take(text, &value))
		return -EINVAL;
	for (i = 0; i < 4 && **text != units[i].letter; i++)
		;
	if (i == 4)
		return -EINVAL;
	(*text)++;
	value *= units[i].seconds;
	if (value < min || value > max || value != floor(value))
		return -EINVAL;
	*ret_seconds = value;
	return 0;
}

static bool word_take(const char **text, const char *word)
{
	size_t n = strlen(word);

	*text += strspn(*text, " \t");
	if (strncmp(*text, word, n) || ((*text)[n] && (*text)[n] != ' ' && (*text)[n] != '\t'))
		return false;
	*text += n;
	*text += strspn(*text, " \t");
	return true;
}

static int amount_set(const struct config_key *key, struct config_amount *amount, const char *text)
{
	struct config_amount a = {.on = true};

	if (!strcmp(text, "off")) {
		*amount = (struct config_amount){0};
		return 0;
	}
	if (number_take(&text, &a.percent) || *text++ != '%' || a.percent < key->min ||
	    a.percent > key->max)
		return -EINVAL;
	if (word_take(&text, "of")) {
		if (strcmp(key->name, "threshold") || !word_take(&text, "limit") || a.percent > 100)
			return -EINVAL;
		a.of_limit = true;
	}
	if (!word_take(&text, "for") || seconds_take(&text, 1, 3600, &a.for_s) || *text)
		return -EINVAL;
	*amount = a;
	return 0;
}

/* The index of TEXT among the words of `a | b | c`, -1 if it isn't there. */
static int choice_find(const char *words, const char *text)
{
	size_t n;
	int i;

	for (i = 0;; i++) {
		n = strcspn(words, " |");
		if (strlen(text) == n && !strncmp(words, text, n))
			return i;
		words += n;
		words += strspn(words, " |");
		if (!*words)
			return -1;
	}
}

static int text_set(char **place, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*place);
	*place = copy;
	return 0;
}

/* A file below some directory; a pattern that ends in a slash would match none. */
static bool log_good(const char *text)
{
	return !strcmp(text, "journal") || (*text == '/' && text[strlen(text) - 1] != '/');
}

static int list_add(struct config_list *list, const char *text)
{
	char **more, *copy;

	if (list->n == CONFIG_LIST_MAX)
		return -E2BIG;
	copy = strdup(text);
	more = realloc(list->text, (list->n + 1) * sizeof(*more));
	if (more)
		list->text = more;
	if (!copy || !more) {
		free(copy);
		return -ENOMEM;
	}
	list->text[list->n++] = copy;
	return 0;
}

/* A token is never sent over plain HTTP except to the machine itself. */
static bool url_good(const char *url)
{
	static const char *const loopback[] = {"127.0.0.1", "localhost", "[::1]"};
	const char *host;
	size_t i, n;

	if (!*url)
		return true;
	if (strpbrk(url, " \t@\"<>"))
		return false;
	if (!strncasecmp(url, "https://", 8))
		return url[8] && !strchr(":/", url[8]);
	if (strncasecmp(url, "http://", 7))
		return false;
	host = url + 7;
	for (i = 0; i < 3; i++) {
		n = strlen(loopback[i]);
		if (!strncmp(host, loopback[i], n) &&
		    (!host[n] || host[n] == ':' || host[n] == '/'))
			return true;
	}
	return false;
}

static int count_set(const struct config_key *key, int64_t *place, const char *text)
{
	double value;

	if (number_take(&text, &value) || *text || value != floor(value) || value < key->min ||
	    value > key->max)
		return -EINVAL;
	*place = value;
	return 0;
}

static int cpus_set(const struct config_key *key, double *place, const char *text)
{
	double value;

	if (number_take(&text, &value) || *text || value < key->min || value > key->max)
		return -EINVAL;
	*place = value;
	return 0;
}

static int share_set(const struct config_key *key, double *place, const char *text)
{
	double percent;

	if (number_take(&text, &percent) || strcmp(text, "%") || percent < key->min ||
	    percent > key->max)
		return -EINVAL;
	*place = percent / 100;
	return 0;
}

static int bytes_set(const struct config_key *key, double *place, const char *text)
{
	static const char units[] = "KMG";
	double value;
	const char *unit;

	if (number_take(&text, &value) || !*text || text[1] || !(unit = strchr(units, *text)))
		return -EINVAL;
	value *= pow(1024, unit - units + 1);
	if (value < key->min * 0x1p20 || value > key->max * 0x1p20)
		return -EINVAL;
	*place = value;
	return 0;
}

/* Words with commas between, each of them once or more. */
static int set_set(const struct config_key *key, uint32_t *place, const char *text)
{
	uint32_t bits = 0;
	char word[32];
	int choice;

	for (;; text++) {
		size_t n;

		text += strspn(text, " \t");
		n = strcspn(text, " \t,");
		if (n >= sizeof(word))
			return -EINVAL;
		memcpy(word, text, n);
		word[n] = '\0';
		choice = n ? choice_find(key->allowed, word) : -1;
		if (choice < 0)
			return -EINVAL;
		bits |= 1u << choice;
		text += n + strspn(text + n, " \t");
		if (*text != ',')
			break;
	}
	if (*text)
		return -EINVAL;
	*place = bits;
	return 0;
}

/* One of 1 to 255 at *TEXT, moved past it. */
static int status_take(const struct config_key *key, const char **text, uint32_t *ret_status)
{
	double value;

	*text += strspn(*text, " \t");
	if (number_take(text, &value) || value != floor(value) || value < key->min ||
	    value > key->max)
		return -EINVAL;
	*text += strspn(*text, " \t");
	*ret_status = value;
	return 0;
}

static int statuses_set(const struct config_key *key, uint64_t *place, const char *text)
{
	uint64_t bits[4] = {0};
	uint32_t first, last;

	for (bool on = strcmp(text, "none"); on;) {
		if (status_take(key, &text, &first))
			return -EINVAL;
		last = first;
		if (*text == '-' && (text++, status_take(key, &text, &last)))
			return -EINVAL;
		if (last < first)
			return -EINVAL;
		for (; first <= last; first++)
			bits[first / 64] |= 1ull << first % 64;
		if (!*text)
			break;
		if (*text++ != ',')
			return -EINVAL;
	}
	memcpy(place, bits, sizeof(bits));
	return 0;
}

static int choice_set(const struct config_key *key, int *place, const char *text)
{
	int choice = choice_find(key->allowed, text);

	if (choice < 0)
		return -EINVAL;
	*place = choice;
	return 0;
}

int config_value_set(const struct config_key *key, void *place, const char *text)
{
	int64_t length = strlen(text);
	char error[SCRUB_ERROR_BYTES];
	uint32_t seconds;

	switch (key->type) {
	case CONFIG_PATH:
		if (length && *text != '/')
			return -EINVAL;
		/* fall through */
	case CONFIG_TEXT:
	case CONFIG_URL:
		if (length > key->max || (length < key->min && *key->initial) ||
		    (key->type == CONFIG_URL && !url_good(text)))
			return -EINVAL;
		return text_set(place, text);
	case CONFIG_WORDS:
		if (choice_find(key->allowed, text) < 0)
			return -EINVAL;
		return list_add(place, text);
	case CONFIG_PATTERN:
		if (length > key->max || scrub_pattern_check(text, error))
			return -EINVAL;
		return list_add(place, text);
	case CONFIG_LIST:
		if (length < key->min || length > key->max)
			return -EINVAL;
		if (!strcmp(key->name, "allow") && choice_find(key->allowed, text) < 0)
			return -EINVAL;
		if (!strcmp(key->name, "log") && !log_good(text))
			return -EINVAL;
		return list_add(place, text);
	case CONFIG_COUNT:
		return count_set(key, place, text);
	case CONFIG_SECONDS:
		if (seconds_take(&text, key->min, key->max, &seconds) || *text)
			return -EINVAL;
		*(uint32_t *)place = seconds;
		return 0;
	case CONFIG_CPUS:
		return cpus_set(key, place, text);
	case CONFIG_SHARE:
		return share_set(key, place, text);
	case CONFIG_BYTES:
		return bytes_set(key, place, text);
	case CONFIG_SET:
		return set_set(key, place, text);
	case CONFIG_AMOUNT:
		return amount_set(key, place, text);
	case CONFIG_STATUSES:
		return statuses_set(key, place, text);
	case CONFIG_CHOICE:
		return choice_set(key, place, text);
	}
	return -EINVAL;
}

void config_value_release(const struct config_key *key, void *place)
{
	struct config_list *list = place;
	size_t i;

	if (key->type == CONFIG_TEXT || key->type == CONFIG_PATH || key->type == CONFIG_URL)
		free(*(char **)place);
	if (!config_key_is_list(key))
		return;
	for (i = 0; i < list->n; i++)
		free(list->text[i]);
	free(list->text);
}

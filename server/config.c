// SPDX-License-Identifier: BSD-2-Clause
#include "server/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum config_type { TEXT, PATH, BYTES, SECONDS, COUNT, FLAG };

struct config_key {
	const char *section, *name;
	enum config_type type;
	size_t offset;
	const char *initial;
	int64_t least, most;
	const char *doc;
};

#define AT(member) offsetof(struct server_config, member)
#define DAYS_MOST (100ll * 366 * 86400)

static const struct config_key keys[] = {
	{"server", "listen", TEXT, AT(listen), "127.0.0.1:8740", 1, 300,
	 "ADDRESS:PORT to listen at; [ADDRESS]:PORT for IPv6"},
	{"server", "data", PATH, AT(data), "/var/lib/backdraft-server", 1, 3000,
	 "directory that holds everything"},
	{"server", "user", TEXT, AT(user), "", 0, 100, "user to become when started as root"},
	{"server", "tls_cert", PATH, AT(tls_cert), "", 0, 3000, "certificate and its chain, PEM"},
	{"server", "tls_key", PATH, AT(tls_key), "", 0, 3000, "its key, PEM"},
	{"server", "threads", COUNT, AT(threads), "4", 1, 256, "threads that talk to clients"},
	{"server", "insecure_no_tokens", FLAG, AT(insecure_no_tokens), "no", 0, 0,
	 "listen beyond loopback although anybody may write and read"},
	{"server", "allow_root", FLAG, AT(allow_root), "no", 0, 0, "stay root"},
	{"server", "seccomp", FLAG, AT(seccomp), "no", 0, 0,
	 "allow itself only the system calls that it needs"},
	{"store", "store", TEXT, AT(store), "sqlite", 1, 1000, "where reports go: sqlite"},
	{"store", "keep", SECONDS, AT(keep_s), "90d", 60, DAYS_MOST, "age at which reports go"},
	{"store", "keep_bytes", BYTES, AT(keep_bytes), "20G", 1 << 20, 1ll << 50,
	 "size of the store at which the oldest reports go"},
	{"store", "keep_beats", SECONDS, AT(keep_beats_s), "30d", 60, DAYS_MOST,
	 "age at which heartbeats go"},
#define LIMIT(name, type, initial, least, most, doc)                                               \
	{"limits", #name, type, AT(limits.name), initial, least, most, doc},
#include "server/limits.def"
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static const char *const allowed[] = {
	[TEXT] = "a text",
	[PATH] = "a path",
	[BYTES] = "a size as 64K, 8M or 50G",
	[SECONDS] = "a time as 10s, 15m, 4h or 90d",
	[COUNT] = "a whole number",
	[FLAG] = "yes or no",
};

bool server_config_key(size_t i, struct config_key_info *ret)
{
	if (i >= N_KEYS)
		return false;
	*ret = (struct config_key_info){keys[i].section,       keys[i].name, keys[i].initial,
					allowed[keys[i].type], keys[i].doc,  keys[i].type == FLAG};
	return true;
}

/* A whole number and one of the letters, which is worth what stands beside it. */
static int parse_scaled(const char *text, const char *letters, const uint64_t *worth, bool bare,
			uint64_t *ret)
{
	size_t n = strspn(text, "0123456789");
	const char *letter;
	uint64_t value;

	if (!n || n > 15 || (text[n] && text[n + 1]))
		return -EINVAL;
	value = strtoull(text, NULL, 10);
	letter = text[n] ? strchr(letters, text[n]) : NULL;
	if (text[n] ? !letter : !bare)
		return -EINVAL;
	if (letter && __builtin_mul_overflow(value, worth[letter - letters], &value))
		return -EINVAL;
	*ret = value;
	return 0;
}

static int parse_number(const struct config_key *key, const char *value, uint64_t *ret)
{
	static const uint64_t bytes[] = {1ull << 10, 1ull << 20, 1ull << 30, 1ull << 40};
	static const uint64_t seconds[] = {1, 60, 3600, 86400};
	uint64_t number;
	int err;

	if (key->type == FLAG) {
		if (strcmp(value, "yes") && strcmp(value, "no"))
			return -EINVAL;
		*ret = !strcmp(value, "yes");
		return 0;
	}
	if (key->type == BYTES)
		err = parse_scaled(value, "KMGT", bytes, true, &number);
	else if (key->type == SECONDS)
		err = parse_scaled(value, "smhd", seconds, false, &number);
	else
		err = parse_scaled(value, "", NULL, true, &number);
	if (err || number < (uint64_t)key->least || number > (uint64_t)key->most)
		return -EINVAL;
	*ret = number;
	return 0;
}

static int set_key(struct server_config *c, const struct config_key *key, const char *value)
{
	void *at = (char *)c + key->offset;
	int64_t len = strlen(value);
	char *copy;

	if (key->type != TEXT && key->type != PATH)
		return parse_number(key, value, at);
	if (len < key->least || len > key->most)
		return -EINVAL;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*(char **)at);
	*(char **)at = copy;
	return 0;
}

int server_config_set(struct server_config *c, const char *section, const char *name,
		      const char *value, char error[CONFIG_ERROR_BYTES])
{
	bool known = false;

	for (size_t i = 0; i < N_KEYS; i++) {
		const struct config_key *key = &keys[i];
		int err;

		known |= !strcmp(key->section, section);
		if (strcmp(key->section, section) || strcmp(key->name, name))
			continue;
		err = set_key(c, key, value);
		if (err == -EINVAL && key->most && key->type != TEXT && key->type != PATH)
			snprintf(error, CONFIG_ERROR_BYTES,
				 "%s = %.100s: not allowed; allowed is %s, %lld to %lld", name,
				 value, allowed[key->type], (long long)key->least,
				 (long long)key->most);
		else if (err == -EINVAL)
			snprintf(error, CONFIG_ERROR_BYTES,
				 "%s = %.100s: not allowed; allowed is %s", name, value,
				 allowed[key->type]);
		else if (err)
			snprintf(error, CONFIG_ERROR_BYTES, "out of memory");
		return err;
	}
	snprintf(
		error, CONFIG_ERROR_BYTES,
		known ? "[%.50s] has no key %.100s"
		      : "[%.50s] %.100s: no such section; there are [server], [store] and [limits]",
		section, name);
	return -ENOENT;
}

int server_config_init(struct server_config *ret)
{
	struct server_config c = {0};

	for (size_t i = 0; i < N_KEYS; i++)
		if (set_key(&c, &keys[i], keys[i].initial)) {
			server_config_release(&c);
			return -ENOMEM; /* the table itself is tested */
		}
	*ret = c;
	return 0;
}

void server_config_release(struct server_config *c)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (keys[i].type == TEXT || keys[i].type == PATH)
			free(*(char **)((char *)c + keys[i].offset));
	memset(c, 0, sizeof(*c));
}

/* What inih is fed from: it has neither line numbers nor a word on lines that it cuts. */
struct reading {
	struct server_config *config;
	FILE *file;
	const char *path;
	char *error;
	unsigned int line;
	int status;
};

static int fail(struct reading *r, int status, const char *what)
{
	if (!r->status)
		snprintf(r->error, CONFIG_ERROR_BYTES, "%.100s:%u: %.400s", r->path, r->line, what);
	r->status = r->status ? r->status : status;
	return status;
}

static char *next_line(char *text, int size, void *ctx)
{
	struct reading *r = ctx;
	char *line = r->status ? NULL : fgets(text, size, r->file);

	if (!line)
		return NULL;
	r->line++;
	if (!strchr(line, '\n') && !feof(r->file)) {
		fail(r, -EINVAL, "the line is too long; at most 197 bytes are allowed");
		return NULL;
	}
	if (strchr(" \t", *line) && line[strspn(line, " \t\r\n")]) {
		fail(r, -EINVAL, "a line begins with its first letter, not with a blank");
		return NULL;
	}
	return line;
}

static int take_key(void *ctx, const char *section, const char *name, const char *value)
{
	struct reading *r = ctx;
	char why[CONFIG_ERROR_BYTES];
	int err = server_config_set(r->config, section, name, value, why);

	if (err)
		fail(r, err == -ENOMEM ? err : -EINVAL, why);
	return !err;
}

int server_config_read(struct server_config *c, const char *path, char error[CONFIG_ERROR_BYTES])
{
	struct reading r = {.config = c, .path = path, .error = error, .file = fopen(path, "re")};
	int wrong;

	if (!r.file) {
		snprintf(error, CONFIG_ERROR_BYTES, "%s: %m", path);
		return -errno;
	}
	wrong = ini_parse_stream(next_line, &r, take_key, &r);
	if (wrong && !r.status)
		fail(&r, -EINVAL, "neither [section] nor key = value");
	fclose(r.file);
	return r.status;
}

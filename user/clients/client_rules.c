// SPDX-License-Identifier: BSD-2-Clause
#include "user/clients/client_rules.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "user/common/small_file.h"

/* Clients write their own command lines: a match may not take long. */
#define MATCH_LIMIT 20000
#define CONTAINER_DIGITS 12

struct pid_file {
	const char *path;
	uint32_t section, pid; /* 0: none */
	struct timespec mtime;
	ino_t inode;
	bool seen;
};

struct client_rules {
	const struct config *config;
	pcre2_code ***cmdlines; /* [section][of match_cmdline] */
	pcre2_match_context *context;
	pcre2_match_data *match;
	struct pid_file *pid_files;
	size_t n_pid_files;
	bool need_exe, need_cmdline, need_name;
};

typedef bool key_fn(const struct client_rules *r, uint32_t section, size_t i,
		    const struct client_facts *f);

static bool glob(const char *pattern, const char *text, int flags)
{
	return text && *text && !fnmatch(pattern, text, FNM_NOESCAPE | flags);
}

static bool unit_holds(const struct client_rules *r, uint32_t section, size_t i,
		       const struct client_facts *f)
{
	return glob(r->config->clients[section].match_unit.text[i], f->unit, 0);
}

static bool comm_holds(const struct client_rules *r, uint32_t section, size_t i,
		       const struct client_facts *f)
{
	return glob(r->config->clients[section].match_comm.text[i], f->name, 0);
}

/* A pattern without a directory is a file's name. */
static bool exe_holds(const struct client_rules *r, uint32_t section, size_t i,
		      const struct client_facts *f)
{
	const char *pattern = r->config->clients[section].match_exe.text[i], *exe = f->exe;
	const char *name = exe ? strrchr(exe, '/') : NULL;

	return glob(pattern, !strchr(pattern, '/') && name ? name + 1 : exe, 0);
}

static bool cmdline_holds(const struct client_rules *r, uint32_t section, size_t i,
			  const struct client_facts *f)
{
	return f->cmdline && *f->cmdline &&
	       pcre2_match(r->cmdlines[section][i], (PCRE2_SPTR)f->cmdline, PCRE2_ZERO_TERMINATED,
			   0, 0, r->match, r->context) >= 0;
}

/* The group itself or one below it, in any hierarchy. */
static bool cgroup_holds(const struct client_rules *r, uint32_t section, size_t i,
			 const struct client_facts *f)
{
	const char *pattern = r->config->clients[section].match_cgroup.text[i];
	char wanted[1024], path[4096];
	size_t n;

	snprintf(wanted, sizeof(wanted), "%s%s", *pattern == '/' ? "" : "/", pattern);
	n = strlen(wanted);
	while (n > 1 && wanted[n - 1] == '/')
		wanted[--n] = '\0';
	for (const char *line = f->groups; line && *line; line += line[0] == '\n') {
		n = strcspn(line, "\n");
		const char *start = memchr(line, ':', n);

		start = start ? memchr(start + 1, ':', line + n - start - 1) : NULL;
		if (start && (size_t)(line + n - start) < sizeof(path)) {
			snprintf(path, sizeof(path), "%.*s", (int)(line + n - start - 1), start + 1);
			if (glob(wanted, path, FNM_LEADING_DIR))
				return true;
		}
		line += n;
	}
	return false;
}

static bool container_holds(const struct client_rules *r, uint32_t section, size_t i,
			    const struct client_facts *f)
{
	const char *pattern = r->config->clients[section].match_container.text[i];
	size_t digits = strspn(pattern, "0123456789abcdef");

	/* Of a whole ID the first digits are what we know. */
	if (digits >= CONTAINER_DIGITS && !pattern[digits])
		return f->container && !strncmp(pattern, f->container, CONTAINER_DIGITS);
	return glob(pattern, f->container, 0);
}

static bool pid_file_holds(const struct client_rules *r, uint32_t section, size_t i,
			   const struct client_facts *f)
{
	const char *path = r->config->clients[section].match_pid_file.text[i];

	for (size_t j = 0; j < r->n_pid_files; j++)
		if (r->pid_files[j].path == path)
			return f->pid && r->pid_files[j].pid == f->pid;
	return false;
}

/* `place`: they say where a process runs, not what it is; a child that left isn't the client's. */
static const struct key {
	const char *name;
	size_t offset;
	key_fn *holds;
	bool place;
} keys[] = {
	{ "match_unit", offsetof(struct config_client, match_unit), unit_holds, true },
	{ "match_cgroup", offsetof(struct config_client, match_cgroup), cgroup_holds, true },
	{ "match_container", offsetof(struct config_client, match_container), container_holds, true },
	{ "match_comm", offsetof(struct config_client, match_comm), comm_holds, false },
	{ "match_exe", offsetof(struct config_client, match_exe), exe_holds, false },
	{ "match_cmdline", offsetof(struct config_client, match_cmdline), cmdline_holds, false },
	{ "match_pid_file", offsetof(struct config_client, match_pid_file), pid_file_holds, false },
};
#define N_KEYS (sizeof(keys) / sizeof(*keys))

static const struct config_list *key_list(const struct key *key, const struct config_client *section)
{
	return (const void *)((const char *)section + key->offset);
}

/* Of a repeated key any must hold; one that isn't there holds. */
static bool key_holds(const struct client_rules *r, const struct key *key, uint32_t section,
		      const struct client_facts *facts)
{
	const struct config_list *list = key_list(key, &r->config->clients[section]);

	for (size_t i = 0; i < list->n; i++)
		if (key->holds(r, section, i, facts))
			return true;
	return !list->n;
}

static bool section_holds(const struct client_rules *r, uint32_t section,
			  const struct client_facts *facts, bool inherited)
{
	const struct config_client *config = &r->config->clients[section];

	for (size_t i = 0; i < N_KEYS; i++)
		if (!(inherited && !keys[i].place) && !key_holds(r, &keys[i], section, facts))
			return false;
	return *config->name != '%' || client_rules_template(config, facts);
}

uint32_t client_rules_match(const struct client_rules *r, const struct client_facts *facts,
			    uint32_t inherited)
{
	for (uint32_t i = 0; i < r->config->n_clients; i++)
		if (section_holds(r, i, facts, i == inherited))
			return i;
	return UINT32_MAX;
}

const char *client_rules_template(const struct config_client *section,
				  const struct client_facts *facts)
{
	const char *name = !strcmp(section->name, "%unit")	? facts->unit
			   : !strcmp(section->name, "%container") ? facts->container
								    : NULL;

	return name && *name ? name : NULL;
}

bool client_rules_need_exe(const struct client_rules *r)
{
	return r->need_exe;
}

bool client_rules_need_cmdline(const struct client_rules *r)
{
	return r->need_cmdline;
}

bool client_rules_need_name(const struct client_rules *r)
{
	return r->need_name;
}

static int error_add(struct config_errors *errors, const char *path, unsigned line,
		     const char *pattern, const char *why)
{
	char **more = realloc(errors->text, (errors->n + 1) * sizeof(*more)), *text;

	if (!more)
		return -ENOMEM;
	errors->text = more;
	if (asprintf(&text, "%.200s:%u: match_cmdline = %s: %s; allowed is a regular expression (PCRE2)",
		     path, line, pattern, why) < 0)
		return -ENOMEM;
	errors->text[errors->n++] = text;
	return 0;
}

static int cmdlines_compile(struct client_rules *r, uint32_t section, const char *path,
			    struct config_errors *errors)
{
	const struct config_client *config = &r->config->clients[section];
	const struct config_list *list = &config->match_cmdline;

	r->cmdlines[section] = calloc(list->n + 1, sizeof(*r->cmdlines[section]));
	if (!r->cmdlines[section])
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		int code;
		size_t at;
		PCRE2_UCHAR why[200];

		r->cmdlines[section][i] = pcre2_compile((PCRE2_SPTR)list->text[i],
							PCRE2_ZERO_TERMINATED, 0, &code, &at, NULL);
		if (r->cmdlines[section][i])
			continue;
		pcre2_get_error_message(code, why, sizeof(why));
		if (errors->n < CONFIG_ERRORS_MAX &&
		    error_add(errors, path, config->line, list->text[i], (char *)why))
			return -ENOMEM;
	}
	return 0;
}

static int pid_files_add(struct client_rules *r, uint32_t section)
{
	const struct config_list *list = &r->config->clients[section].match_pid_file;
	struct pid_file *more;

	if (!list->n)
		return 0;
	more = realloc(r->pid_files, (r->n_pid_files + list->n) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	r->pid_files = more;
	for (size_t i = 0; i < list->n; i++)
		more[r->n_pid_files++] = (struct pid_file){ .path = list->text[i],
							    .section = section };
	return 0;
}

int client_rules_new(const struct config *config, const char *path, struct client_rules **ret,
		     struct config_errors *ret_errors)
{
	struct client_rules *r = calloc(1, sizeof(*r));
	int err = 0;

	*ret_errors = (struct config_errors){ 0 };
	if (!r)
		return -ENOMEM;
	r->config = config;
	r->cmdlines = calloc(config->n_clients + 1, sizeof(*r->cmdlines));
	r->context = pcre2_match_context_create(NULL);
	r->match = pcre2_match_data_create(1, NULL);
	if (!r->cmdlines || !r->context || !r->match)
		err = -ENOMEM;
	else
		pcre2_set_match_limit(r->context, MATCH_LIMIT);
	for (uint32_t i = 0; i < config->n_clients && !err; i++) {
		err = cmdlines_compile(r, i, path, ret_errors);
		if (!err)
			err = pid_files_add(r, i);
		r->need_exe |= config->clients[i].match_exe.n > 0;
		r->need_cmdline |= config->clients[i].match_cmdline.n > 0;
		r->need_name |= config->clients[i].match_comm.n > 0;
	}
	if (!err && ret_errors->n)
		err = -EINVAL;
	if (err)
		client_rules_free(r);
	else
		*ret = r;
	return err;
}

void client_rules_free(struct client_rules *r)
{
	if (!r)
		return;
	for (size_t s = 0; r->cmdlines && s < r->config->n_clients; s++) {
		for (size_t i = 0; r->cmdlines[s] && i < r->config->clients[s].match_cmdline.n; i++)
			pcre2_code_free(r->cmdlines[s][i]);
		free(r->cmdlines[s]);
	}
	free(r->cmdlines);
	pcre2_match_data_free(r->match);
	pcre2_match_context_free(r->context);
	free(r->pid_files);
	free(r);
}

/* True when the file is another than before. */
static bool pid_file_changed(struct pid_file *f)
{
	struct stat st;

	if (stat(f->path, &st))
		st = (struct stat){ 0 };
	if (f->seen && st.st_ino == f->inode && st.st_mtim.tv_sec == f->mtime.tv_sec &&
	    st.st_mtim.tv_nsec == f->mtime.tv_nsec)
		return false;
	f->seen = true;
	f->inode = st.st_ino;
	f->mtime = st.st_mtim;
	return true;
}

void client_rules_pid_files(struct client_rules *r, void (*fn)(void *arg, uint32_t pid), void *arg)
{
	for (size_t i = 0; i < r->n_pid_files; i++) {
		struct pid_file *f = &r->pid_files[i];
		uint32_t before = f->pid;
		char text[32];

		if (!pid_file_changed(f))
			continue;
		f->pid = f->inode && small_file_read(f->path, text, sizeof(text)) > 0
				 ? strtoul(text, NULL, 10)
				 : 0;
		/* Written in two steps, it is empty at first: look at it again. */
		f->seen = f->pid || !f->inode;
		if (before && before != f->pid)
			fn(arg, before);
		if (f->pid && before != f->pid)
			fn(arg, f->pid);
	}
}

void client_rules_text(const struct config_client *section, char *text, size_t size)
{
	size_t n = 0;

	*text = '\0';
	for (size_t k = 0; k < N_KEYS; k++) {
		const struct config_list *list = key_list(&keys[k], section);

		for (size_t i = 0; i < list->n && n < size; i++)
			n += snprintf(text + n, size - n, "%s%s = %s", n ? ", " : "", keys[k].name,
				      list->text[i]);
	}
}

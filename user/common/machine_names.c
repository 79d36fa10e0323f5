// SPDX-License-Identifier: BSD-2-Clause
#include "user/common/machine_names.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "user/lib/base/array.h"

#define UID_FIRST 1000 /* of people */
#define UID_NOBODY 65534

static bool is_configured(const struct config *config, const char *text)
{
	for (size_t i = 0; config && i < config->n_clients; i++)
		if (!strcasecmp(config->clients[i].name, text))
			return true;
	return false;
}

static int add(struct machine_names *n, const struct config *config, enum scrub_class class,
	       const char *text)
{
	if (!scrub_word_counts(text) || is_configured(config, text) || n->n == MACHINE_NAMES_MAX)
		return 0;
	if (array_reserve((void **)&n->words, &n->cap, n->n, 1, sizeof(*n->words)))
		return -ENOMEM;
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	n->words[n->n++] = (struct scrub_word){ class, copy };
	return 0;
}

/* web1.shop.example: itself, web1, and shop.example. */
static int add_host(struct machine_names *n, const struct config *config, const char *name)
{
	char first[HOST_NAME_MAX + 1];
	const char *dot = strchr(name, '.');
	int err = add(n, config, SCRUB_hostname, name);

	if (err || !dot)
		return err;
	snprintf(first, sizeof(first), "%.*s", (int)(dot - name), name);
	err = add(n, config, SCRUB_hostname, first);
	return err || !strchr(dot + 1, '.') ? err : add(n, config, SCRUB_hostname, dot + 1);
}

static FILE *open_below(const char *root, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", root, name);
	return fopen(path, "re");
}

/* The other names in a line of hosts(5) that has this machine's. */
static int read_hosts(struct machine_names *n, const struct config *config, const char *root,
		      const char *hostname)
{
	FILE *f = open_below(root, "/etc/hosts");
	char *line = NULL;
	size_t cap = 0;
	int err = 0;

	while (f && !err && getline(&line, &cap, f) > 0) {
		char *names[16], *rest = line, *word;
		size_t count = 0;
		bool ours = false;

		line[strcspn(line, "#\n")] = '\0';
		strtok_r(line, " \t", &rest);
		while (count < 16 && (word = strtok_r(NULL, " \t", &rest))) {
			names[count++] = word;
			ours |= !strcasecmp(word, hostname);
		}
		for (size_t i = 0; ours && i < count && !err; i++)
			if (strcasecmp(names[i], hostname))
				err = add_host(n, config, names[i]);
	}
	free(line);
	if (f)
		fclose(f);
	return err;
}

/* Where services live is no home of a person. */
static bool is_home(const char *path)
{
	static const char *const system[] = { "/var/", "/usr/", "/run/", "/dev/", "/proc/", "/sys/",
					      "/bin/", "/sbin/", "/etc/", "/tmp/" };
	const char *second = *path == '/' ? strchr(path + 1, '/') : NULL;

	for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++)
		if (!strncmp(path, system[i], strlen(system[i])))
			return false;
	return second && second[1];
}

static int read_passwd(struct machine_names *n, const struct config *config, const char *root)
{
	FILE *f = open_below(root, "/etc/passwd");
	struct passwd *user;
	int err = 0;

	while (f && !err && (user = fgetpwent(f))) {
		if (user->pw_uid < UID_FIRST || user->pw_uid == UID_NOBODY)
			continue;
		err = add(n, config, SCRUB_user, user->pw_name);
		user->pw_gecos[strcspn(user->pw_gecos, ",")] = '\0';
		if (!err)
			err = add(n, config, SCRUB_user, user->pw_gecos);
		if (!err && is_home(user->pw_dir))
			err = add(n, config, SCRUB_home, user->pw_dir);
	}
	if (f)
		fclose(f);
	return err;
}

static int read_home(struct machine_names *n, const struct config *config, const char *root)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;
	int err = 0;

	snprintf(path, sizeof(path), "%s/home", root);
	dir = opendir(path);
	while (dir && !err && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			err = add(n, config, SCRUB_user, entry->d_name);
	if (dir)
		closedir(dir);
	return err;
}

int machine_names_read(const char *root, const char *hostname, const struct config *config,
		       struct machine_names *ret)
{
	struct machine_names n = { 0 };
	int err = add_host(&n, config, hostname);

	if (!err)
		err = read_hosts(&n, config, root, hostname);
	if (!err)
		err = read_passwd(&n, config, root);
	if (!err)
		err = read_home(&n, config, root);
	if (err)
		machine_names_release(&n);
	else
		*ret = n;
	return err;
}

void machine_names_release(struct machine_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free((char *)names->words[i].text);
	free(names->words);
	*names = (struct machine_names){ 0 };
}

static unsigned int classes_of(const struct config_list *allow)
{
	unsigned int classes = 0;

	for (size_t i = 0; i < allow->n; i++)
		classes |= 1u << scrub_class_find(allow->text[i], strlen(allow->text[i]));
	return classes;
}

/* Both lists in one; the texts stay the configuration's. */
static int take_switches(const struct config *config, const struct config_client *client,
			 struct scrub_options *o, const char ***ret_patterns)
{
	const struct config_list none = { 0 };
	const struct config_list *agent = config ? &config->agent.scrub : &none;
	const struct config_list *own = client ? &client->scrub : &none;
	const char **patterns = calloc(agent->n + own->n + 1, sizeof(*patterns));

	if (!patterns)
		return -ENOMEM;
	for (size_t i = 0; i < agent->n; i++)
		patterns[o->n_patterns++] = agent->text[i];
	for (size_t i = 0; i < own->n; i++)
		patterns[o->n_patterns++] = own->text[i];
	o->patterns = patterns;
	o->allowed = (config ? classes_of(&config->agent.allow) : 0) |
		     (client ? classes_of(&client->allow) : 0);
	*ret_patterns = patterns;
	return 0;
}

int machine_scrub_new(const struct config *config, const struct config_client *client,
		      struct scrub **ret, char error[SCRUB_ERROR_BYTES])
{
	struct scrub_options options = { 0 };
	char hostname[HOST_NAME_MAX + 1] = "";
	struct machine_names names = { 0 };
	const char **patterns = NULL;

	gethostname(hostname, sizeof(hostname) - 1);
	int err = machine_names_read("", hostname, config, &names);

	if (!err)
		err = take_switches(config, client, &options, &patterns);
	if (err) {
		snprintf(error, SCRUB_ERROR_BYTES, "%s", strerror(-err));
	} else {
		options.words = names.words;
		options.n_words = names.n;
		err = scrub_new(&options, ret, error);
	}
	free(patterns);
	machine_names_release(&names);
	return err;
}

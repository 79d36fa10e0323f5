// SPDX-License-Identifier: BSD-2-Clause
/*
 * The file, line by line through libinih. As distributions build it, it tells neither the line of a
 * value nor a section without keys, cuts what is long, and of errors it tells the first. Hence a
 * reader of our own that counts lines, hands over none that would be cut, has no continuation lines
 * (they begin with a blank) and puts a line of its own, BEGINS, behind each section's; a line that
 * the handler does not hear of is one that libinih could not read.
 */
#include "user/lib/config/config.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/config/config_private.h"
#include "user/lib/scrub/scrub.h"

#define ALLOWED_BYTES 900
/* No line of a file is so: control characters are refused. */
#define BEGINS "\001"
#define BLANKS " \t\r"

struct parser {
	const char *path;
	const char *text; /* the rest of it */
	size_t size;
	char shown[CONFIG_LINE_MAX + 1]; /* the line that libinih has, without blanks around it */
	bool unheard, begins;		 /* its handler must hear of it; BEGINS is next */
	struct config *config;
	struct config_errors *errors;
	unsigned line;
	int err;		     /* -ENOMEM */
	enum config_section section; /* 0: none, or one that isn't known */
	bool skip; /* after an unknown section: its keys are not errors of their own */
	void *base;
	unsigned given[64]; /* the line of each key in this section */
};

__attribute__((format(printf, 3, 4))) static void error_at(struct parser *p, unsigned line,
							   const char *format, ...)
{
	char text[CONFIG_LINE_MAX + ALLOWED_BYTES + 300];
	char **more;
	va_list args;
	int n;

	if (p->errors->n == CONFIG_ERRORS_MAX)
		return;
	n = snprintf(text, sizeof(text), "%.200s:%u: ", p->path, line);
	va_start(args, format);
	vsnprintf(text + n, sizeof(text) - n, format, args);
	va_end(args);
	more = realloc(p->errors->text, (p->errors->n + 1) * sizeof(*more));
	if (more) {
		p->errors->text = more;
		more[p->errors->n] = strdup(text);
	}
	if (!more || !more[p->errors->n])
		p->err = -ENOMEM;
	else
		p->errors->n++;
}

static void section_defaults(struct parser *p, enum config_section section, void *base)
{
	size_t i;

	for (i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];

		if ((key->sections & section) && !config_key_is_list(key) &&
		    config_value_set(key, config_key_place(key, section, base), key->initial))
			p->err = -ENOMEM; /* the table itself is tested */
	}
}

static void section_release(enum config_section section, void *base)
{
	size_t i;

	for (i = 0; i < config_n_keys; i++)
		if (config_keys[i].sections & section)
			config_value_release(&config_keys[i],
					     config_key_place(&config_keys[i], section, base));
}

static const char *client_name_error(const struct parser *p, const char *name)
{
	size_t i;

	if (!*name || strlen(name) > CONFIG_NAME_MAX || strchr(name, '"'))
		return "a client's name has 1 to 40 characters";
	if (*name == '%' && strcmp(name, "%unit") && strcmp(name, "%container"))
		return "templates are \"%unit\" and \"%container\"";
	if (p->config->n_clients == CONFIG_CLIENTS_MAX)
		return "there are more than 200 clients";
	for (i = 0; i < p->config->n_clients; i++)
		if (*name != '%' && !strcmp(p->config->clients[i].name, name))
			return "this client was there before";
	return NULL;
}

static void client_begin(struct parser *p, const char *name)
{
	const char *error = client_name_error(p, name);
	struct config_client *more, *client;

	if (error) {
		error_at(p, p->line, "[client \"%s\"]: %s", name, error);
		return;
	}
	more = realloc(p->config->clients, (p->config->n_clients + 1) * sizeof(*more));
	if (!more) {
		p->err = -ENOMEM;
		return;
	}
	p->config->clients = more;
	client = &more[p->config->n_clients++];
	memset(client, 0, sizeof(*client));
	client->line = p->line;
	client->name = strdup(name);
	if (!client->name)
		p->err = -ENOMEM;
	p->section = CONFIG_CLIENT;
	p->base = client;
	section_defaults(p, CONFIG_CLIENT, client);
}

/* Whether libinih took the line as it stands there: `[NAME]`, and at most a comment behind it. */
static bool section_whole(struct parser *p, const char *name)
{
	size_t n = strlen(name);
	const char *end = strchr(p->shown, ']'), *rest;

	bool cut = n >= CONFIG_NAME_MAX; /* else it kept the section before, and says nothing */

	if (!end || strncmp(p->shown + 1, name, n) || (p->shown + 1 + n != end && !cut)) {
		error_at(p, p->line, "`%s`: a section ends in ]", p->shown);
		return false;
	}
	if (p->shown + 1 + n != end) {
		error_at(p, p->line, "`%s`: what stands in [] has at most %zu characters",
			 p->shown, n);
		return false;
	}
	rest = end + 1 + strspn(end + 1, BLANKS);
	if (*rest && (*rest != ';' || rest == end + 1)) {
		error_at(p, p->line, "`%s`: nothing but a comment may stand behind ]", p->shown);
		return false;
	}
	return true;
}

static void section_parse(struct parser *p, const char *text)
{
	const struct {
		const char *name;
		enum config_section section;
		void *base;
	} plain[] = {
		{"agent", CONFIG_AGENT, &p->config->agent},
		{"upload", CONFIG_UPLOAD, &p->config->upload},
		{"machine", CONFIG_MACHINE, &p->config->machine},
	};
	char name[CONFIG_LINE_MAX + 1];
	size_t n = strlen(text), i;

	p->section = 0;
	p->skip = true;
	memset(p->given, 0, sizeof(p->given));
	if (!section_whole(p, text))
		return;
	if (!strncmp(text, "client \"", 8) && n >= 9 && text[n - 1] == '"') {
		snprintf(name, sizeof(name), "%.*s", (int)(n - 9), text + 8);
		client_begin(p, name);
		return;
	}
	for (i = 0; i < 3; i++)
		if (!strcmp(text, plain[i].name)) {
			p->section = plain[i].section;
			p->base = plain[i].base;
			return;
		}
	error_at(p, p->line,
		 "[%s]: no such section; there are [agent], [upload], [machine] and [client "
		 "\"NAME\"]",
		 text);
}

static void key_unknown(struct parser *p, const char *name)
{
	char allowed[ALLOWED_BYTES] = "";
	size_t i, n = 0;

	for (i = 0; i < config_n_keys && n < sizeof(allowed); i++)
		if (config_keys[i].sections & p->section)
			n += snprintf(allowed + n, sizeof(allowed) - n, "%s%s", n ? ", " : "",
				      config_keys[i].name);
	error_at(p, p->line, "%s: no such key here; there are %s", name, allowed);
}

static void key_parse(struct parser *p, const char *name, const char *value)
{
	const struct config_key *key = config_key_find(p->section, name);
	char why[SCRUB_ERROR_BYTES];
	unsigned *given;
	int err;

	if (!key) {
		key_unknown(p, name);
		return;
	}
	given = &p->given[key - config_keys];
	if (*given && !config_key_is_list(key)) {
		error_at(p, p->line, "%s: already given in line %u", name, *given);
		return;
	}
	*given = p->line;
	err = config_value_set(key, config_key_place(key, p->section, p->base), value);
	if (err == -ENOMEM)
		p->err = err;
	else if (err == -E2BIG)
		error_at(p, p->line, "%s: at most %d of it", name, CONFIG_LIST_MAX);
	else if (err && key->type == CONFIG_PATTERN && scrub_pattern_check(value, why))
		error_at(p, p->line, "%s = %s: %s", name, value, why);
	else if (err)
		error_at(p, p->line, "%s = %s: not allowed; allowed is %s", name, value,
			 key->allowed);
}

static void line_unreadable(struct parser *p)
{
	error_at(p, p->line, "`%s`: neither [section] nor key = value", p->shown);
}

/* libinih's handler; 1 is its `go on`. */
static int on_line(void *arg, const char *section, const char *name, const char *value)
{
	struct parser *p = arg;

	p->unheard = false;
	if (!strcmp(name, BEGINS))
		section_parse(p, section);
	else if (!*name)
		line_unreadable(p);
	else if (p->section)
		key_parse(p, name, value);
	else if (!p->skip)
		error_at(p, p->line, "%s: a section must come first, as [agent]", name);
	return 1;
}

static bool line_clean(const char *line, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' && line[i] != '\t' &&
		    !(line[i] == '\r' && i == n - 1))
			return false;
	return true;
}

/* The next line into p->shown; empty where it may not be handed over, which is said. */
static void line_take(struct parser *p, size_t most)
{
	const char *line = p->text, *end = memchr(line, '\n', p->size);
	size_t n = end ? (size_t)(end - line) : p->size;

	p->line++;
	p->text += n + (end != NULL);
	p->size -= n + (end != NULL);
	p->shown[0] = 0;
	if (n > most) {
		error_at(p, p->line, "the line has %zu bytes; at most %zu are allowed", n, most);
		return;
	}
	if (!line_clean(line, n)) {
		error_at(p, p->line, "a control character; this must be plain text");
		return;
	}
	for (; n && strchr(BLANKS, *line); n--)
		line++;
	for (; n && strchr(BLANKS, line[n - 1]); n--)
		;
	memcpy(p->shown, line, n);
	p->shown[n] = 0;
}

/* libinih's reader, with fgets()'s contract. */
static char *next_line(char *to, int room, void *arg)
{
	struct parser *p = arg;

	if (p->unheard)
		line_unreadable(p);
	p->unheard = false;
	if (p->begins) {
		p->begins = false;
		snprintf(to, room, BEGINS "=\n");
		return to;
	}
	if (!p->size || p->err)
		return NULL;
	line_take(p, room - 2 < CONFIG_LINE_MAX ? room - 2 : CONFIG_LINE_MAX);
	p->begins = p->shown[0] == '[';
	p->unheard = p->shown[0] && !strchr(";#[", p->shown[0]);
	snprintf(to, room, "%s\n", p->shown);
	return to;
}

static void clients_check(struct parser *p)
{
	size_t i;

	for (i = 0; i < p->config->n_clients; i++) {
		const struct config_client *c = &p->config->clients[i];

		if (!(c->match_unit.n + c->match_comm.n + c->match_exe.n + c->match_cmdline.n +
		      c->match_cgroup.n + c->match_container.n + c->match_pid_file.n))
			error_at(p, c->line,
				 "[client \"%s\"]: nothing says which processes it is; give "
				 "match_unit, match_comm, "
				 "match_exe, match_cmdline, match_cgroup, match_container or "
				 "match_pid_file",
				 c->name);
	}
}

int config_parse(const char *path, const char *text, size_t size, struct config *ret_config,
		 struct config_errors *ret_errors)
{
	struct config config = {0};
	struct parser p = {.path = path, .config = &config, .errors = ret_errors};

	*ret_errors = (struct config_errors){0};
	section_defaults(&p, CONFIG_AGENT, &config.agent);
	section_defaults(&p, CONFIG_UPLOAD, &config.upload);
	section_defaults(&p, CONFIG_MACHINE, &config.machine);
	if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		size -= 3;
	}
	p.text = text;
	p.size = size;
	/* An error of a line is one of ours, told above; less than 0 is no memory for a line. */
	if (!p.err && ini_parse_stream(next_line, &p, on_line, &p) < 0)
		p.err = -ENOMEM;
	if (!p.err)
		clients_check(&p);
	if (!p.err && ret_errors->n)
		p.err = -EINVAL;
	if (p.err)
		config_release(&config);
	else
		*ret_config = config;
	return p.err;
}

int config_defaults(struct config *ret_config)
{
	struct config_errors errors;
	int err = config_parse("defaults", "", 0, ret_config, &errors);

	config_errors_release(&errors);
	return err;
}

void config_release(struct config *config)
{
	size_t i;

	section_release(CONFIG_AGENT, &config->agent);
	section_release(CONFIG_UPLOAD, &config->upload);
	for (i = 0; i < config->n_clients; i++) {
		section_release(CONFIG_CLIENT, &config->clients[i]);
		free(config->clients[i].name);
	}
	free(config->clients);
	memset(config, 0, sizeof(*config));
}

void config_errors_release(struct config_errors *errors)
{
	size_t i;

	for (i = 0; i < errors->n; i++)
		free(errors->text[i]);
	free(errors->text);
	memset(errors, 0, sizeof(*errors));
}

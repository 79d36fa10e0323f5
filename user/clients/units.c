// SPDX-License-Identifier: BSD-2-Clause
#include "user/clients/units.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "user/common/container.h"

static bool ends_with(const char *text, size_t n, const char *end)
{
	size_t m = strlen(end);

	return n > m && !memcmp(text + n - m, end, m);
}

static bool is_slice(const char *text, size_t n)
{
	return ends_with(text, n, ".slice");
}

static bool is_unit(const char *text, size_t n)
{
	static const char *const types[] = { ".service", ".scope", ".socket", ".mount", ".swap" };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (ends_with(text, n, types[i]))
			return n <= UNIT_MAX;
	return false;
}

/* systemd puts a '_' before names that would look like a file of the kernel's. */
static const char *component(const char *path, size_t *ret_n)
{
	path += strspn(path, "/");
	if (*path == '_')
		path++;
	*ret_n = strcspn(path, "/");
	return path;
}

/* The first component of `path` that isn't a slice, if it is a unit. */
static const char *first_unit(const char *path, size_t *ret_n)
{
	path = component(path, ret_n);
	while (is_slice(path, *ret_n))
		path = component(path + *ret_n, ret_n);
	return is_unit(path, *ret_n) ? path : NULL;
}

bool unit_of_path(const char *path, char ret[UNIT_MAX + 1])
{
	size_t n, user_n;
	const char *unit = first_unit(path, &n), *user;

	if (!unit)
		return false;
	if (!strncmp(unit, "user@", 5) && isdigit((unsigned char)unit[5])) {
		user = first_unit(unit + n, &user_n);
		if (user) {
			unit = user;
			n = user_n;
		}
	}
	memcpy(ret, unit, n);
	ret[n] = '\0';
	return true;
}

/* The rest of the component that begins with `prefix`, without `suffix`. */
static bool name_between(const char *path, const char *prefix, const char *suffix,
			 char ret[UNIT_MAX + 1])
{
	const char *found = strstr(path, prefix);
	size_t n;

	if (!found)
		return false;
	found += strlen(prefix);
	n = strcspn(found, "/");
	if (*suffix) {
		if (!ends_with(found, n, suffix))
			return false;
		n -= strlen(suffix);
	}
	if (!n || n > UNIT_MAX)
		return false;
	memcpy(ret, found, n);
	ret[n] = '\0';
	return true;
}

bool unit_container(const char *path, char ret[UNIT_MAX + 1])
{
	static const struct {
		const char *prefix, *suffix;
	} named[] = {
		{ "/lxc.payload.", "" },
		{ "/lxc.payload/", "" },
		{ "/lxc/", "" },
		{ "/machine.slice/machine-", ".scope" },
		{ "/machine.slice/systemd-nspawn@", ".service" },
	};
	char id[CONTAINER_ID + 1];

	if (container_id_in(path, id)) {
		memcpy(ret, id, sizeof(id));
		return true;
	}
	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
		if (name_between(path, named[i].prefix, named[i].suffix, ret))
			return true;
	return false;
}

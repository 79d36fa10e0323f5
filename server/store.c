// SPDX-License-Identifier: BSD-2-Clause
#include "server/store.h"

#include <string.h>

const struct store_ops *const store_kinds[] = {
	&store_sqlite,
	NULL,
};

const struct store_ops *store_find(const char *name)
{
	size_t len = strcspn(name, ":");

	for (size_t i = 0; store_kinds[i]; i++)
		if (strlen(store_kinds[i]->name) == len &&
		    !strncmp(store_kinds[i]->name, name, len))
			return store_kinds[i];
	return NULL;
}

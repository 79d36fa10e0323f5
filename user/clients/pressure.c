// SPDX-License-Identifier: BSD-2-Clause
#include "user/clients/pressure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/common/small_file.h"

int pressure_parse(const char *text, uint64_t *ret_total_us)
{
	const char *line = !strncmp(text, "some ", 5) ? text : strstr(text, "\nsome ");
	const char *total = line ? strstr(line, " total=") : NULL;
	const char *end = line ? strchr(line + 1, '\n') : NULL;

	if (!total || (end && total > end))
		return -EINVAL;
	char *rest;
	uint64_t value = strtoull(total + 7, &rest, 10);

	if (rest == total + 7 || total[7] == '-')
		return -EINVAL;
	*ret_total_us = value;
	return 0;
}

int pressure_read(const char *path, uint64_t *ret_total_us)
{
	char text[256];
	ssize_t n = small_file_read(path, text, sizeof(text));

	return n < 0 ? (int)n : pressure_parse(text, ret_total_us);
}

// SPDX-License-Identifier: BSD-2-Clause
/* Any file as a series: rows that are taken are sane. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/lib/detect/series.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct series_row row;
	char error[160], text[24];
	struct series *s;
	FILE *file;

	if (!size)
		return 0;
	file = fmemopen((void *)data, size, "r");
	s = series_open(file, error, sizeof(error));
	while (s && series_next(s, &row, error, sizeof(error)) > 0)
		if (!isfinite(row.value) || series_format(text, row.value) >= sizeof(text))
			abort();
	series_close(s);
	fclose(file);
	return 0;
}

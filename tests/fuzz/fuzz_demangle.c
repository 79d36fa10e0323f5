// SPDX-License-Identifier: BSD-2-Clause
/* Any text as a mangled name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/symbols/demangle.h"
#include "user/lib/symbols/symbol_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = malloc(size + 3), buf[512];
	int n;

	/* Most inputs are to get past the first look. */
	memcpy(name, "_", 1);
	memcpy(name + 1, data, size);
	name[size + 1] = 0;
	n = demangle(name, buf, sizeof(buf));
	if (n < 0 || n >= (int)sizeof(buf) || (n > 0 && buf[n] != 0))
		abort();
	if (n > 0) {
		symbol_text_clean(buf, (size_t)n);
		if (!symbol_text_valid(buf, (size_t)n))
			abort();
	}
	free(name);
	return 0;
}

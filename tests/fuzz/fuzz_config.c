// SPDX-License-Identifier: BSD-2-Clause
/* Any file as a configuration: it is valid, or there is an error with its line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_errors errors;
	struct config config;
	int err = config_parse("f", (const char *)data, size, &config, &errors);

	if ((err == 0) != (errors.n == 0))
		abort();
	for (size_t i = 0; i < errors.n; i++)
		if (strncmp(errors.text[i], "f:", 2) || strchr(errors.text[i], '\n'))
			abort();
	config_errors_release(&errors);
	if (!err)
		config_release(&config);
	return 0;
}

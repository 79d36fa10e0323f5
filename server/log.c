// SPDX-License-Identifier: BSD-2-Clause
#include "server/log.h"

#include <stdarg.h>
#include <stdio.h>

void log_line(const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	fprintf(stderr, "backdraft-server: %s\n", text);
}

// SPDX-License-Identifier: BSD-2-Clause
#include "user/verbs/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_MOST 200

void terminal_look(int fd, unsigned int *ret_columns, unsigned int *ret_rows, bool *ret_colour)
{
	const char *terminal = getenv("TERM");
	struct winsize size = {0};
	bool is = isatty(fd);

	if (is && ioctl(fd, TIOCGWINSZ, &size))
		size = (struct winsize){0};
	if (ret_columns)
		*ret_columns = size.ws_col < COLUMNS_MOST ? size.ws_col : COLUMNS_MOST;
	if (ret_rows)
		*ret_rows = size.ws_row;
	if (ret_colour)
		*ret_colour = is && !getenv("NO_COLOR") && terminal && strcmp(terminal, "dumb");
}

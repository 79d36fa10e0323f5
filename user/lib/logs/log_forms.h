/* SPDX-License-Identifier: BSD-2-Clause */
/* The forms in which programs write a time (log_time.h lists them), as fields. */
#ifndef BD_LOG_FORMS_H
#define BD_LOG_FORMS_H

#include <stdbool.h>
#include <stdint.h>

struct log_cursor {
	const char *p, *end;
};

struct log_stamp {
	bool is_epoch, has_zone;
	int64_t epoch_s;
	int year, month, day; /* 0 where the form has none; then month and day, or year alone */
	int hour, minute, second;
	int zone_s;
	int64_t ns;
};

#define LOG_AT_BEGIN 1u /* of the line, or of a value: also forms that may be any number elsewhere */

/* Reads a time that begins at the cursor. Its fields are in their ranges. */
bool log_form_read(struct log_cursor *c, unsigned where, struct log_stamp *ret);

#endif

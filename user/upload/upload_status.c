// SPDX-License-Identifier: BSD-2-Clause
#include "user/upload/upload_status.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/common/directory.h"
#include "user/lib/base/json_read.h"
#include "user/lib/base/out.h"

#define FILE_NAME ".upload"
#define TEMPORARY_NAME ".writing-.upload"
#define FILE_BYTES_MAX 8192
#define COUNT_MAX 9e15 /* beyond it a double is no count */

static const struct {
	const char *name;
	size_t offset;
} numbers[] = {
	{"last_success_s", offsetof(struct upload_status, last_success_s)},
	{"last_failure_s", offsetof(struct upload_status, last_failure_s)},
	{"next_try_s", offsetof(struct upload_status, next_try_s)},
	{"sent", offsetof(struct upload_status, sent)},
	{"known", offsetof(struct upload_status, known)},
	{"rejected", offsetof(struct upload_status, rejected)},
	{"damaged", offsetof(struct upload_status, damaged)},
	{"beats_sent", offsetof(struct upload_status, beats_sent)},
	{"beats_lost", offsetof(struct upload_status, beats_lost)},
};
#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

/* All of them are 8 bytes, and not negative. */
static void parse(const struct json *doc, struct upload_status *ret)
{
	const struct json_value *root = doc->values, *facts = json_member(doc, root, "facts_wanted");
	const char *error = json_text(json_member(doc, root, "error"), "");

	for (size_t i = 0; i < N_NUMBERS; i++) {
		double value = json_number(json_member(doc, root, numbers[i].name), 0);
		uint64_t count = value >= 0 && value < COUNT_MAX ? (uint64_t)value : 0;

		memcpy((char *)ret + numbers[i].offset, &count, sizeof(count));
	}
	ret->facts_wanted = facts && facts->type == JSON_TRUE;
	answer_scrub(error, strlen(error), ret->error);
}

int upload_status_read(int spool_fd, struct upload_status *ret)
{
	struct json doc;
	void *data;
	size_t size, at;
	int err = directory_read(spool_fd, FILE_NAME, FILE_BYTES_MAX, &data, &size);

	*ret = (struct upload_status){0};
	if (err)
		return err;
	err = json_read(data, size, &doc, &at);
	free(data);
	if (err)
		return err;
	parse(&doc, ret);
	json_release(&doc);
	return 0;
}

int upload_status_write(int spool_fd, const struct upload_status *s)
{
	struct out out;
	int fd, err;

	unlinkat(spool_fd, TEMPORARY_NAME, 0);
	fd = openat(spool_fd, TEMPORARY_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0640);
	if (fd < 0)
		return -errno;
	out_init(&out, fd);
	out_char(&out, '{');
	for (size_t i = 0; i < N_NUMBERS; i++) {
		uint64_t value;

		memcpy(&value, (const char *)s + numbers[i].offset, sizeof(value));
		out_printf(&out, "\"%s\": ", numbers[i].name);
		out_u64(&out, value);
		out_text(&out, ", ");
	}
	out_printf(&out, "\"facts_wanted\": %s, \"error\": ", s->facts_wanted ? "true" : "false");
	out_json(&out, s->error);
	out_text(&out, "}\n");
	err = out_finish(&out);
	out_release(&out);
	close(fd);
	if (!err && renameat(spool_fd, TEMPORARY_NAME, spool_fd, FILE_NAME))
		err = -errno;
	if (err)
		unlinkat(spool_fd, TEMPORARY_NAME, 0);
	return err;
}

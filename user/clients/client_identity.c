// SPDX-License-Identifier: BSD-2-Clause
#include "user/clients/client_identity.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "user/common/container.h"
#include "user/reader/reader.h"
#include "user/common/small_file.h"

/* The first line, without blanks around it; what isn't printable comes out as '?'. */
static void version_take(const char *text, char ret[CLIENT_VERSION_MAX + 1])
{
	size_t n;

	text += strspn(text, " \t\r\n");
	n = strcspn(text, "\r\n");
	while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		n--;
	if (n > CLIENT_VERSION_MAX)
		n = CLIENT_VERSION_MAX;
	/* Not in the middle of a UTF-8 character. */
	while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++)
		ret[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
	ret[n] = '\0';
}

static void version_find(const struct config_client *config, char ret[CLIENT_VERSION_MAX + 1])
{
	char text[4096];

	if (config->version && *config->version)
		version_take(config->version, ret);
	else if (config->version_file && *config->version_file &&
		 small_file_read(config->version_file, text, sizeof(text)) > 0)
		version_take(text, ret);
}

/* The file may have been replaced: the one that runs is what counts, by its device and inode. */
static void build_id_find(struct reader *reader, uint32_t pid, char *ret, size_t size)
{
	char link[64], path[PATH_MAX];
	struct reader_file file;
	struct stat st;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%u/exe", pid);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0 || stat(link, &st))
		return;
	path[n] = '\0';

	struct reader_open request = { .pid = (int)pid, .path = path, .inode = st.st_ino,
				       .dev_major = major(st.st_dev), .dev_minor = minor(st.st_dev) };

	if (reader_open(reader, &request, &file))
		return;
	for (size_t i = 0; i < file.build_id_size && 2 * i + 3 <= size; i++)
		snprintf(ret + 2 * i, 3, "%02x", file.build_id[i]);
	reader_close(reader, file.id);
}

void client_identity_find(const struct config_client *config, struct reader *reader, uint32_t pid,
			  struct client_identity *ret)
{
	*ret = (struct client_identity){ 0 };
	version_find(config, ret->version);
	if (!pid)
		return;
	if (!container_of((int)pid, ret->container))
		ret->container[0] = '\0';
	if (reader)
		build_id_find(reader, pid, ret->build_id, sizeof(ret->build_id));
}

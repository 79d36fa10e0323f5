// SPDX-License-Identifier: BSD-2-Clause
#include "user/common/host_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "user/common/directory.h"
#include "user/lib/base/hmac.h"
#include "user/common/small_file.h"

#define KEY_BYTES 32
#define MAGIC "backdraft-key/1 "
/* Magic, the key and its CRC in hex, and a newline: damage shows. */
#define FILE_BYTES (sizeof(MAGIC) - 1 + 2 * KEY_BYTES + 1 + 8 + 1)

static void key_write(const uint8_t key[KEY_BYTES], char text[FILE_BYTES + 1])
{
	char *p = text + sprintf(text, MAGIC);

	for (int i = 0; i < KEY_BYTES; i++)
		p += sprintf(p, "%02x", key[i]);
	sprintf(p, " %08lx\n", (unsigned long)crc32(0, key, KEY_BYTES));
}

/* -EBADMSG: it isn't what key_write() writes. */
static int key_read(const char *data, size_t size, uint8_t key[KEY_BYTES])
{
	char again[FILE_BYTES + 1];
	const char *hex = data + sizeof(MAGIC) - 1;

	if (size != FILE_BYTES)
		return -EBADMSG;
	for (int i = 0; i < KEY_BYTES; i++) {
		unsigned int byte = 0;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return -EBADMSG;
		key[i] = byte;
	}
	key_write(key, again);
	return memcmp(again, data, FILE_BYTES) ? -EBADMSG : 0;
}

/* A key that others can read is one that they may have: it is used, and said. */
static void check_mode(int fd, char *note)
{
	struct stat st;

	if (!fstatat(fd, HOST_ID_KEY, &st, AT_SYMLINK_NOFOLLOW) && (st.st_mode & 077))
		snprintf(note, HOST_ID_ERROR,
			 HOST_ID_KEY " in state_dir could be read by others: chmod 600 it, or remove it "
			 "for a new identity");
}

static int key_load(int fd, uint8_t key[KEY_BYTES], char *note)
{
	void *data;
	size_t size;
	int err = directory_read(fd, HOST_ID_KEY, 4096, &data, &size);

	if (err == -EFBIG || err == -ELOOP)
		return -EBADMSG;
	if (err)
		return err;
	/* Text functions need its end; directory_read() leaves room for it. */
	((char *)data)[size] = '\0';
	err = key_read(data, size, key);
	explicit_bzero(data, size);
	free(data);
	if (!err)
		check_mode(fd, note);
	return err;
}

static int key_new(int fd, uint8_t key[KEY_BYTES])
{
	char text[FILE_BYTES + 1];

	if (getrandom(key, KEY_BYTES, 0) != KEY_BYTES)
		return -errno;
	key_write(key, text);
	int err = directory_write(fd, HOST_ID_KEY, text, FILE_BYTES);

	explicit_bzero(text, sizeof(text));
	return err;
}

int host_id_make(int fd, const char *sources, uint8_t ret[REPORT_ID_BYTES],
		 char note[HOST_ID_ERROR])
{
	uint8_t key[KEY_BYTES], hash[HMAC_BYTES];
	int err = key_load(fd, key, note);
	bool damaged = err == -EBADMSG;

	if (damaged && renameat(fd, HOST_ID_KEY, fd, HOST_ID_KEY ".damaged"))
		return -errno;
	if (damaged || err == -ENOENT) {
		err = key_new(fd, key);
		if (!err)
			snprintf(note, HOST_ID_ERROR, "%s; this host has a new identity",
				 damaged ? "state_dir: " HOST_ID_KEY " was damaged and is now " HOST_ID_KEY
					   ".damaged" :
					   "state_dir had no " HOST_ID_KEY ", one was made");
	}
	if (!err) {
		hmac_sha256(key, sizeof(key), sources, strlen(sources), hash);
		memcpy(ret, hash, REPORT_ID_BYTES);
	}
	explicit_bzero(key, sizeof(key));
	return err;
}

void host_id_sources(char *ret, size_t size)
{
	static const char *const files[][2] = {
		{ "/etc/machine-id", "/var/lib/dbus/machine-id" },
		{ "/sys/class/dmi/id/product_uuid", "/sys/firmware/devicetree/base/serial-number" },
	};
	char text[128];
	size_t n = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && n < size; i++) {
		text[0] = '\0';
		if (small_file_read(files[i][0], text, sizeof(text)) <= 0 &&
		    small_file_read(files[i][1], text, sizeof(text)) <= 0)
			text[0] = '\0';
		text[strcspn(text, "\n")] = '\0';
		n += snprintf(ret + n, size - n, "%s\n", text);
	}
}

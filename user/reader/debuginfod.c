// SPDX-License-Identifier: BSD-2-Clause
#include "user/reader/debuginfod.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Not linked: few have it, and it brings curl and what that needs. The functions as its manual page
 * has them. */
struct debuginfod {
	void *library, *client;
	int64_t until_ns;
	void *(*begin)(void);
	void (*end)(void *client);
	int (*find)(void *client, const unsigned char *build_id, int size, char **path);
	void (*set_progress)(void *client, int (*fn)(void *client, long done, long all));
};

/* The library hands out the client alone, so what it is asked by is found through this. */
static struct debuginfod *active;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Called about once a second while it waits; not 0 ends the transfer. */
static int progress(void *client, long done, long all)
{
	return active && now_ns() >= active->until_ns;
}

static bool find_symbols(struct debuginfod *d)
{
	*(void **)&d->begin = dlsym(d->library, "debuginfod_begin");
	*(void **)&d->end = dlsym(d->library, "debuginfod_end");
	*(void **)&d->find = dlsym(d->library, "debuginfod_find_debuginfo");
	*(void **)&d->set_progress = dlsym(d->library, "debuginfod_set_progressfn");
	return d->begin && d->end && d->find && d->set_progress;
}

int debuginfod_new(struct debuginfod **ret)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	struct debuginfod *d;

	if (!urls || strspn(urls, " \t\n") == strlen(urls))
		return -EDESTADDRREQ;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!d->library || !find_symbols(d) || !(d->client = d->begin())) {
		debuginfod_free(d);
		return -ENOENT;
	}
	/* A second less, because that is how often progress() is called. */
	d->until_ns = now_ns() + (DEBUGINFOD_MS - 1000) * 1000000LL;
	d->set_progress(d->client, progress);
	*ret = d;
	return 0;
}

void debuginfod_free(struct debuginfod *d)
{
	if (!d)
		return;
	if (d->client)
		d->end(d->client);
	if (d->library)
		dlclose(d->library);
	free(d);
}

/* Some versions don't call progress() while nothing comes: what is left is theirs to keep, too. */
static void allow_seconds(const struct debuginfod *d)
{
	char seconds[16];

	snprintf(seconds, sizeof(seconds), "%d", (int)((d->until_ns - now_ns()) / 1000000000 + 1));
	setenv("DEBUGINFOD_TIMEOUT", seconds, 1);
	setenv("DEBUGINFOD_MAXTIME", seconds, 1);
	setenv("DEBUGINFOD_RETRY_LIMIT", "0", 1);
}

int debuginfod_fetch(void *arg, const char *build_id, char **ret_path)
{
	struct debuginfod *d = arg;
	char *path = NULL;
	int fd;

	if (now_ns() >= d->until_ns)
		return -ETIMEDOUT;
	active = d;
	allow_seconds(d);
	/* Size 0: the build ID is text. */
	fd = d->find(d->client, (const unsigned char *)build_id, 0, &path);
	active = NULL;
	if (fd < 0)
		return now_ns() >= d->until_ns ? -ETIMEDOUT : fd;
	close(fd);
	*ret_path = path;
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/* backdraft spool: what waits, whether it is whole, and mending it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/common/config_file.h"
#include "user/lib/profile/codec.h"
#include "user/lib/base/out.h"
#include "user/verbs/progress.h"
#include "user/upload/spool.h"
#include "user/upload/spool_beats.h"
#include "user/upload/upload_status.h"
#include "user/common/verb.h"

#define OPTION_CONFIG VERB_LONG_ONLY
#define OPTION_DIR (VERB_LONG_ONLY + 1)
#define OPTION_VERIFY (VERB_LONG_ONLY + 2)
#define OPTION_MEND (VERB_LONG_ONLY + 3)
/* A burst lasts 5 min at most: what is older is nobody's. */
#define NOBODYS_S 600

const struct verb_option verb_spool_options[] = {
	{OPTION_CONFIG, "config", "FILE", "whose spool_dir it is, instead of " CONFIG_FILE_DEFAULT},
	{OPTION_DIR, "dir", "DIR", "this directory, whatever a configuration says"},
	{OPTION_VERIFY, "verify", NULL, "unpack every report to its end and check it"},
	{OPTION_MEND, "mend", NULL, "verify; what is damaged goes to damaged/, what was cut short becomes a report"},
	{0},
};

struct look {
	struct spool spool;
	struct out out;
	bool verify, mend;
	struct progress progress;
	size_t good, damaged, mended, partial;
	bool failed;
};

/* NULL where it is whole, else what is wrong, in `error`. */
static const char *verify(struct look *l, const char *name, char error[CODEC_ERROR_BYTES])
{
	int fd = spool_open_file(l->spool.fd, name), err;
	struct report r;

	if (fd < 0) {
		snprintf(error, CODEC_ERROR_BYTES, "%s", strerror(-fd));
		return fd == -ENOENT ? NULL : error; /* sent meanwhile */
	}
	err = report_decode_fd(fd, NULL, &r, error);
	close(fd);
	if (!err)
		report_release(&r);
	return err ? error : NULL;
}

static const char *stamp_of(const char *name, char ret[24])
{
	struct tm tm = {0};
	const char *end = strptime(name, "%Y%m%dT%H%M%SZ", &tm);

	if (!end)
		return "-";
	strftime(ret, 24, "%Y-%m-%d %H:%M:%S", &tm);
	return ret;
}

static void print(struct look *l, const struct spool_file *file, const char *state)
{
	char client[SPOOL_CLIENT_BYTES], stamp[24];

	spool_client(file->name, client);
	out_printf(&l->out, "%-19s  %-10s  %9llu  %-20s  %s\n", stamp_of(file->name, stamp),
		   spool_rank_name(spool_rank(file->name)), (unsigned long long)file->bytes,
		   client[0] ? client : file->name, state);
}

static void set_aside(struct look *l, const char *name, const char *why)
{
	int err = spool_set_aside(&l->spool, name, SPOOL_DAMAGED, why, l->spool.limits.damaged);

	if (!err) {
		l->mended++;
		return;
	}
	verb_error("spool %s: moving %s to " SPOOL_DAMAGED "/: %s", l->spool.path, name,
		   strerror(-err));
	l->failed = true;
}

static void look_at(struct look *l, const struct spool_file *file)
{
	char error[CODEC_ERROR_BYTES], state[CODEC_ERROR_BYTES + 64];
	const char *wrong = l->verify ? verify(l, file->name, error) : NULL;

	l->good += !wrong;
	if (!wrong) {
		print(l, file, l->verify ? "whole" : "waits");
		return;
	}
	l->damaged++;
	if (l->mend)
		set_aside(l, file->name, wrong);
	snprintf(state, sizeof(state), "damaged: %s%s", wrong,
		 l->mend && !l->failed ? "; now in " SPOOL_DAMAGED "/" : "");
	print(l, file, state);
}

static int look_at_reports(struct look *l)
{
	struct spool_files files;
	int err = spool_list(&l->spool, SPOOL_REPORT, &files);

	if (err)
		return err;
	if (files.n)
		out_printf(&l->out, "%-19s  %-10s  %9s  %-20s  %s\n", "time (UTC)", "kind", "bytes",
			   "client", "state");
	if (l->verify)
		progress_begin(&l->progress, 0);
	for (size_t i = 0; i < files.n; i++) {
		look_at(l, &files.file[i]);
		if (l->verify)
			progress_count(&l->progress, i + 1, files.n, "reports");
	}
	if (l->verify)
		progress_end(&l->progress);
	spool_files_release(&files);
	return 0;
}

static bool is_nobodys(const struct spool_file *file)
{
	int64_t age_s = (int64_t)time(NULL) - file->mtime_s;

	return age_s >= NOBODYS_S || age_s < -NOBODYS_S;
}

static void complete(struct look *l, const struct spool_file *file)
{
	char error[CODEC_ERROR_BYTES];
	const char *wrong = verify(l, file->name, error);

	if (wrong) {
		set_aside(l, file->name, wrong);
	} else if (spool_complete(&l->spool, file->name)) {
		l->mended++;
	} else {
		verb_error("spool %s: renaming %s: %m", l->spool.path, file->name);
		l->failed = true;
	}
}

/* What a daemon that was killed left, told from what one is at work on by its age. */
static int look_at_rest(struct look *l)
{
	static const struct {
		enum spool_class class;
		const char *old, *young;
	} classes[] = {
		{SPOOL_IS_PARTIAL, "was cut short; --mend makes it a report", "is being recorded"},
		{SPOOL_IS_TEMPORARY, "was never finished; --mend removes it", "is being written"},
	};

	for (size_t c = 0; c < 2; c++) {
		struct spool_files files;
		int err = spool_list(&l->spool, classes[c].class, &files);

		if (err)
			return err;
		for (size_t i = 0; i < files.n; i++) {
			bool old = is_nobodys(&files.file[i]);

			print(l, &files.file[i],
			      !old ? classes[c].young : l->mend ? "mended" : classes[c].old);
			l->partial += old;
			if (!old || !l->mend)
				continue;
			if (classes[c].class == SPOOL_IS_PARTIAL)
				complete(l, &files.file[i]);
			else
				l->mended += !unlinkat(l->spool.fd, files.file[i].name, 0);
		}
		spool_files_release(&files);
	}
	return 0;
}

static size_t count_below(const struct look *l, const char *directory, const char *suffix)
{
	struct spool_files files;
	size_t n = 0;

	if (!spool_list_below(&l->spool, directory, suffix, &files)) {
		n = files.n;
		spool_files_release(&files);
	}
	return n;
}

static void summarise(struct look *l, const struct spool_stats *stats)
{
	struct upload_status upload;
	char when[32];
	time_t t;

	out_printf(&l->out, "%llu reports, %llu bytes of %llu in %s",
		   (unsigned long long)stats->reports, (unsigned long long)stats->bytes,
		   (unsigned long long)spool_limit(&l->spool), l->spool.path);
	out_printf(&l->out, "; %zu heartbeats, %zu rejected, %zu damaged set aside\n",
		   count_below(l, SPOOL_BEATS, SPOOL_BEATS_SUFFIX),
		   count_below(l, SPOOL_REJECTED, SPOOL_SUFFIX),
		   count_below(l, SPOOL_DAMAGED, SPOOL_SUFFIX));
	for (size_t i = 0; i < l->spool.dropped.n; i++)
		out_printf(&l->out, "%s%llu %s%s", i ? ", " : "dropped for room: ",
			   (unsigned long long)l->spool.dropped.count[i], l->spool.dropped.name[i],
			   i + 1 == l->spool.dropped.n ? "\n" : "");
	if (upload_status_read(l->spool.fd, &upload))
		return;
	t = upload.last_success_s;
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", gmtime(&t));
	out_printf(&l->out, "uploaded: %llu reports, the last success %s%s%s\n",
		   (unsigned long long)(upload.sent + upload.known), t ? when : "never",
		   upload.error[0] ? "; now: " : "", upload.error);
}

/* What is damaged stays a failure until it is mended. */
static int verdict(struct look *l)
{
	if (l->verify)
		out_printf(&l->out, "%zu whole, %zu damaged, %zu cut short, %zu mended\n", l->good,
			   l->damaged, l->partial, l->mended);
	if (out_finish(&l->out)) {
		verb_error("spool: standard output: %s", l->out.error);
		l->failed = true;
	}
	return l->failed || (l->damaged && !l->mend) ? VERB_FAILED : VERB_DONE;
}

static int look(const char *path, bool check, bool mend)
{
	struct look l = {.verify = check || mend, .mend = mend};
	struct spool_stats stats;
	char error[SPOOL_ERROR];
	int err;

	if (spool_attach(&l.spool, path, error)) {
		verb_error("%s", error);
		return VERB_FAILED;
	}
	spool_counts_load(&l.spool);
	out_init(&l.out, STDOUT_FILENO);
	err = look_at_reports(&l);
	if (!err)
		err = look_at_rest(&l);
	if (err) {
		verb_error("spool %s: %s", path, strerror(-err));
		l.failed = true;
	}
	spool_stats(&l.spool, &stats);
	summarise(&l, &stats);
	int status = verdict(&l);

	out_release(&l.out);
	spool_close(&l.spool);
	return status;
}

int verb_spool(int argc, char **argv)
{
	const char *config_path = CONFIG_FILE_DEFAULT, *dir = NULL;
	bool check = false, mend = false;
	struct config config;
	int option, status;

	while ((option = verb_getopt(verb_spool_options, argc, argv)) != -1) {
		if (option == OPTION_CONFIG)
			config_path = optarg;
		else if (option == OPTION_DIR)
			dir = optarg;
		else if (option == OPTION_VERIFY)
			check = true;
		else if (option == OPTION_MEND)
			mend = true;
		else
			return VERB_WRONG_USE;
	}
	if (optind < argc)
		return verb_usage("spool", "%s: it takes only options", argv[optind]);
	if (dir)
		return look(dir, check, mend);
	status = config_file_read(config_path, &config);
	if (status)
		return status;
	status = look(config.agent.spool_dir, check, mend);
	config_release(&config);
	return status;
}

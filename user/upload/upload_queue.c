// SPDX-License-Identifier: BSD-2-Clause
#include "user/upload/upload_queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "user/common/clock.h"
#include "user/lib/profile/codec.h"
#include "user/lib/profile/heartbeat.h"
#include "user/upload/spool_beats.h"
#include "user/common/verb.h"

#define PATH_REPORTS "/v1/reports"
#define PATH_BEATS "/v1/heartbeats"
#define BEATS_MOST 60 /* files in one request */
#define STATUS_EVERY_MS 1000
#define MEMORY_BYTES_MAX (256u << 20) /* of a report that is checked */

enum step { STEP_NEXT, STEP_WAIT };

static uint64_t now_ms(void)
{
	return clock_monotonic_ns() / 1000000;
}

static uint32_t random_part(void)
{
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = clock_monotonic_ns() * 2654435761u;
	return random;
}

int upload_queue_open(struct upload_queue *ret, const char *path, char error[SPOOL_ERROR])
{
	*ret = (struct upload_queue){ .spool.fd = -1 };
	int err = spool_attach(&ret->spool, path, error);

	if (err)
		return err;
	upload_status_read(ret->spool.fd, &ret->status);
	ret->reply = malloc(sizeof(*ret->reply));
	if (ret->reply)
		return 0;
	snprintf(error, SPOOL_ERROR, "out of memory");
	upload_queue_close(ret);
	return -ENOMEM;
}

void upload_queue_close(struct upload_queue *q)
{
	spool_close(&q->spool);
	free(q->reply);
	free(q->last_failed);
	*q = (struct upload_queue){ .spool.fd = -1 };
}

/* --- what becomes known of it */
static void tell(struct upload_queue *q, bool now)
{
	uint64_t ms = now_ms();

	if (!now && ms - q->said_ms < STATUS_EVERY_MS)
		return;
	q->said_ms = ms;
	/* A full disk: nobody is told now, and the sending goes on. */
	upload_status_write(q->spool.fd, &q->status);
}

static void tell_failure(struct upload_queue *q, const char *sentence, uint64_t wait_ms)
{
	if (strcmp(q->status.error, sentence))
		verb_error("upload: %s; trying again in %llu s", sentence,
			   (unsigned long long)(wait_ms + 999) / 1000);
	snprintf(q->status.error, sizeof(q->status.error), "%s", sentence);
	q->status.last_failure_s = time(NULL);
	q->status.next_try_s = q->status.last_failure_s + wait_ms / 1000;
	tell(q, true);
}

static void tell_success(struct upload_queue *q)
{
	if (q->status.error[0])
		verb_error("upload: the receiver takes reports again");
	q->status.error[0] = '\0';
	q->status.last_success_s = time(NULL);
	q->status.next_try_s = 0;
	tell(q, false);
}

/* --- one request */
static void failed(struct upload_queue *q, struct backoff *b, uint64_t *next_ms,
		   const struct answer *answer)
{
	uint64_t wait = answer->verdict == ANSWER_TOKEN ?
				BACKOFF_TOKEN_MS :
				backoff_failed(b, now_ms(), q->reply->retry_after_s, random_part());

	q->failed = true;
	q->token_refused |= answer->verdict == ANSWER_TOKEN;
	*next_ms = now_ms() + wait;
	tell_failure(q, answer->text, wait);
}

/* No answer at all is an answer too. */
static bool no_answer(const struct upload_http_reply *reply, struct answer *ret)
{
	if (reply->status)
		return false;
	*ret = (struct answer){ .verdict = ANSWER_WAIT };
	snprintf(ret->text, sizeof(ret->text), "%s", reply->error);
	return true;
}

static void post_report(struct upload_queue *q, int fd, uint64_t size,
			const uint8_t id[REPORT_ID_BYTES], struct answer *ret)
{
	char key[2 * REPORT_ID_BYTES + 1];
	struct upload_http_body body = { .fd = fd, .size = size, .key = key };

	for (int i = 0; i < REPORT_ID_BYTES; i++)
		snprintf(key + 2 * i, 3, "%02x", id[i]);
	q->transport->post(q->http, PATH_REPORTS, &body, q->reply);
	if (!no_answer(q->reply, ret))
		answer_report(q->reply->status, q->reply->body, q->reply->n, id, ret);
}

/* --- reports */
static void set_aside(struct upload_queue *q, const char *name, const char *directory,
		      const char *sentence, uint64_t *count, uint32_t most)
{
	int err = spool_set_aside(&q->spool, name, directory, sentence, most);

	if (err) {
		verb_error("upload: %s: moving it to %s/: %s", name, directory, strerror(-err));
		return;
	}
	++*count;
	verb_error("upload: %s: %s; it is in %s/%s", name, sentence, q->spool.path, directory);
	tell(q, false);
}

/* Its id, after it was unpacked to the end: what is damaged would be sent for ever. False: not now. */
static bool check(struct upload_queue *q, const char *name, int fd, uint8_t id[REPORT_ID_BYTES])
{
	struct report_limits limits = report_limits_default;
	char error[CODEC_ERROR_BYTES];
	struct report r;

	limits.memory_bytes = MEMORY_BYTES_MAX;
	int err = report_decode_fd(fd, &limits, &r, error);

	if (!err) {
		memcpy(id, r.id, REPORT_ID_BYTES);
		report_release(&r);
		return true;
	}
	if (err == -EINVAL || err == -EFBIG)
		set_aside(q, name, SPOOL_DAMAGED, error, &q->status.damaged,
			  q->spool.limits.damaged);
	else
		verb_error("upload: %s: %s", name, error);
	return false;
}

static enum step delivered(struct upload_queue *q, const char *name, const struct answer *answer)
{
	uint64_t spread = backoff_succeeded(&q->backoff, now_ms(), random_part());

	if (unlinkat(q->spool.fd, name, 0) && errno != ENOENT)
		verb_error("upload: removing %s: %m", name);
	q->status.sent += answer->stored;
	q->status.known += !answer->stored;
	tell_success(q);
	q->next_ms = now_ms() + spread;
	q->failed |= spread > 0;
	return spread ? STEP_WAIT : STEP_NEXT;
}

static enum step send_open(struct upload_queue *q, const char *name, int fd)
{
	uint8_t id[REPORT_ID_BYTES];
	struct answer answer;
	struct stat st;

	if (!check(q, name, fd, id) || fstat(fd, &st))
		return STEP_NEXT;
	post_report(q, fd, st.st_size, id, &answer);
	if (answer.verdict == ANSWER_DELIVERED)
		return delivered(q, name, &answer);
	if (answer.verdict == ANSWER_REJECTED) {
		backoff_succeeded(&q->backoff, now_ms(), 0);
		set_aside(q, name, SPOOL_REJECTED, answer.text, &q->status.rejected,
			  q->spool.limits.rejected);
		return STEP_NEXT;
	}
	failed(q, &q->backoff, &q->next_ms, &answer);
	free(q->last_failed);
	q->last_failed = strdup(name);
	return STEP_WAIT;
}

static enum step send_report(struct upload_queue *q, const char *name)
{
	int fd = spool_open_file(q->spool.fd, name);

	/* Dropped meanwhile, or not ours. */
	if (fd == -ENOENT || fd == -ESTALE)
		return STEP_NEXT;
	if (fd < 0) {
		char text[ANSWER_TEXT_BYTES];

		snprintf(text, sizeof(text), "%s: %s; the others are sent", name, strerror(-fd));
		tell_failure(q, text, UPLOAD_IDLE_MS);
		return STEP_NEXT;
	}
	enum step step = send_open(q, name, fd);

	close(fd);
	return step;
}

/* The oldest first, but after a failure the next one: what this receiver can't take does not keep
 * the others waiting. */
static size_t first_of(const struct upload_queue *q, const struct spool_files *files)
{
	for (size_t i = 0; q->last_failed && i < files->n; i++)
		if (strcmp(files->file[i].name, q->last_failed) > 0)
			return i;
	return 0;
}

static int send_reports(struct upload_queue *q)
{
	struct spool_files files;
	int err = spool_list(&q->spool, SPOOL_REPORT, &files);

	if (err)
		return err;
	size_t first = first_of(q, &files);

	for (size_t i = 0; i < files.n && now_ms() >= q->next_ms; i++)
		if (send_report(q, files.file[(first + i) % files.n].name) == STEP_WAIT)
			break;
	spool_files_release(&files);
	return 0;
}

/* --- heartbeats */
static void lose_beat(struct upload_queue *q, int below, const char *name, const char *why)
{
	verb_error("upload: heartbeats/%s: %s; it is removed", name, why);
	q->status.beats_lost += !unlinkat(below, name, 0);
}

/* Adds one file to the batch. False: it is not in it. */
static bool add_beat(struct upload_queue *q, int below, const char *name, struct heartbeats *batch)
{
	int fd = spool_open_file(below, name);
	char error[CODEC_ERROR_BYTES];
	struct heartbeats h;

	if (fd < 0)
		return false;
	int err = heartbeats_decode_fd(fd, NULL, &h, error);

	close(fd);
	if (err == -EINVAL || err == -EFBIG)
		lose_beat(q, below, name, error);
	if (err)
		return false;
	err = heartbeats_append(batch, &h);
	heartbeats_release(&h);
	return !err;
}

static void post_beats(struct upload_queue *q, const struct out *packed, struct answer *ret)
{
	struct upload_http_body body = { .fd = -1, .data = packed->data, .size = packed->n };

	q->transport->post(q->http, PATH_BEATS, &body, q->reply);
	if (!no_answer(q->reply, ret))
		answer_heartbeats(q->reply->status, q->reply->body, q->reply->n, ret);
}

static enum step beats_answered(struct upload_queue *q, int below, const struct spool_files *files,
				size_t from, size_t to, const struct answer *answer)
{
	if (answer->verdict == ANSWER_WAIT || answer->verdict == ANSWER_TOKEN) {
		failed(q, &q->beats_backoff, &q->beats_next_ms, answer);
		return STEP_WAIT;
	}
	backoff_succeeded(&q->beats_backoff, now_ms(), 0);
	for (size_t i = from; i < to; i++) {
		if (answer->verdict == ANSWER_REJECTED)
			lose_beat(q, below, files->file[i].name, answer->text);
		else
			q->status.beats_sent += !unlinkat(below, files->file[i].name, 0);
	}
	if (answer->verdict == ANSWER_DELIVERED) {
		q->status.facts_wanted = answer->facts_wanted;
		tell_success(q);
		tell(q, true);
	}
	return STEP_NEXT;
}

/* Files `from` to `to` as one batch. */
static enum step send_batch(struct upload_queue *q, int below, const struct spool_files *files,
			    size_t from, size_t to)
{
	struct heartbeats batch;
	struct answer answer;
	struct out packed;
	size_t in_it = 0;
	enum step step = STEP_NEXT;
	int err = heartbeats_init(&batch);

	for (size_t i = from; !err && i < to; i++)
		in_it += add_beat(q, below, files->file[i].name, &batch);
	out_init(&packed, -1);
	if (in_it && !heartbeats_encode(&batch, out_callback, &packed)) {
		post_beats(q, &packed, &answer);
		step = beats_answered(q, below, files, from, to, &answer);
	}
	out_release(&packed);
	if (!err)
		heartbeats_release(&batch);
	return step;
}

static int send_beats(struct upload_queue *q)
{
	struct spool_files files;
	int below = spool_below(&q->spool, SPOOL_BEATS), err;

	if (below < 0)
		return below == -ENOENT ? 0 : below;
	err = spool_list_below(&q->spool, SPOOL_BEATS, SPOOL_BEATS_SUFFIX, &files);
	for (size_t from = 0, to; !err && from < files.n && now_ms() >= q->beats_next_ms;
	     from = to) {
		to = from + BEATS_MOST < files.n ? from + BEATS_MOST : files.n;
		if (send_batch(q, below, &files, from, to) == STEP_WAIT)
			break;
	}
	if (!err)
		spool_files_release(&files);
	close(below);
	return err;
}

int upload_queue_pass(struct upload_queue *q)
{
	struct spool_stats stats;
	int err;

	if (flock(q->spool.fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	q->failed = false;
	err = send_reports(q);
	/* Where the receiver can't be had for reports, it isn't asked for the rest either. */
	if (!err && now_ms() >= q->next_ms)
		err = send_beats(q);
	spool_stats(&q->spool, &stats);
	q->waiting = stats.reports;
	tell(q, true);
	flock(q->spool.fd, LOCK_UN);
	return err;
}

static uint64_t until(uint64_t ms)
{
	uint64_t now = now_ms();

	return ms > now ? ms - now : 0;
}

uint64_t upload_queue_wait_ms(const struct upload_queue *q)
{
	return until(q->next_ms);
}

uint64_t upload_queue_idle_ms(const struct upload_queue *q)
{
	uint64_t beats = until(q->beats_next_ms);

	return beats && beats < UPLOAD_IDLE_MS ? beats : UPLOAD_IDLE_MS;
}

// SPDX-License-Identifier: BSD-2-Clause
#include "user/upload/upload_http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/upload/backoff.h"

#define LOW_BYTES_S 64 /* less than this for LOW_S: nobody is there any more */
#define LOW_S 30
#define HEADERS_BYTES_MAX 65536

struct upload_http {
	CURL *easy;
	char *url, *token;
	char error[CURL_ERROR_SIZE];
	const struct upload_http_body *body; /* of the request that is under way */
	uint64_t sent;
	size_t headers_bytes;
	bool read_failed;
	struct upload_http_reply *reply;
};

/* --- what libcurl calls */
static size_t on_read(char *to, size_t size, size_t n, void *arg)
{
	struct upload_http *h = arg;
	const struct upload_http_body *body = h->body;
	size_t room = size * n, left = body->size - h->sent;
	ssize_t got = room < left ? room : left;

	if (body->fd < 0)
		memcpy(to, (const char *)body->data + h->sent, got);
	else if (got)
		got = pread(body->fd, to, got, h->sent);
	h->read_failed |= got < 0 || (!got && left);
	if (h->read_failed)
		return CURL_READFUNC_ABORT;
	h->sent += got;
	return got;
}

/* A connection that had gone stale: the body begins anew on another one. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct upload_http *h = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > h->body->size)
		return CURL_SEEKFUNC_FAIL;
	h->sent = offset;
	return CURL_SEEKFUNC_OK;
}

static size_t on_write(char *data, size_t size, size_t n, void *arg)
{
	struct upload_http_reply *reply = ((struct upload_http *)arg)->reply;

	if (size * n > sizeof(reply->body) - reply->n)
		return 0;
	memcpy(reply->body + reply->n, data, size * n);
	reply->n += size * n;
	return size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	static const char name[] = "retry-after:";
	struct upload_http *h = arg;
	char value[64];
	size_t at = sizeof(name) - 1, end = size * n;

	h->headers_bytes += end;
	if (h->headers_bytes > HEADERS_BYTES_MAX)
		return 0;
	if (end < at || strncasecmp(data, name, at))
		return size * n;
	while (at < end && strchr(" \t", data[at]))
		at++;
	while (end > at && strchr(" \t\r\n", data[end - 1]))
		end--;
	if (end - at < sizeof(value)) {
		snprintf(value, sizeof(value), "%.*s", (int)(end - at), data + at);
		h->reply->retry_after_s = retry_after_parse(value, time(NULL));
	}
	return size * n;
}

/* --- why there was no answer */
/* OpenSSL's numbers (X509_V_ERR_…), which are part of its interface. */
static const struct {
	long code;
	const char *sentence;
} verify_errors[] = {
	{9, "TLS: the receiver's certificate is not valid yet; compare the clocks"},
	{10, "TLS: the receiver's certificate has expired; it must be renewed there"},
	{18, "TLS: the receiver's certificate signs itself, an unknown CA; set ca_file to it"},
	{19, "TLS: the receiver's certificate is of an unknown CA; set ca_file to that CA's"},
	{20, "TLS: the receiver's certificate is of an unknown CA; set ca_file to that CA's"},
	{21, "TLS: the receiver's certificate is of an unknown CA; set ca_file to that CA's"},
	{23, "TLS: the receiver's certificate was revoked"},
	{62, "TLS: the receiver's certificate is for another name than the one in url"},
	{64, "TLS: the receiver's certificate is for another address than the one in url"},
};

static const char *tls_sentence(const struct upload_http *h)
{
	long code = 0;

	/* libcurl compares the name itself, after a chain that was good. */
	if (strstr(h->error, "target host") || strstr(h->error, "does not match"))
		return "TLS: the receiver's certificate is for another name than the one in url";
	curl_easy_getinfo(h->easy, CURLINFO_SSL_VERIFYRESULT, &code);
	for (size_t i = 0; i < sizeof(verify_errors) / sizeof(verify_errors[0]); i++)
		if (verify_errors[i].code == code)
			return verify_errors[i].sentence;
	return NULL;
}

static void explain(struct upload_http *h, CURLcode code, struct upload_http_reply *reply)
{
	const char *sentence = NULL;
	char text[ANSWER_TEXT_BYTES];

	if (code == CURLE_PEER_FAILED_VERIFICATION)
		sentence = tls_sentence(h);
	else if (code == CURLE_WRITE_ERROR)
		sentence = h->headers_bytes > HEADERS_BYTES_MAX
				   ? "the headers of the answer are over 64 KB: is this a receiver?"
				   : "the answer is over 64 KB: is this a receiver?";
	else if (code == CURLE_ABORTED_BY_CALLBACK && h->read_failed)
		sentence = "the report could not be read from the disk";
	if (!sentence) {
		snprintf(text, sizeof(text), "%s: %s", curl_easy_strerror(code),
			 h->error[0] ? h->error : "it gives no reason");
		sentence = h->error[0] ? h->error : text;
	}
	answer_scrub(sentence, strlen(sentence), reply->error);
	reply->status = 0;
}

/* --- a request */
static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
	char line[8192];
	struct curl_slist *longer;

	if (!value || snprintf(line, sizeof(line), "%s%s", name, value) >= (int)sizeof(line))
		return list;
	longer = curl_slist_append(list, line);
	return longer ? longer : list;
}

static struct curl_slist *headers(const struct upload_http *h, const struct upload_http_body *body)
{
	struct curl_slist *list = NULL;

	list = add_header(list, "Content-Type: ", "application/vnd.msgpack");
	list = add_header(list, "Content-Encoding: ", "gzip");
	list = add_header(list, "Idempotency-Key: ", body->key);
	list = add_header(list, "Authorization: Bearer ", h->token);
	return add_header(list, "Expect:", ""); /* the limits are the receiver's to say at once */
}

static void http_post(struct upload_http *h, const char *path, const struct upload_http_body *body,
		      struct upload_http_reply *ret)
{
	char url[4096];
	struct curl_slist *list = headers(h, body);
	long status = 0;

	ret->n = 0;
	ret->status = 0;
	ret->retry_after_s = -1;
	ret->error[0] = '\0';
	h->reply = ret;
	h->body = body;
	h->sent = h->headers_bytes = 0;
	h->read_failed = false;
	h->error[0] = '\0';
	snprintf(url, sizeof(url), "%s%s", h->url, path);
	curl_easy_setopt(h->easy, CURLOPT_URL, url);
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->size);
	CURLcode code = curl_easy_perform(h->easy);

	if (code)
		explain(h, code, ret);
	else if (!curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status))
		ret->status = status;
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(list);
}

static void http_close(struct upload_http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->easy);
	free(h->url);
	free(h->token);
	free(h);
	curl_global_cleanup();
}

static int set_up(struct upload_http *h, const struct upload_http_options *o)
{
	bool plain = !strncasecmp(o->url, "http:", 5);
	struct curl_blob authorities = {
		.data = (void *)o->authorities,
		.len = o->authorities_bytes,
		.flags = CURL_BLOB_COPY,
	};
	CURL *e = h->easy;
	int bad = 0;

	bad |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https");
	bad |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= curl_easy_setopt(e, CURLOPT_POST, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
	bad |= curl_easy_setopt(e, CURLOPT_READDATA, h);
	bad |= curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
	bad |= curl_easy_setopt(e, CURLOPT_SEEKDATA, h);
	bad |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_write);
	bad |= curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
	bad |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	bad |= curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
	bad |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->error);
	bad |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	bad |= curl_easy_setopt(e, CURLOPT_USERAGENT, "backdraft/" BD_VERSION);
	bad |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)o->connect_s);
	bad |= curl_easy_setopt(e, CURLOPT_TIMEOUT, (long)o->total_s);
	bad |= curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)LOW_BYTES_S);
	bad |= curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)LOW_S);
	bad |= curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* HTTP/2 is an offer: a libcurl without it speaks 1.1. */
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	if (plain)
		bad |= curl_easy_setopt(e, CURLOPT_PROXY, "");
	if (o->authorities)
		bad |= curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &authorities);
	return bad ? -EINVAL : 0;
}

static int http_open(const struct upload_http_options *o, struct upload_http **ret)
{
	struct upload_http *h = calloc(1, sizeof(*h));
	size_t n;
	int err;

	if (!h || curl_global_init(CURL_GLOBAL_DEFAULT)) {
		free(h);
		return -ENOMEM;
	}
	h->easy = curl_easy_init();
	h->url = strdup(o->url);
	h->token = o->token ? strdup(o->token) : NULL;
	err = !h->easy || !h->url || (o->token && !h->token) ? -ENOMEM : set_up(h, o);
	if (err) {
		http_close(h);
		return err;
	}
	for (n = strlen(h->url); n && h->url[n - 1] == '/'; n--)
		h->url[n - 1] = '\0';
	*ret = h;
	return 0;
}

static const char *http_authorities(void)
{
	return curl_version_info(CURLVERSION_NOW)->cainfo;
}

const struct upload_transport upload_curl = {http_open, http_close, http_post, http_authorities};

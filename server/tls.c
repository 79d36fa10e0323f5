// SPDX-License-Identifier: BSD-2-Clause
#include "server/tls.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_MAX 16

/* Handshakes may still use an older one: none goes before the end. There is one for each reload. */
struct identity {
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned int n;
	gnutls_privkey_t key;
	struct identity *next;
};

struct tls {
	char *cert, *key;
	pthread_mutex_t lock;
	struct identity *now;
};

static struct tls *current;

static void identity_free(struct identity *i)
{
	for (unsigned int k = 0; k < i->n; k++)
		gnutls_pcert_deinit(&i->chain[k]);
	if (i->key)
		gnutls_privkey_deinit(i->key);
	free(i);
}

static int load_chain(struct identity *i, const gnutls_datum_t *file)
{
	i->n = CHAIN_MAX;
	if (gnutls_pcert_list_import_x509_raw(i->chain, &i->n, file, GNUTLS_X509_FMT_PEM, 0) < 0) {
		i->n = 0;
		return -EINVAL;
	}
	return i->n ? 0 : -EINVAL;
}

/* Whether the key is the certificate's. */
static int check_pair(struct identity *i)
{
	unsigned char ours[64], theirs[64];
	size_t n = sizeof(ours), m = sizeof(theirs);
	gnutls_pubkey_t of_key;
	int err = -EINVAL;

	if (gnutls_pubkey_init(&of_key) < 0)
		return -ENOMEM;
	if (gnutls_pubkey_import_privkey(of_key, i->key, 0, 0) >= 0 &&
	    gnutls_pubkey_get_key_id(of_key, GNUTLS_KEYID_USE_SHA256, ours, &n) >= 0 &&
	    gnutls_pubkey_get_key_id(i->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, theirs, &m) >=
		    0 &&
	    n == m && !memcmp(ours, theirs, n))
		err = 0;
	gnutls_pubkey_deinit(of_key);
	return err;
}

static int load(const struct tls *t, struct identity **ret, char error[TLS_ERROR_BYTES])
{
	struct identity *i = calloc(1, sizeof(*i));
	gnutls_datum_t cert = {0}, key = {0};
	int err = -EINVAL;

	if (!i)
		return -ENOMEM;
	if (gnutls_load_file(t->cert, &cert) < 0)
		snprintf(error, TLS_ERROR_BYTES, "tls_cert %.300s: can't be read", t->cert);
	else if (gnutls_load_file(t->key, &key) < 0)
		snprintf(error, TLS_ERROR_BYTES, "tls_key %.300s: can't be read", t->key);
	else if (load_chain(i, &cert))
		snprintf(error, TLS_ERROR_BYTES, "tls_cert %.300s: no certificates in PEM",
			 t->cert);
	else if (gnutls_privkey_init(&i->key) < 0 ||
		 gnutls_privkey_import_x509_raw(i->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0) < 0)
		snprintf(error, TLS_ERROR_BYTES, "tls_key %.300s: no key in PEM without a password",
			 t->key);
	else if (check_pair(i))
		snprintf(error, TLS_ERROR_BYTES, "tls_key %.200s is not the key of %.200s", t->key,
			 t->cert);
	else
		err = 0;
	gnutls_free(cert.data);
	if (key.data)
		gnutls_memset(key.data, 0, key.size);
	gnutls_free(key.data);
	if (err)
		identity_free(i);
	else
		*ret = i;
	return err;
}

int tls_reload(struct tls *t, char error[TLS_ERROR_BYTES])
{
	struct identity *fresh;
	int err = load(t, &fresh, error);

	if (err)
		return err;
	pthread_mutex_lock(&t->lock);
	fresh->next = t->now;
	t->now = fresh;
	pthread_mutex_unlock(&t->lock);
	return 0;
}

int tls_new(const char *cert, const char *key, struct tls **ret, char error[TLS_ERROR_BYTES])
{
	struct tls *t = calloc(1, sizeof(*t));
	int err;

	snprintf(error, TLS_ERROR_BYTES, "out of memory");
	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	t->cert = strdup(cert);
	t->key = strdup(key);
	err = t->cert && t->key ? tls_reload(t, error) : -ENOMEM;
	if (err) {
		tls_free(t);
		return err;
	}
	*ret = current = t;
	return 0;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	if (current == t)
		current = NULL;
	while (t->now) {
		struct identity *next = t->now->next;

		identity_free(t->now);
		t->now = next;
	}
	pthread_mutex_destroy(&t->lock);
	free(t->cert);
	free(t->key);
	free(t);
}

int tls_retrieve(gnutls_session_t session, const gnutls_datum_t *ca, int n_ca,
		 const gnutls_pk_algorithm_t *algorithms, int n_algorithms, gnutls_pcert_st **ret,
		 unsigned int *ret_n, gnutls_privkey_t *ret_key)
{
	pthread_mutex_lock(&current->lock);
	*ret = current->now->chain;
	*ret_n = current->now->n;
	*ret_key = current->now->key;
	pthread_mutex_unlock(&current->lock);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The certificate and its key, which can be read again while connections go on. */
#ifndef BD_SERVER_TLS_H
#define BD_SERVER_TLS_H

#include <gnutls/abstract.h>

#define TLS_ERROR_BYTES 512

struct tls;

int tls_new(const char *cert, const char *key, struct tls **ret, char error[TLS_ERROR_BYTES]);
void tls_free(struct tls *t);
/* 0, or -EINVAL and a line: then the old ones stay. */
int tls_reload(struct tls *t, char error[TLS_ERROR_BYTES]);

/* For libmicrohttpd, which has no argument for whose they are: those of the last tls_new(). */
int tls_retrieve(gnutls_session_t session, const gnutls_datum_t *ca, int n_ca,
		 const gnutls_pk_algorithm_t *algorithms, int n_algorithms, gnutls_pcert_st **ret,
		 unsigned int *ret_n, gnutls_privkey_t *ret_key);

#endif

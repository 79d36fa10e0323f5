/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tokens and what they allow. The file DATA/tokens has a line for each: name, scopes, when it was
 * made, and the SHA-256 of the token; a token has 256 random bits, so that no salt and no slow hash
 * would make guessing harder. The file is replaced as a whole; who reads it looks each second
 * whether it has changed.
 */
#ifndef BD_SERVER_TOKENS_H
#define BD_SERVER_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/rate.h"

#define TOKENS_FILE "tokens"
#define TOKEN_HASH_BYTES 32
/* "bd_" and 64 hex digits. */
#define TOKEN_TEXT_BYTES 68
#define TOKEN_NAME_MAX 64
#define TOKENS_MAX 10000
#define TOKENS_ERROR_BYTES 512

enum token_scope { TOKEN_INGEST = 1, TOKEN_READ = 2, TOKEN_ADMIN = 4 };

struct token {
	char name[TOKEN_NAME_MAX + 1];
	unsigned int scopes;
	int64_t created_s;
	uint8_t hash[TOKEN_HASH_BYTES];
	struct rate rate;
};

struct tokens {
	struct token *token;
	size_t n, cap;
};

/* `ingest,read` to a set of scopes: 0 or -EINVAL. And back, into a buffer. */
int token_scopes_parse(const char *text, unsigned int *ret);
void token_scopes_text(unsigned int scopes, char ret[32]);

/* 0 and a list for tokens_release(), empty where there is no file; -EINVAL and the line, -errno. */
int tokens_read(const char *directory, struct tokens *ret, char error[TOKENS_ERROR_BYTES]);
void tokens_release(struct tokens *t);

/* Adds a token of a new name; ret_text is told once and never kept. 0, -EEXIST, -EINVAL, -errno. */
int tokens_create(const char *directory, const char *name, unsigned int scopes,
		  char ret_text[TOKEN_TEXT_BYTES], char error[TOKENS_ERROR_BYTES]);
/* 0, -ENOENT, -errno. */
int tokens_revoke(const char *directory, const char *name, char error[TOKENS_ERROR_BYTES]);

/* The token of that text, or NULL. The time says nothing of how nearly right a wrong one is. */
struct token *tokens_find(struct tokens *t, const char *text);

#endif

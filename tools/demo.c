// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the quickstart watches: a shop that is quiet, until somebody puts very many coupons into it,
 * each of which is tried on each line of each cart.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LINES = 200, COUPONS = 50000 };

static uint32_t lines[LINES], coupons[COUPONS];
static volatile uint64_t sold;

static __attribute__((noinline)) uint32_t checksum(uint32_t value)
{
	for (int i = 0; i < 8; i++)
		value = value & 1 ? value >> 1 ^ 0xedb88320 : value >> 1;
	return value;
}

static __attribute__((noinline)) int match_coupon(uint32_t line, uint32_t coupon)
{
	return checksum(line) == checksum(coupon);
}

static __attribute__((noinline)) int apply_coupons(uint32_t line, int ncoupons)
{
	int applied = 0;

	for (int i = 0; i < ncoupons; i++)
		applied += match_coupon(line, coupons[i]);
	return applied;
}

static __attribute__((noinline)) uint64_t price_cart(int ncoupons)
{
	uint64_t sum = 0;

	for (int i = 0; i < LINES; i++)
		sum += lines[i] - apply_coupons(lines[i], ncoupons);
	return sum;
}

static __attribute__((noinline)) void serve_request(int ncoupons)
{
	sold += price_cart(ncoupons);
}

/* Requests come each 50 ms, or when the one before has been served. */
static void serve(time_t until, int ncoupons)
{
	const struct timespec pause = {0, 50000000};

	while (!until || time(NULL) < until) {
		serve_request(ncoupons);
		if (nanosleep(&pause, NULL))
			exit(1);
	}
}

int main(int argc, char **argv)
{
	int quiet = argc > 1 ? atoi(argv[1]) : 6;

	for (int i = 0; i < LINES; i++)
		lines[i] = 2654435761u * i;
	for (int i = 0; i < COUPONS; i++)
		coupons[i] = 2246822519u * i;
	serve(time(NULL) + quiet, 4);
	serve(0, COUPONS);
}

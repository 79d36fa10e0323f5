// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writes what a daemon would have learned of a client, as files of its state_dir: nobody waits for days
 * in a test.
 *
 *   make_state DIR CLIENT DAYS CPUS WAIT MB THREADS
 *
 * The client has used CPUS, waited for a share WAIT of the time, and held MB of memory and THREADS for
 * that many days until now, a tenth more or less.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "user/lib/detect/band.h"

#define STEP_S 1

static double wobble(double value)
{
	return value * (0.9 + 0.2 * (rand() / (double)RAND_MAX));
}

static void file_write(const char *dir, const char *client, const char *ending, const void *data,
		       size_t size)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/baseline-%s.%s", dir, client, ending);
	f = fopen(path, "we");
	if (!f || fwrite(data, size, 1, f) != 1 || fclose(f)) {
		perror(path);
		exit(1);
	}
}

/* Minutes are each a little different, seconds aren't. */
static void learn(struct baseline *cpu, struct bands *bands, const double usual[METRICS], int days)
{
	struct baseline_options options[METRICS];
	struct baseline_verdict v[METRICS];
	double values[METRICS];
	int64_t now = time(NULL);

	for (int m = 0; m < METRICS; m++) {
		options[m] = baseline_defaults;
		options[m].step_s = STEP_S;
		values[m] = usual[m];
	}
	for (int64_t t = now - days * 86400LL; t < now; t++) {
		for (int m = 0; m < METRICS && t % 60 == 0; m++)
			values[m] = wobble(usual[m]);
		baseline_feed(cpu, t, values[METRIC_CPU], &v[METRIC_CPU]);
		bands_feed(bands, options, t, values, false, v);
	}
}

int main(int argc, char **argv)
{
	struct baseline_options options = baseline_defaults;
	size_t size = baseline_size() + bands_size();
	struct bands *bands = malloc(sizeof(*bands));
	void *bytes = malloc(size);
	struct baseline *cpu;

	options.step_s = STEP_S;
	cpu = baseline_new(&options);
	if (argc != 8 || !bands || !bytes || !cpu) {
		fprintf(stderr, "usage: make_state DIR CLIENT DAYS CPUS WAIT MB THREADS\n");
		return 2;
	}
	const double usual[METRICS] = {
		[METRIC_CPU] = atof(argv[4]),	      [METRIC_WAIT] = atof(argv[5]),
		[METRIC_THROTTLED] = NAN,	      [METRIC_PRESSURE] = NAN,
		[METRIC_MEMORY] = atof(argv[6]) * 0x1p20, [METRIC_THREADS] = atof(argv[7]),
	};

	bands_init(bands);
	learn(cpu, bands, usual, atoi(argv[3]));
	if (baseline_save(cpu, bytes, size) || bands_save(bands, (char *)bytes + baseline_size(), bands_size()))
		return 1;
	file_write(argv[1], argv[2], "cpu", bytes, baseline_size());
	file_write(argv[1], argv[2], "metrics", (char *)bytes + baseline_size(), bands_size());
	baseline_free(cpu);
	free(bands);
	free(bytes);
	return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * What do flows and associations cost when there are many?
 *
 *	bench/scale [--quick] [--json FILE] [--flows N] [--associations N]
 *
 * Time is taken with warm caches, repeated, and the median counts.  Memory is what the kernel
 * says is resident, or what malloc says is handed out: nothing is computed from sizes of
 * structs.  Every size is measured in a process of its own.
 */
#include "scale.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hipproxy/log.h>

#define SIZES_MAX 8

struct list {
	uint64_t n[SIZES_MAX];
	size_t count;
};

struct options {
	bool quick;
	const char *json;
	struct list flows, assocs;
};

/* ---- for all */

double scale_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double scale_median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), ascending);
	return values[n / 2];
}

/* The end of MurmurHash3 (public domain): every step can be undone. */
uint64_t scale_mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccd;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53;
	return x ^ x >> 33;
}

uint64_t scale_resident(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*u %lu", &pages) != 1)
		scale_die("/proc/self/statm cannot be read");
	fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void scale_die(const char *what)
{
	fprintf(stderr, "scale: %s\n", what);
	exit(1);
}

/* ---- one process for each size */

union result {
	struct scale_flows flows;
	struct scale_assocs assocs;
};

static void measure(union result *r, bool flows, uint64_t n, bool quick)
{
	if (flows) {
		scale_flows(&r->flows, n, quick);
		r->flows.pipe_ns = scale_pipe(n, quick);
	} else {
		scale_assocs(&r->assocs, n, quick);
	}
}

static void apart(union result *r, bool flows, uint64_t n, bool quick)
{
	int fd[2], status;
	pid_t child;

	fflush(stdout);
	if (pipe(fd) || (child = fork()) < 0)
		scale_die(strerror(errno));
	if (!child) {
		measure(r, flows, n, quick);
		_exit(write(fd[1], r, sizeof(*r)) == sizeof(*r) ? 0 : 1);
	}
	close(fd[1]);
	if (read(fd[0], r, sizeof(*r)) != sizeof(*r) || waitpid(child, &status, 0) != child ||
	    status)
		scale_die("a measurement failed");
	close(fd[0]);
}

/* ---- reports */

static void flows_row(const struct scale_flows *r)
{
	printf("%8lu %7.0f %7.0f %7.0f %7.1f %7.1f %7.1f %7.1f %7.1f %7.1f %7.1f %7.0f %7.0f\n",
	       (unsigned long)r->n, r->setup_ns, r->churn_ns, r->worst_add_us, r->lookup_ns,
	       r->lookup_hit_ns, r->batch_ns, r->batch_hit_ns, r->lookup_single_ns,
	       r->packet_ns, r->pipe_ns, r->expire_ns, r->bytes);
}

static void assocs_row(const struct scale_assocs *r)
{
	printf("%9lu %8.0f %8.0f %8.0f %8.1f %8.1f %6.1f\n", (unsigned long)r->n, r->setup_per_s,
	       r->bytes[0], r->bytes[1], r->lookup_ns, r->lookup_spi_ns, r->left_bytes);
}

static void flows_json(FILE *f, const struct scale_flows *r, bool last)
{
	fprintf(f,
		"  {\"n\":%lu,\"setup_per_s\":%.0f,\"setup_ns\":%.1f,\"churn_ns\":%.1f,"
		"\"worst_add_us\":%.1f,\"lookup_ns\":%.2f,\"lookup_hit_ns\":%.2f,"
		"\"batch_ns\":%.2f,\"batch_hit_ns\":%.2f,\"lookup_single_ns\":%.2f,"
		"\"packet_ns\":%.2f,\"pipe_ns\":%.2f,\"bytes_per_flow\":%.1f,"
		"\"expire_ns\":%.1f}%s\n",
		(unsigned long)r->n, 1e9 / r->setup_ns, r->setup_ns, r->churn_ns,
		r->worst_add_us, r->lookup_ns, r->lookup_hit_ns, r->batch_ns,
		r->batch_hit_ns, r->lookup_single_ns, r->packet_ns, r->pipe_ns,
		r->bytes, r->expire_ns, last ? "" : ",");
}

static void assocs_json(FILE *f, const struct scale_assocs *r, bool last)
{
	double most = r->bytes[0] > r->bytes[1] ? r->bytes[0] : r->bytes[1];

	fprintf(f,
		"  {\"n\":%lu,\"setup_per_s\":%.1f,\"bytes_per_association\":%.0f,"
		"\"bytes_initiator\":%.0f,\"bytes_responder\":%.0f,\"lookup_ns\":%.2f,"
		"\"lookup_spi_ns\":%.2f,\"left_bytes_per_association\":%.2f}%s\n",
		(unsigned long)r->n, r->setup_per_s, most, r->bytes[0], r->bytes[1],
		r->lookup_ns, r->lookup_spi_ns, r->left_bytes,
		last ? "" : ",");
}

static void write_json(const struct options *o, const union result *flows,
		       const union result *assocs)
{
	FILE *f = fopen(o->json, "w");

	if (!f)
		scale_die(strerror(errno));
	fprintf(f, "{\"scale\":{\n \"flows\":[\n");
	for (size_t i = 0; i < o->flows.count; i++)
		flows_json(f, &flows[i].flows, i + 1 == o->flows.count);
	fprintf(f, " ],\n \"associations\":[\n");
	for (size_t i = 0; i < o->assocs.count; i++)
		assocs_json(f, &assocs[i].assocs, i + 1 == o->assocs.count);
	fprintf(f, " ]\n}}\n");
	if (fclose(f))
		scale_die(strerror(errno));
}

static void run(const struct options *o)
{
	union result flows[SIZES_MAX], assocs[SIZES_MAX];

	if (o->flows.count)
		printf("flows: ns each, but the worst addition in us; memory in octets\n"
		       "lookup: what it adds to a data path of batches; batch: batches alone\n"
		       "pipe: a small datagram out, all in all\n"
		       "%8s %7s %7s %7s %7s %7s %7s %7s %7s %7s %7s %7s %7s\n", "flows", "setup",
		       "churn", "worst", "lookup", "(HIT)", "batch", "(HIT)", "single",
		       "packet", "pipe", "expire", "octets");
	for (size_t i = 0; i < o->flows.count; i++) {
		apart(&flows[i], true, o->flows.n[i], o->quick);
		flows_row(&flows[i].flows);
	}
	if (o->assocs.count)
		printf("associations: octets at Initiator and Responder, lookups in ns; octets more after all\n"
		       "but one have come and gone again\n"
		       "%9s %8s %8s %8s %8s %8s %6s\n", "assocs", "setup/s", "init",
		       "resp", "by HITs", "by SPI", "left");
	for (size_t i = 0; i < o->assocs.count; i++) {
		apart(&assocs[i], false, o->assocs.n[i], o->quick);
		assocs_row(&assocs[i].assocs);
	}
	if (o->json)
		write_json(o, flows, assocs);
}

/* ---- arguments */

static const char usage[] =
	"usage: scale [--quick] [--json FILE] [--flows N]... [--associations N]...\n"
	"sizes given replace all usual ones; 0 of a kind is none of it\n";

static void append(struct list *l, const char *s)
{
	char *end;
	unsigned long long n = strtoull(s, &end, 10);

	if (!*s || *s == '-' || *end || n > 16000000 || l->count == SIZES_MAX)
		scale_die("a size must be a number up to 16000000, eight of them at most");
	if (n)
		l->n[l->count++] = n;
}

static struct options arguments(int argc, char **argv)
{
	static const struct option table[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "json", required_argument, NULL, 'j' },
		{ "flows", required_argument, NULL, 'f' },
		{ "associations", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .json = NULL };
	bool given = false;
	int c;

	while ((c = getopt_long(argc, argv, "qj:f:a:h", table, NULL)) != -1) {
		switch (c) {
		case 'q':
			o.quick = true;
			break;
		case 'j':
			o.json = optarg;
			break;
		case 'f':
		case 'a':
			append(c == 'f' ? &o.flows : &o.assocs, optarg);
			given = true;
			break;
		default:
			fputs(usage, c == 'h' ? stdout : stderr);
			exit(c == 'h' ? 0 : 2);
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		exit(2);
	}
	if (!given) {
		o.flows = (struct list){ { 1000, 10000, 100000, 1000000 }, 4 };
		o.assocs = (struct list){ { 10, 1000, 10000 }, 3 };
	}
	return o;
}

int main(int argc, char **argv)
{
	struct options o = arguments(argc, argv);

	hp_log_level_all(HP_LOG_ERROR);
	run(&o);
	return 0;
}

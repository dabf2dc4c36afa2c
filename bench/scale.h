/* SPDX-License-Identifier: MIT
 *
 * What the files of bench/scale share.
 */
#ifndef HP_BENCH_SCALE_H
#define HP_BENCH_SCALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scale_flows {
	uint64_t n;
	double setup_ns;         /* a new flow while the table fills, port choice included */
	double churn_ns;         /* with n flows there: one goes, another one comes */
	double worst_add_us;     /* the slowest single one while the table fills */
	double lookup_ns;        /* by the legacy name, in batches and among other work, as the
				  * data path does: what it adds to that work */
	double lookup_hit_ns;    /* by the HIT name, likewise */
	double batch_ns, batch_hit_ns; /* in batches with nothing in between */
	double lookup_single_ns; /* by the legacy name, each waits for the one before */
	double packet_ns;        /* lookup in bare batches, and tracking of a packet */
	double pipe_ns;          /* a small datagram out, through all of the pipeline */
	double expire_ns;
	double bytes;            /* of resident memory, a flow */
};

struct scale_assocs {
	uint64_t n;
	double setup_per_s;   /* whole base exchanges, both ends on one processor */
	double bytes[2];      /* of memory, an association: Initiator, Responder */
	double lookup_ns;     /* by the pair of HITs */
	double lookup_spi_ns; /* by SPI */
	double left_bytes; /* memory more of both ends, an association, after all but one have come and
			    * gone again */
};

/* Measures; n must not be 0.  quick: fewer repetitions. */
void scale_flows(struct scale_flows *r, uint64_t n, bool quick);
double scale_pipe(uint64_t n, bool quick); /* struct scale_flows.pipe_ns */
void scale_assocs(struct scale_assocs *r, uint64_t n, bool quick);

/* Seconds of CLOCK_MONOTONIC. */
double scale_now(void);
double scale_median(double *values, size_t n); /* sorts them */
uint64_t scale_mix(uint64_t x);                /* a bijection that looks random */
uint64_t scale_resident(void);                 /* octets of this process in memory */
/* Says what went wrong and ends. */
void scale_die(const char *what) __attribute__((noreturn));

#endif

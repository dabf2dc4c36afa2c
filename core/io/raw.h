/* SPDX-License-Identifier: MIT
 *
 * HIP (protocol 139, RFC 7401) and ESP (protocol 50, RFC 4303) over IPv4 and IPv6 by raw
 * sockets.
 *
 * Fragments are reassembled and, where allowed, made by the kernel.  Our own packets
 * carry the configured mark, so that capture rules can tell them.
 */
#ifndef HP_IO_RAW_H
#define HP_IO_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/assoc.h>

#include "esp/arrived.h"
#include "io/err.h"
#include "io/loop.h"
#include "wire/quote.h"

struct hp_raw;

enum hp_raw_refusal {
	HP_RAW_ACCEPTED,    /* it is no refusal */
	HP_RAW_NO_PROTO,    /* the host has no such protocol */
	HP_RAW_PROHIBITED,  /* something on the way, or on the host, forbids it */
	HP_RAW_UNREACHABLE, /* the host or its network can't be reached */
};

/* What a socket's error queue says (RFC 792, RFC 1812, RFC 4443). */
struct sock_extended_err;
enum hp_raw_refusal hp_raw_refusal(const struct sock_extended_err *e);

struct hp_raw_cfg {
	uint32_t mark; /* SO_MARK on everything sent; 0: none */
};

struct hp_raw_ops {
	void *ctx;
	/* One HIP message; path->src is our address, path->dst where it came from.
	 * Borrowed. */
	void (*hip)(void *ctx, const struct hp_path *path, const uint8_t *msg,
		    size_t len);
	/* n runs of ESP packets that were received together, borrowed. */
	void (*esp)(void *ctx, const struct hp_esp_arrived *r, unsigned int n);
	/* An ICMP error about a HIP message of ours to dst.  A hint: anyone can forge it.  May
	 * be NULL. */
	void (*hip_refused)(void *ctx, const struct hp_addr *dst, enum hp_raw_refusal how);
	/* An ICMP error says that this packet was too long for a link of so many octets (IPv4: 0
	 * from old routers).  A claim: anyone can forge it.  May be NULL. */
	void (*too_big)(void *ctx, const struct hp_quote *q, uint32_t mtu);
};

struct hp_raw_counts {
	uint64_t hip_in, hip_out, esp_in, esp_out, esp_in_bytes, esp_out_bytes;
	uint64_t malformed; /* received, shorter than headers say, or cut */
	uint64_t full;	    /* not sent: the socket's or the device's queue was full */
	uint64_t errors;    /* not sent for other reasons, -EMSGSIZE apart */
};

/* n ESP packets back to back, each seg octets but the last one, which has last. */
struct hp_raw_run {
	const uint8_t *data;
	uint32_t n, seg, last;
	uint8_t tos, ttl; /* of the outer header; ttl 0: the kernel's default */
	bool df;	  /* never fragmented: -EMSGSIZE instead */
};

/* IPv6 is left out if the kernel has none.  0 and *out, or -errno with a sentence in err.
 */
int hp_raw_open(struct hp_loop *loop, const struct hp_raw_cfg *cfg,
		const struct hp_raw_ops *ops, struct hp_raw **out, struct hp_io_err *err);
void hp_raw_close(struct hp_raw *raw);

/* For ESP the kernel's path MTU is not asked: anybody's ICMP error changes it.
 * path->src zero: the kernel chooses.  path->dport must be 0.  Errors: -EMSGSIZE larger
 * than the first link's MTU (df) or than 65535 octets, -EAGAIN queue full, -EAFNOSUPPORT,
 * -EINVAL source not ours, and what routing says (-ENETUNREACH, ...). */
int hp_raw_hip_send(struct hp_raw *raw, const struct hp_path *path, const void *msg,
		    size_t len);
/* Sends the run.  0: all of it.  Otherwise the error of the first packet that could not be
 * sent, and *lost says how many were not sent.  A refused packet does not take others along;
 * only a full queue (-EAGAIN) ends the run early. */
int hp_raw_esp_send(struct hp_raw *raw, const struct hp_path *path,
		    const struct hp_raw_run *run, uint32_t *lost);

/* A run without df over IPv6, native or in UDP: packets longer than mtu (with IP header) leave in
 * fragments of at most that length.  No router makes them, and the kernel makes them as the link
 * requires.  As hp_raw_esp_send; also -EADDRNOTAVAIL: path->src is zero. */
int hp_raw_pieces_send(struct hp_raw *raw, const struct hp_path *path,
		       const struct hp_raw_run *run, unsigned int mtu, uint32_t *lost);

/* The HIP message of len octets that came by path (native or in UDP) is wrong at octet `at`: its
 * sender gets an ICMP Parameter Problem (RFC 7401, section 5.4).  0 or -errno. */
int hp_raw_problem_send(struct hp_raw *raw, const struct hp_path *path, const void *msg,
			size_t len, size_t at);

const struct hp_raw_counts *hp_raw_counts(const struct hp_raw *raw);

#endif

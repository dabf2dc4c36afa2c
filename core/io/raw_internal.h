/* SPDX-License-Identifier: MIT
 *
 * What raw.c (receiving), rawsock.c (opening), rawsend.c and rawicmp.c share.
 */
#ifndef HP_IO_RAW_INTERNAL_H
#define HP_IO_RAW_INTERNAL_H

#include "io/pool.h"
#include "io/raw.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define RAW_BATCH 64
#define RAW_ROOM  2048  /* octets for most packets, close together */
#define RAW_SPILL 65536 /* what of a packet does not fit there */
#define RAW_SLOT  (RAW_ROOM + RAW_SPILL) /* a spill, and what precedes it in the packet */
#define RAW_PIECES (2 * 65536)
#define RAW_CTRL_ROOM                                                                    \
	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int)))
#define RAW_HIP_MAX 4096 /* RFC 7401, 5.1: at most 2048 octets and an IPv4 header */

struct raw_family {
	struct hp_raw *raw;
	int family;   /* AF_INET or AF_INET6 */
	int hip;      /* sends and receives; fragments what is too long */
	int esp_df;   /* sends and receives; never fragments */
	int esp_frag; /* sends only; fragments what is too long */
	int icmp;     /* errors about ESP come in, errors about HIP go out */
	int whole;    /* IPv6: sends only, with headers of ours */
	struct hp_watch hip_watch, esp_watch, icmp_watch;
};

struct hp_raw {
	struct hp_loop *loop;
	struct hp_raw_ops ops;
	uint32_t mark;
	struct hp_raw_counts counts;
	struct raw_family v4, v6;
	uint8_t *room;  /* RAW_BATCH pieces of RAW_ROOM */
	uint32_t piece_id; /* RFC 8200, section 4.5: of the next packet in fragments */
	uint8_t *spill; /* RAW_BATCH pieces of RAW_SLOT, address space until used */
	uint8_t *pieces; /* RAW_PIECES octets: a packet that is sent in pieces (rawpieces.c) */
};

/* Opens f's sockets.  0 or -errno with a sentence. */
int raw_sockets_open(struct raw_family *f, struct hp_io_err *err);
void raw_sockets_close(struct raw_family *f);
/* raw.c: what the outer header says. */
struct raw_outer {
	struct hp_addr src, dst;
	uint8_t ttl, tos;
	size_t hlen; /* octets of IP header in front of what was received */
};
bool raw_outer_read(const struct raw_family *f, struct msghdr *m, const uint8_t *p, size_t len,
		    struct raw_outer *o);

/* rawicmp.c */
void raw_icmp_ready(void *ctx, uint32_t events);
/* Only errors about packets that are too long get to this socket.  0 or -errno. */
int raw_icmp_filter(int fd, int family);
/* rawsend.c: an ICMP message from path->src to path->dst. */
int raw_icmp_send(struct hp_raw *raw, const struct hp_path *path, const void *msg, size_t len);

#endif

/* SPDX-License-Identifier: MIT
 *
 * What udp.c (opening, receiving) and udpsend.c share.
 */
#ifndef HP_IO_UDP_INTERNAL_H
#define HP_IO_UDP_INTERNAL_H

#include "io/pool.h"
#include "io/udp.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define ENCAP_BATCH  8     /* datagrams, or runs of them, a round: they stay in the cache */
#define ENCAP_BUFFER 65536
#define ENCAP_CTRL_ROOM                                                                  \
	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + 3 * CMSG_SPACE(sizeof(int)))

struct encap_family {
	struct hp_encap *e;
	int family; /* AF_INET or AF_INET6 */
	int fd;     /* -1: none */
	bool df;    /* the socket's present setting */
	unsigned int piece; /* IPv6, also: fragments of at most so many octets; 0: the link's */
	bool gro;
	struct hp_watch watch;
};

struct hp_encap {
	struct hp_loop *loop;
	struct hp_raw_ops ops;
	uint32_t mark;
	uint16_t port;
	bool no_segment; /* the kernel refused UDP_SEGMENT */
	struct hp_encap_counts counts;
	struct encap_family v4, v6;
	uint8_t *room; /* ENCAP_BATCH buffers */
};

/* Lets the family's packets be fragmented, over IPv6 into pieces of at most so many octets (0: as
 * the link permits), or not.  0 or -errno. */
int encap_set_df(struct encap_family *f, bool df, unsigned int piece);

#endif

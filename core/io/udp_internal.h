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

/* The kernel's limits on UDP_SEGMENT. */
#define ENCAP_SEGMENTS 64
#define ENCAP_BYTES    65000

#define ENCAP_BATCH  8     /* datagrams, or runs of them, a round: they stay in the cache */
#define ENCAP_BUFFER 65536
#define ENCAP_CTRL_ROOM                                                                  \
	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + 3 * CMSG_SPACE(sizeof(int)))

struct encap_family {
	struct hp_outer_port *e;
	int family; /* AF_INET or AF_INET6 */
	int fd;     /* -1: none */
	int discover; /* the socket's present setting, ENCAP_... */
	bool gro;
	struct hp_watch watch;
};

struct hp_outer_port {
	struct hp_loop *loop;
	struct hp_encap_ops ops;
	uint32_t mark;
	uint16_t port;
	bool no_segment; /* the kernel refused UDP_SEGMENT */
	struct hp_encap_counts counts;
	struct encap_family v4, v6;
	uint8_t *room; /* ENCAP_BATCH buffers */
};

/* What the kernel does with what is too long; the numbers are the same for IPv6.  Only control
 * messages go by the path MTU that the kernel has heard of: anybody can change that. */
enum {
	ENCAP_WHOLE = IP_PMTUDISC_PROBE,  /* refuses what the link can't carry */
	ENCAP_CUT = IP_PMTUDISC_OMIT,     /* fragments as the link requires */
	ENCAP_CUT_MORE = IP_PMTUDISC_DONT /* fragments as the path requires */
};
/* 0 or -errno. */
int encap_discover(struct encap_family *f, int how);

#endif

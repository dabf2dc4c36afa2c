/* SPDX-License-Identifier: MIT
 *
 * UDP ports of plugins: one socket a family on one port.
 *
 * Runs of equal datagrams leave by one call (UDP_SEGMENT) and come in by one (UDP_GRO).  What is in
 * them is not looked at here.  Names begin with hp_encap because hp_udp is the header's (wire/udp.h).
 */
#ifndef HP_IO_UDP_H
#define HP_IO_UDP_H

#include <stdint.h>

#include <hipproxy/outer.h>

#include "io/raw.h"

struct hp_encap_cfg {
	uint32_t mark; /* SO_MARK on everything sent; 0: none */
	uint16_t port; /* host order */
};

struct hp_encap_ops {
	void *ctx;
	/* n runs that were received together, as HP_OUTER_DATAGRAMS; their octets may be written to.
	 * Borrowed. */
	void (*arrived)(void *ctx, struct hp_outer_run *r, unsigned int n);
};

struct hp_encap_counts {
	uint64_t in, out, in_bytes, out_bytes;
	uint64_t malformed; /* source or destination missing, or cut by the kernel */
	uint64_t full;      /* not sent: the socket's or the device's queue was full */
	uint64_t errors;    /* not sent for other reasons, -EMSGSIZE apart */
};

/* IPv6 is left out if the kernel has none.  0 and *out, or -errno with a sentence in err. */
int hp_encap_open(struct hp_loop *loop, const struct hp_encap_cfg *cfg,
		  const struct hp_encap_ops *ops, struct hp_outer_port **out, struct hp_io_err *err);
void hp_encap_close(struct hp_outer_port *e);
/* The sockets of IPv4 (0) and IPv6 (1); -1: none. */
int hp_encap_fd(const struct hp_outer_port *e, int i);

/* As hp_raw_hip_send (one datagram, fragmented where it must be) and hp_raw_esp_send, to
 * path->dport, from the socket's own port.  A run may be longer than UDP_SEGMENT allows: it is
 * cut. */
int hp_encap_control_send(struct hp_outer_port *e, const struct hp_path *path, const void *data,
			  size_t len);
int hp_encap_run_send(struct hp_outer_port *e, const struct hp_path *path,
		      const struct hp_raw_run *run, uint32_t *lost);

const struct hp_encap_counts *hp_encap_counts(const struct hp_outer_port *e);

#endif

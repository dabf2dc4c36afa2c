/* SPDX-License-Identifier: MIT
 *
 * HIP and ESP in UDP (RFC 5770, section 5.1): one socket a family on one port.
 *
 * Runs of equal ESP packets leave by one call (UDP_SEGMENT) and come in by one (UDP_GRO).
 * What is neither HIP nor ESP is counted and dropped here; names begin with hp_encap because
 * hp_udp is the header's (wire/udp.h).
 */
#ifndef HP_IO_UDP_H
#define HP_IO_UDP_H

#include <stdint.h>

#include "io/raw.h"

struct hp_encap;

struct hp_encap_cfg {
	uint32_t mark; /* SO_MARK on everything sent; 0: none */
	uint16_t port; /* host order */
};

struct hp_encap_counts {
	uint64_t hip_in, hip_out, esp_in, esp_out, esp_in_bytes, esp_out_bytes;
	uint64_t runt;      /* too short for HIP and for ESP */
	uint64_t reserved;  /* SPI 1 to 255 */
	uint64_t oversized; /* longer than a HIP message can be */
	uint64_t malformed; /* source or destination missing, or cut by the kernel */
	uint64_t full;      /* not sent: the socket's or the device's queue was full */
	uint64_t errors;    /* not sent for other reasons, -EMSGSIZE apart */
};

/* ops as for raw sockets: paths and packets have ports, source addresses and ports being those
 * of the outer header.  IPv6 is left out if the kernel has none.  0 and *out, or -errno with a
 * sentence in err. */
int hp_encap_open(struct hp_loop *loop, const struct hp_encap_cfg *cfg,
		  const struct hp_raw_ops *ops, struct hp_encap **out, struct hp_io_err *err);
void hp_encap_close(struct hp_encap *e);
/* The sockets of IPv4 (0) and IPv6 (1); -1: none. */
int hp_encap_fd(const struct hp_encap *e, int i);

/* As hp_raw_hip_send and hp_raw_esp_send, to path->dport, from the socket's own port.  A run
 * may be longer than UDP_SEGMENT allows: it is cut. */
int hp_encap_hip_send(struct hp_encap *e, const struct hp_path *path, const void *msg,
		      size_t len);
int hp_encap_esp_send(struct hp_encap *e, const struct hp_path *path,
		      const struct hp_raw_run *run, uint32_t *lost);

const struct hp_encap_counts *hp_encap_counts(const struct hp_encap *e);

#endif

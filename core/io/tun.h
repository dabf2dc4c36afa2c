/* SPDX-License-Identifier: MIT
 *
 * The TUN device: plain packets to the kernel, and packets that applications on this host
 * send to HITs.  With a virtio_net_hdr in front, so that super-packets and unfinished
 * checksums cross it whole.
 */
#ifndef HP_IO_TUN_H
#define HP_IO_TUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/packet.h>

#include "io/err.h"
#include "io/loop.h"
#include "io/pool.h"

struct hp_tun;

struct hp_tun_cfg {
	const char *name;	     /* "hip0": below 16 octets */
	unsigned int mtu;	     /* octets, 1280..65535 */
	unsigned int txqueuelen;     /* packets; 0: 4000 */
	const struct hp_addr *addrs; /* host role: our HITs; none for a pure proxy */
	size_t n_addrs;
};

/* p is the callee's; data .. len is the IP packet, not dissected yet; gso, gso_size and
 * csum_partial are set, dir is HP_OUTBOUND. */
typedef void (*hp_tun_fn)(void *ctx, struct hp_packet *p);

struct hp_tun_counts {
	uint64_t in_packets, in_bytes, out_packets, out_bytes;
	uint64_t no_buffer; /* read and thrown away because the pool was empty */
	uint64_t malformed; /* read with a header we cannot use */
	uint64_t errors;    /* writes the kernel refused */
};

/* Makes the device, up, with addresses, and (if it has any) the route 2001:20::/28 (RFC
 * 7343). It is gone when the process is.  0 and *out, or -errno with a sentence in err.
 */
int hp_tun_open(struct hp_loop *loop, struct hp_pool *pool, const struct hp_tun_cfg *cfg,
		hp_tun_fn on_packet, void *ctx, struct hp_tun **out,
		struct hp_io_err *err);
void hp_tun_close(struct hp_tun *tun);
/* May hp_tun_open be given this name?  0, or -EEXIST: it is an interface of another kind. */
int hp_tun_name_check(const char *name);

/* One packet to the kernel; p is borrowed and needs family, proto and l4_off.
 * csum_partial is honoured; gso_size not 0 makes it a super-packet of TCP, or of datagrams
 * where the kernel takes those, which must be csum_partial.  0, -EINVAL neither TCP nor UDP, or a
 * super-packet with a complete checksum, -EAGAIN the device's queue is full, or another -errno of
 * the kernel. */
int hp_tun_write(struct hp_tun *tun, const struct hp_packet *p);
/* Does the kernel take super-packets of datagrams (Linux 6.2 and later)? */
bool hp_tun_takes_datagrams(const struct hp_tun *tun);

/* An address (an identity) more or less, /128.  Having it, or not having it, already is
 * no error.  0 or -errno. */
int hp_tun_addr_add(struct hp_tun *tun, const struct hp_addr *addr);
int hp_tun_addr_del(struct hp_tun *tun, const struct hp_addr *addr);

/* Packets to this prefix are routed to the device, and come to on_packet.  0 or -errno. */
int hp_tun_route(struct hp_tun *tun, const struct hp_prefix *to);

/* If somebody has deleted the device it is made again, with its addresses; if it was taken down, or
 * given another MTU, it is taken up with its own.  1 if there was something to do, 0, or -errno with a sentence. */
int hp_tun_restore(struct hp_tun *tun, struct hp_io_err *err);

/* Where all HITs are: 2001:20::/28. */
extern const struct hp_prefix hp_tun_hits;

int hp_tun_index(const struct hp_tun *tun);
const char *hp_tun_name(const struct hp_tun *tun);
const struct hp_tun_counts *hp_tun_counts(const struct hp_tun *tun);

#endif

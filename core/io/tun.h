/* SPDX-License-Identifier: MIT
 *
 * Packets of the TUN device: plain packets to the kernel, and packets that applications on this host
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
#include "io/tundev.h"
#include "pipe/pipe.h"

struct hp_tun;

/* There are packets: each call of from->next reads one, which is the callee's; NULL: this is all for
 * now.  Of each: data .. len is the IP packet, not dissected yet; gso, gso_size and csum_partial are
 * set, dir is HP_OUTBOUND. */
typedef void (*hp_tun_fn)(void *ctx, struct hp_packets *from);

struct hp_tun_counts {
	uint64_t in_packets, in_bytes, out_packets, out_bytes;
	uint64_t no_buffer; /* read and thrown away because the pool was empty */
	uint64_t malformed; /* read with a header we cannot use */
	uint64_t errors;    /* writes the kernel refused */
	uint64_t late;	    /* had waited for a daemon for too long, and were thrown away */
};

/* Takes the descriptor of a TUN device (tundev.h) and sets its offloads.  name: of the device.  0 and
 * *out, and the descriptor belongs to it; or -errno with a sentence in err. */
int hp_tun_open(struct hp_loop *loop, struct hp_pool *pool, int fd, const char *name,
		hp_tun_fn on_burst, void *ctx, struct hp_tun **out, struct hp_io_err *err);
/* The device was made again: this is its descriptor from now on.  As hp_tun_open. */
int hp_tun_replace(struct hp_tun *tun, int fd, struct hp_io_err *err);
void hp_tun_close(struct hp_tun *tun);
/* Throws away what has waited in the device's queue, and counts it. */
void hp_tun_discard(struct hp_tun *tun);
/* The descriptor, which stays the device's. */
int hp_tun_fd(const struct hp_tun *tun);

/* One packet to the kernel; p is borrowed and needs family, proto and l4_off.
 * csum_partial is honoured; gso_size not 0 makes it a super-packet of TCP, or of datagrams
 * where the kernel takes those, which must be csum_partial.  0, -EINVAL neither TCP nor UDP, or a
 * super-packet with a complete checksum, -EAGAIN the device's queue is full, or another -errno of
 * the kernel. */
int hp_tun_write(struct hp_tun *tun, const struct hp_packet *p);
/* Does the kernel take super-packets of datagrams (Linux 6.2 and later)? */
bool hp_tun_takes_datagrams(const struct hp_tun *tun);

const char *hp_tun_name(const struct hp_tun *tun);
const struct hp_tun_counts *hp_tun_counts(const struct hp_tun *tun);

#endif

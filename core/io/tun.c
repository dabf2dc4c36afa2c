/* SPDX-License-Identifier: MIT
 *
 * Packets of the TUN device (see tun.h).  Making it: tundev.c.
 */
#include "io/tun.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/list.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include "wire/udp.h"
#include "xlat/xlat.h"

#define READS_PER_ROUND HP_PIPE_BURST
#define DISCARD_MAX	65536 /* somebody may send as fast as we read */

/* Linux 6.2; headers may be older. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

struct hp_tun {
	struct hp_loop *loop;
	struct hp_pool *pool;
	struct hp_watch watch;
	hp_tun_fn on_burst;
	void *ctx;
	int fd;
	bool uso; /* super-packets of datagrams */
	char name[IFNAMSIZ];
	struct hp_tun_counts counts;
};

/* ---- from the kernel */

/* What the virtio header says about the packet; false: something we did not ask for. */
static bool vnet_read(const struct virtio_net_hdr *v, struct hp_packet *p)
{
	uint8_t type = v->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;

	p->csum_partial = v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	if (type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_TCPV6 &&
	    type != VIRTIO_NET_HDR_GSO_UDP_L4)
		return false;
	p->gso = true;
	p->gso_size = v->gso_size;
	return v->gso_size != 0;
}

/* One look at the device. */
struct look {
	struct hp_packets packets;
	struct hp_tun *tun;
	int left; /* reads */
};

/* False: nothing more to read now.  True: *out is the packet, or NULL. */
static bool packet_read(struct hp_tun *tun, struct hp_packet **out)
{
	struct virtio_net_hdr v;
	struct hp_packet *p = hp_pool_get(tun->pool);
	struct iovec iov[2] = {{&v, sizeof(v)}, {NULL, 0}};
	ssize_t n;

	*out = NULL;
	if (p)
		iov[1] = (struct iovec){p->data, p->cap - HP_PACKET_HEADROOM};
	n = readv(tun->fd, iov, p ? 2 : 1);
	if (n < 0) {
		hp_pool_put(tun->pool, p);
		/* Without its device a descriptor is always ready; hp_tun_replace comes. */
		if (errno == EBADFD)
			hp_loop_del(tun->loop, &tun->watch);
		return errno == EINTR;
	}
	if (!p) {
		tun->counts.no_buffer++;
		return true;
	}
	if (n <= (ssize_t)sizeof(v) || !vnet_read(&v, p)) {
		tun->counts.malformed++;
		hp_pool_put(tun->pool, p);
		return true;
	}
	p->len = (size_t)n - sizeof(v);
	p->dir = HP_OUTBOUND;
	tun->counts.in_packets++;
	tun->counts.in_bytes += p->len;
	*out = p;
	return true;
}

static struct hp_packet *next(struct hp_packets *self)
{
	struct look *l = HP_CONTAINER(self, struct look, packets);
	struct hp_packet *p = NULL;

	while (!p && l->left > 0) {
		l->left--;
		if (!packet_read(l->tun, &p))
			l->left = 0;
	}
	return p;
}

/* A packet that comes alone leaves at once, without a look for others: if there are any, the
 * next round comes at once, and that is not a quiet one. */
static void tun_ready(void *ctx, uint32_t events)
{
	struct hp_tun *tun = ctx;
	struct look l = {{next}, tun, hp_loop_quiet(tun->loop) ? 1 : READS_PER_ROUND};

	(void)events;
	tun->on_burst(tun->ctx, &l.packets);
}

/* ---- to the kernel */

static int vnet_csum(struct virtio_net_hdr *v, const struct hp_packet *p)
{
	int off = hp_proto_csum_off(p->proto);

	if (off < 0 || (size_t)p->l4_off + (size_t)off + 2 > p->len)
		return -EINVAL;
	v->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	v->csum_start = p->l4_off;
	v->csum_offset = (uint16_t)off;
	return 0;
}

/* Octets of the transport header, or -EINVAL: cut in two, or nothing the kernel can divide. */
static int l4_hlen(const struct hp_packet *p)
{
	size_t left = p->len - p->l4_off, n = HP_UDP_HLEN;

	if (p->proto == HP_PROTO_TCP && left >= HP_TCP_HLEN)
		n = (size_t)(p->data[p->l4_off + HP_TCP_OFF_DOFF] >> 4) * 4;
	else if (p->proto != HP_PROTO_UDP)
		return -EINVAL;
	return n <= left ? (int)n : -EINVAL;
}

static uint8_t gso_type(const struct hp_packet *p)
{
	uint8_t type = p->family == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;

	if (p->proto == HP_PROTO_UDP)
		return VIRTIO_NET_HDR_GSO_UDP_L4;
	if (p->data[p->l4_off + HP_TCP_OFF_FLAGS] & HP_TCP_CWR)
		type |= VIRTIO_NET_HDR_GSO_ECN;
	return type;
}

static int vnet_gso(struct virtio_net_hdr *v, const struct hp_packet *p)
{
	int hlen = p->csum_partial && p->len >= p->l4_off ? l4_hlen(p) : -EINVAL;
	size_t head;

	if (hlen < 0)
		return hlen;
	head = p->l4_off + (size_t)hlen;
	/* One segment's worth needs no cutting. */
	if (p->len - head <= p->gso_size)
		return 0;
	v->gso_type = gso_type(p);
	v->gso_size = p->gso_size;
	v->hdr_len = (uint16_t)head;
	return 0;
}

int hp_tun_write(struct hp_tun *tun, const struct hp_packet *p)
{
	struct virtio_net_hdr v = {.gso_type = VIRTIO_NET_HDR_GSO_NONE};
	struct iovec iov[2] = {{&v, sizeof(v)}, {p->data, p->len}};
	int err = p->csum_partial ? vnet_csum(&v, p) : 0;

	if (!err && p->gso_size)
		err = vnet_gso(&v, p);
	if (err)
		return err;
	if (writev(tun->fd, iov, 2) < 0) {
		err = -errno;
		tun->counts.errors++;
		return err;
	}
	tun->counts.out_packets++;
	tun->counts.out_bytes += p->len;
	return 0;
}

/* ---- the descriptor */

static int offloads(struct hp_tun *tun, int fd, struct hp_io_err *e)
{
	unsigned int flags = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	int size = (int)sizeof(struct virtio_net_hdr);

	tun->uso = !ioctl(fd, TUNSETOFFLOAD, flags | TUN_F_USO4 | TUN_F_USO6);
	if (ioctl(fd, TUNSETVNETHDRSZ, &size) || (!tun->uso && ioctl(fd, TUNSETOFFLOAD, flags)))
		return hp_io_fail(e, -errno,
				  "TUN device %s: the kernel refuses offloads: %s",
				  tun->name, strerror(errno));
	return 0;
}

int hp_tun_replace(struct hp_tun *tun, int fd, struct hp_io_err *e)
{
	int err = offloads(tun, fd, e);

	if (err)
		return err;
	hp_loop_del(tun->loop, &tun->watch);
	if (tun->fd >= 0)
		close(tun->fd);
	tun->fd = fd;
	err = hp_loop_add(tun->loop, &tun->watch, fd, EPOLLIN, tun_ready, tun);
	return err ? hp_io_fail(e, err, "TUN device %s: %s", tun->name, strerror(-err)) : 0;
}

int hp_tun_open(struct hp_loop *loop, struct hp_pool *pool, int fd, const char *name,
		hp_tun_fn on_burst, void *ctx, struct hp_tun **out, struct hp_io_err *e)
{
	struct hp_tun *tun = calloc(1, sizeof(*tun));
	int err;

	if (!tun)
		return hp_io_fail(e, -ENOMEM, "TUN device: out of memory");
	tun->fd = -1;
	tun->loop = loop;
	tun->pool = pool;
	tun->on_burst = on_burst;
	tun->ctx = ctx;
	snprintf(tun->name, sizeof(tun->name), "%s", name);
	err = hp_tun_replace(tun, fd, e);
	if (err) {
		if (tun->fd == fd)
			tun->fd = -1; /* stays the caller's */
		hp_tun_close(tun);
		return err;
	}
	*out = tun;
	return 0;
}

void hp_tun_close(struct hp_tun *tun)
{
	if (!tun)
		return;
	hp_loop_del(tun->loop, &tun->watch);
	if (tun->fd >= 0)
		close(tun->fd);
	free(tun);
}

void hp_tun_discard(struct hp_tun *tun)
{
	char head[64];

	for (int i = 0; i < DISCARD_MAX && read(tun->fd, head, sizeof(head)) > 0; i++)
		tun->counts.late++;
}

int hp_tun_fd(const struct hp_tun *tun)
{
	return tun->fd;
}

const char *hp_tun_name(const struct hp_tun *tun)
{
	return tun->name;
}

bool hp_tun_takes_datagrams(const struct hp_tun *tun)
{
	return tun->uso;
}

const struct hp_tun_counts *hp_tun_counts(const struct hp_tun *tun)
{
	return &tun->counts;
}

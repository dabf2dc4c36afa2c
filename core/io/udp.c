/* SPDX-License-Identifier: MIT
 *
 * UDP ports of plugins: opening and receiving (see udp.h).
 */
#include "io/udp_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hipproxy/log.h>

#include "wire/ip.h"

#define RCVBUF (64 << 20)
#define SNDBUF (16 << 20)

/* One received buffer: a datagram, or several of equal length and a last one, back to back. */
struct arrived {
	struct hp_addr src, dst;
	uint16_t sport;
	uint8_t ttl, tos;
	size_t seg; /* octets of each datagram */
};

/* ---- what the kernel tells beside the octets */

static bool take_pktinfo(const struct cmsghdr *c, struct arrived *a)
{
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
	    c->cmsg_len >= CMSG_LEN(sizeof(struct in_pktinfo))) {
		struct in_pktinfo info;

		memcpy(&info, CMSG_DATA(c), sizeof(info));
		a->dst = hp_addr_from4(info.ipi_addr.s_addr);
		return true;
	}
	if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO &&
	    c->cmsg_len >= CMSG_LEN(sizeof(struct in6_pktinfo))) {
		struct in6_pktinfo info;

		memcpy(&info, CMSG_DATA(c), sizeof(info));
		a->dst = hp_addr_from6(&info.ipi6_addr);
		return true;
	}
	return false;
}

/* Numbers come as int, but IPv4's TOS as one octet. */
static int number(const struct cmsghdr *c)
{
	int v = 0;
	uint16_t half;

	if (c->cmsg_len >= CMSG_LEN(sizeof(v))) {
		memcpy(&v, CMSG_DATA(c), sizeof(v));
		return v;
	}
	if (c->cmsg_len >= CMSG_LEN(sizeof(half))) {
		memcpy(&half, CMSG_DATA(c), sizeof(half));
		return half;
	}
	return c->cmsg_len > CMSG_LEN(0) ? *CMSG_DATA(c) : 0;
}

static void take_number(const struct cmsghdr *c, struct arrived *a)
{
	int v = number(c);

	if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
	    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT))
		a->ttl = (uint8_t)v;
	else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) ||
		 (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS))
		a->tos = (uint8_t)v;
	else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO && v > 0)
		a->seg = (size_t)v;
}

/* False: cut, or an address is missing. */
static bool read_arrived(const struct encap_family *f, struct msghdr *m, size_t len,
			 struct arrived *a)
{
	bool have_dst = false;

	if (m->msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return false;
	*a = (struct arrived){ .seg = len };
	if (f->family == AF_INET) {
		const struct sockaddr_in *from = m->msg_name;

		a->src = hp_addr_from4(from->sin_addr.s_addr);
		a->sport = ntohs(from->sin_port);
	} else {
		const struct sockaddr_in6 *from = m->msg_name;

		a->src = hp_addr_from6(&from->sin6_addr);
		a->sport = ntohs(from->sin6_port);
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (take_pktinfo(c, a))
			have_dst = true;
		else
			take_number(c, a);
	}
	return have_dst && a->sport;
}

/* ---- giving it on */

/* False: it is malformed, and counted. */
static bool run_of(struct encap_family *f, struct msghdr *m, size_t len, struct hp_outer_run *r)
{
	struct hp_outer_port *e = f->e;
	struct arrived a;

	if (!read_arrived(f, m, len, &a)) {
		e->counts.malformed++;
		return false;
	}
	*r = (struct hp_outer_run){ .kind = HP_OUTER_DATAGRAMS, .port = e,
				    .data = m->msg_iov->iov_base, .ttl = a.ttl, .tos = a.tos };
	r->path = (struct hp_path){ .src = a.dst, .dst = a.src, .sport = e->port, .dport = a.sport };
	/* A datagram may be empty, and then it is alone. */
	r->n = len ? (uint32_t)((len + a.seg - 1) / a.seg) : 1;
	r->seg = (uint32_t)(r->n > 1 ? a.seg : len);
	r->last = (uint32_t)(len - (size_t)(r->n - 1) * r->seg);
	r->tail = (uint32_t)(ENCAP_BUFFER - len);
	e->counts.in += r->n;
	e->counts.in_bytes += len;
	return true;
}

/* ---- receiving */

static void ready(void *ctx, uint32_t events)
{
	struct encap_family *f = ctx;
	_Alignas(struct cmsghdr) uint8_t ctrl[ENCAP_BATCH][(ENCAP_CTRL_ROOM + 15) & ~15u];
	struct sockaddr_in6 from[ENCAP_BATCH];
	struct mmsghdr m[ENCAP_BATCH];
	struct iovec iov[ENCAP_BATCH];
	struct hp_outer_run r[ENCAP_BATCH];
	unsigned int n = 0;
	int got;

	(void)events;
	for (int i = 0; i < ENCAP_BATCH; i++) {
		iov[i] = (struct iovec){ f->e->room + (size_t)i * ENCAP_BUFFER, ENCAP_BUFFER };
		m[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
						.msg_namelen = sizeof(from[i]),
						.msg_iov = &iov[i],
						.msg_iovlen = 1,
						.msg_control = ctrl[i],
						.msg_controllen = sizeof(ctrl[i]) };
	}
	got = recvmmsg(f->fd, m, ENCAP_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++)
		n += run_of(f, &m[i].msg_hdr, m[i].msg_len, &r[n]);
	if (n)
		f->e->ops.arrived(f->e->ops.ctx, r, n);
}

/* ---- opening */

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

int encap_discover(struct encap_family *f, int how)
{
	int err;

	if (f->discover == how)
		return 0;
	if (f->family == AF_INET)
		err = set_int(f->fd, IPPROTO_IP, IP_MTU_DISCOVER, how);
	else
		err = set_int(f->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, how);
	if (!err)
		f->discover = how;
	return err;
}

static int header_fields(const struct encap_family *f)
{
	static const int four[] = { IP_PKTINFO, IP_RECVTTL, IP_RECVTOS };
	static const int six[] = { IPV6_V6ONLY, IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT,
				   IPV6_RECVTCLASS };
	bool v4 = f->family == AF_INET;
	const int *opts = v4 ? four : six;
	int err = 0;

	for (size_t i = 0; !err && i < (v4 ? 3 : 4); i++)
		err = set_int(f->fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, opts[i], 1);
	return err;
}

static void sizes(int fd)
{
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, RCVBUF))
		set_int(fd, SOL_SOCKET, SO_RCVBUF, RCVBUF);
	if (set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, SNDBUF))
		set_int(fd, SOL_SOCKET, SO_SNDBUF, SNDBUF);
}

static int bind_port(const struct encap_family *f)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(f->e->port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(f->e->port) };
	bool v4 = f->family == AF_INET;

	return bind(f->fd, v4 ? (struct sockaddr *)&four : (struct sockaddr *)&six,
		    v4 ? sizeof(four) : sizeof(six)) ? -errno : 0;
}

static int family_open(struct encap_family *f)
{
	int err;

	f->fd = socket(f->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->fd < 0)
		return -errno;
	err = header_fields(f);
	if (!err && f->e->mark)
		err = set_int(f->fd, SOL_SOCKET, SO_MARK, (int)f->e->mark);
	if (!err)
		err = encap_discover(f, ENCAP_WHOLE);
	/* Old kernels have no UDP_GRO: datagrams then come one by one. */
	if (!err && set_int(f->fd, SOL_UDP, UDP_GRO, 1))
		hp_log(HP_LOG_IO, HP_LOG_INFO, "this kernel has no UDP_GRO");
	if (!err)
		sizes(f->fd);
	if (!err)
		err = bind_port(f);
	return err ? err : hp_loop_add(f->e->loop, &f->watch, f->fd, EPOLLIN, ready, f);
}

static void family_close(struct encap_family *f)
{
	hp_loop_del(f->e->loop, &f->watch);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

int hp_encap_open(struct hp_loop *loop, const struct hp_encap_cfg *cfg,
		  const struct hp_encap_ops *ops, struct hp_outer_port **out, struct hp_io_err *err)
{
	struct hp_outer_port *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return hp_io_fail(err, -ENOMEM, "UDP port %u: out of memory", cfg->port);
	e->loop = loop;
	e->ops = *ops;
	e->mark = cfg->mark;
	e->port = cfg->port;
	e->v4 = (struct encap_family){ .e = e, .family = AF_INET, .fd = -1 };
	e->v6 = (struct encap_family){ .e = e, .family = AF_INET6, .fd = -1 };
	e->room = hp_room_new((size_t)ENCAP_BATCH * ENCAP_BUFFER);
	if (!e->room) {
		free(e);
		return hp_io_fail(err, -ENOMEM, "UDP port %u: out of memory", cfg->port);
	}
	r = family_open(&e->v4);
	if (!r)
		r = family_open(&e->v6);
	if (r == -EAFNOSUPPORT && e->v4.fd >= 0)
		r = 0;
	if (r) {
		hp_encap_close(e);
		return hp_io_fail(err, r, "UDP port %u: %s", cfg->port, strerror(-r));
	}
	*out = e;
	return 0;
}

void hp_encap_close(struct hp_outer_port *e)
{
	if (!e)
		return;
	family_close(&e->v4);
	family_close(&e->v6);
	hp_room_free(e->room, (size_t)ENCAP_BATCH * ENCAP_BUFFER);
	free(e);
}

const struct hp_encap_counts *hp_encap_counts(const struct hp_outer_port *e)
{
	return &e->counts;
}

int hp_encap_fd(const struct hp_outer_port *e, int i)
{
	return i ? e->v6.fd : e->v4.fd;
}

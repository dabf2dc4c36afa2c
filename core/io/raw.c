/* SPDX-License-Identifier: MIT
 *
 * HIP and ESP by raw sockets (see raw.h): opening and receiving.
 */
#include "io/raw_internal.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/log.h>

#include "crypto/rand.h"
#include "wire/icmp.h"
#include "wire/ip.h"

#define HIP_PER_ROUND 16

/* ---- what the outer header says */

static bool outer4(const uint8_t *p, size_t len, struct raw_outer *o)
{
	uint32_t src, dst;

	if (len < HP_IP4_HLEN || p[0] >> 4 != 4)
		return false;
	o->hlen = (p[0] & 15) * 4u;
	if (o->hlen < HP_IP4_HLEN || o->hlen > len)
		return false;
	memcpy(&src, p + 12, 4);
	memcpy(&dst, p + 16, 4);
	o->src = hp_addr_from4(src);
	o->dst = hp_addr_from4(dst);
	o->tos = p[1];
	o->ttl = p[8];
	return true;
}

static bool outer6(struct msghdr *m, struct raw_outer *o)
{
	const struct sockaddr_in6 *from = m->msg_name;
	struct in6_pktinfo info;
	struct cmsghdr *c;
	bool have_dst = false;
	int v;

	*o = (struct raw_outer){.src = hp_addr_from6(&from->sin6_addr)};
	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_PKTINFO &&
		    c->cmsg_len >= CMSG_LEN(sizeof(info))) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			o->dst = hp_addr_from6(&info.ipi6_addr);
			have_dst = true;
			continue;
		}
		if (c->cmsg_len < CMSG_LEN(sizeof(v)))
			continue;
		memcpy(&v, CMSG_DATA(c), sizeof(v));
		if (c->cmsg_type == IPV6_HOPLIMIT)
			o->ttl = (uint8_t)v;
		else if (c->cmsg_type == IPV6_TCLASS)
			o->tos = (uint8_t)v;
	}
	return have_dst;
}

bool raw_outer_read(const struct raw_family *f, struct msghdr *m, const uint8_t *p, size_t len,
		    struct raw_outer *o)
{
	if (m->msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return false;
	return f->family == AF_INET ? outer4(p, len, o) : outer6(m, o);
}

/* ---- HIP */

static bool hip_receive(struct raw_family *f)
{
	struct hp_raw *raw = f->raw;
	_Alignas(struct cmsghdr) uint8_t ctrl[RAW_CTRL_ROOM];
	uint8_t msg[RAW_HIP_MAX];
	struct sockaddr_in6 from;
	struct iovec iov = {msg, sizeof(msg)};
	struct msghdr m = {.msg_name = &from,
			   .msg_namelen = sizeof(from),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = ctrl,
			   .msg_controllen = sizeof(ctrl)};
	struct hp_path path = {.sport = 0};
	struct raw_outer o;
	ssize_t n = recvmsg(f->hip, &m, 0);

	if (n < 0)
		return false;
	if (!raw_outer_read(f, &m, msg, (size_t)n, &o)) {
		raw->counts.malformed++;
		return true;
	}
	raw->counts.hip_in++;
	path.src = o.dst;
	path.dst = o.src;
	raw->ops.hip(raw->ops.ctx, &path, msg + o.hlen, (size_t)n - o.hlen);
	return true;
}

/* A firewall says "port unreachable" of protocols without ports too: iptables' REJECT does. */
static enum hp_raw_refusal refusal4(uint8_t code)
{
	switch (code) {
	case HP_ICMP4_PROTO:
		return HP_RAW_NO_PROTO;
	case HP_ICMP4_PORT:
	case HP_ICMP4_ADMIN:
	case HP_ICMP4_HOST_PROHIBITED:
	case HP_ICMP4_NET_PROHIBITED:
		return HP_RAW_PROHIBITED;
	case HP_ICMP4_NET:
	case HP_ICMP4_HOST:
		return HP_RAW_UNREACHABLE;
	default:
		return HP_RAW_ACCEPTED;
	}
}

static enum hp_raw_refusal refusal6(uint8_t type, uint8_t code)
{
	/* Parameter problem 1: unrecognized next header. */
	if (type == HP_ICMP6_PARAM_PROBLEM)
		return code == 1 ? HP_RAW_NO_PROTO : HP_RAW_ACCEPTED;
	if (type != HP_ICMP6_UNREACH)
		return HP_RAW_ACCEPTED;
	return code == HP_ICMP6_ADMIN || code == HP_ICMP6_PORT || code == HP_ICMP6_POLICY ?
		       HP_RAW_PROHIBITED : HP_RAW_UNREACHABLE;
}

enum hp_raw_refusal hp_raw_refusal(const struct sock_extended_err *e)
{
	if (e->ee_origin == SO_EE_ORIGIN_ICMP && e->ee_type == HP_ICMP4_UNREACH)
		return refusal4(e->ee_code);
	if (e->ee_origin == SO_EE_ORIGIN_ICMP6)
		return refusal6(e->ee_type, e->ee_code);
	return HP_RAW_ACCEPTED;
}

static enum hp_raw_refusal says_refused(struct msghdr *m)
{
	struct sock_extended_err e;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type != IP_RECVERR) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type != IPV6_RECVERR) ||
		    c->cmsg_len < CMSG_LEN(sizeof(e)))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		return hp_raw_refusal(&e);
	}
	return HP_RAW_ACCEPTED;
}

static struct hp_addr sockaddr_addr(const struct sockaddr_in6 *s)
{
	const struct sockaddr_in *s4 = (const void *)s;

	return s->sin6_family == AF_INET ? hp_addr_from4(s4->sin_addr.s_addr) :
					   hp_addr_from6(&s->sin6_addr);
}

/* What routers and hosts say about messages we sent. */
static bool error_receive(struct raw_family *f)
{
	_Alignas(struct cmsghdr) uint8_t ctrl[512];
	struct sockaddr_in6 to = {0};
	uint8_t byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_name = &to,
			   .msg_namelen = sizeof(to),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = ctrl,
			   .msg_controllen = sizeof(ctrl)};
	enum hp_raw_refusal how;
	struct hp_addr dst;

	if (recvmsg(f->hip, &m, MSG_ERRQUEUE) < 0)
		return false;
	dst = sockaddr_addr(&to);
	how = says_refused(&m);
	if (how && f->raw->ops.hip_refused)
		f->raw->ops.hip_refused(f->raw->ops.ctx, &dst, how);
	return true;
}

static void hip_errors(struct raw_family *f)
{
	socklen_t len = sizeof(int);
	int i, pending;

	for (i = 0; i < HIP_PER_ROUND && error_receive(f); i++)
		;
	getsockopt(f->hip, SOL_SOCKET, SO_ERROR, &pending, &len); /* clears it */
}

static void hip_ready(void *ctx, uint32_t events)
{
	int i;

	if (events & EPOLLERR)
		hip_errors(ctx);
	for (i = 0; i < HIP_PER_ROUND; i++) {
		if (!hip_receive(ctx))
			return;
	}
}

/* ---- ESP */

/* The arrays of one recvmmsg. */
struct esp_batch {
	struct mmsghdr m[RAW_BATCH];
	struct iovec iov[RAW_BATCH][2];
	struct sockaddr_in6 from[RAW_BATCH];
	_Alignas(struct cmsghdr) uint8_t ctrl[RAW_BATCH][(RAW_CTRL_ROOM + 15) & ~15u];
};

static void batch_prepare(struct hp_raw *raw, struct esp_batch *b)
{
	for (size_t n = 0; n < RAW_BATCH; n++) {
		b->iov[n][0] = (struct iovec){raw->room + n * RAW_ROOM, RAW_ROOM};
		b->iov[n][1] = (struct iovec){raw->spill + n * RAW_SLOT + RAW_ROOM, RAW_SPILL};
		b->m[n].msg_hdr = (struct msghdr){
			.msg_name = &b->from[n],
			.msg_namelen = sizeof(b->from[n]),
			.msg_iov = b->iov[n],
			.msg_iovlen = 2,
			.msg_control = b->ctrl[n],
			.msg_controllen = RAW_CTRL_ROOM,
		};
	}
}

/* The packet in one piece, len octets: its beginning moves in front of the rest. */
static const uint8_t *batch_packet(const struct esp_batch *b, unsigned int i, size_t len)
{
	uint8_t *whole;

	if (len <= RAW_ROOM)
		return b->iov[i][0].iov_base;
	whole = (uint8_t *)b->iov[i][1].iov_base - RAW_ROOM;
	memcpy(whole, b->iov[i][0].iov_base, RAW_ROOM);
	return whole;
}

/* False: message i is no packet. */
static bool esp_read(struct raw_family *f, struct esp_batch *b, unsigned int i,
		     struct hp_esp_arrived *r)
{
	struct hp_raw *raw = f->raw;
	size_t len = b->m[i].msg_len;
	struct raw_outer o;

	if (len > RAW_SPILL ||
	    !raw_outer_read(f, &b->m[i].msg_hdr, b->iov[i][0].iov_base, len, &o)) {
		raw->counts.malformed++;
		return false;
	}
	*r = (struct hp_esp_arrived){.data = batch_packet(b, i, len) + o.hlen,
				     .n = 1,
				     .seg = (uint32_t)(len - o.hlen),
				     .last = (uint32_t)(len - o.hlen),
				     .src = o.src,
				     .dst = o.dst,
				     .family = f->family == AF_INET ? 4 : 6,
				     .ttl = o.ttl,
				     .tos = o.tos};
	raw->counts.esp_in++;
	raw->counts.esp_in_bytes += r->seg;
	return true;
}

static void esp_ready(void *ctx, uint32_t events)
{
	struct raw_family *f = ctx;
	struct hp_esp_arrived r[RAW_BATCH];
	struct esp_batch b;
	unsigned int n = 0;
	int got;

	(void)events;
	batch_prepare(f->raw, &b);
	got = recvmmsg(f->esp_df, b.m, RAW_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++)
		n += esp_read(f, &b, (unsigned int)i, &r[n]);
	if (n)
		f->raw->ops.esp(f->raw->ops.ctx, r, n);
}

/* ---- opening */

static int family_open(struct raw_family *f, struct hp_io_err *err)
{
	struct hp_loop *loop = f->raw->loop;
	int r = raw_sockets_open(f, err);

	if (r)
		return r;
	r = hp_loop_add(loop, &f->hip_watch, f->hip, EPOLLIN, hip_ready, f);
	if (!r)
		r = hp_loop_add(loop, &f->esp_watch, f->esp_df, EPOLLIN, esp_ready, f);
	if (!r)
		r = hp_loop_add(loop, &f->icmp_watch, f->icmp, EPOLLIN, raw_icmp_ready, f);
	return r ? hp_io_fail(err, r, "raw sockets: %s", strerror(-r)) : 0;
}

static void family_close(struct raw_family *f)
{
	hp_loop_del(f->raw->loop, &f->hip_watch);
	hp_loop_del(f->raw->loop, &f->esp_watch);
	hp_loop_del(f->raw->loop, &f->icmp_watch);
	raw_sockets_close(f);
}

static int rooms_make(struct hp_raw *raw)
{
	raw->room = hp_room_new((size_t)RAW_BATCH * RAW_ROOM);
	raw->spill = hp_room_new((size_t)RAW_BATCH * RAW_SLOT);
	raw->pieces = hp_room_new(RAW_PIECES);
	return raw->room && raw->spill && raw->pieces ? 0 : -ENOMEM;
}

int hp_raw_open(struct hp_loop *loop, const struct hp_raw_cfg *cfg,
		const struct hp_raw_ops *ops, struct hp_raw **out, struct hp_io_err *e)
{
	struct hp_raw *raw = calloc(1, sizeof(*raw));
	int err;

	if (!raw)
		return hp_io_fail(e, -ENOMEM, "raw sockets: out of memory");
	raw->loop = loop;
	raw->ops = *ops;
	raw->mark = cfg->mark;
	raw->v4 = (struct raw_family){
		.raw = raw, .family = AF_INET, .hip = -1, .esp_df = -1, .esp_frag = -1,
		.icmp = -1, .whole = -1};
	raw->v6 = raw->v4;
	raw->v6.family = AF_INET6;
	if (hp_rand_fill(&hp_rand_system, &raw->piece_id, sizeof(raw->piece_id)) ||
	    rooms_make(raw)) {
		hp_raw_close(raw);
		return hp_io_fail(e, -ENOMEM, "raw sockets: out of memory");
	}
	err = family_open(&raw->v4, e);
	if (!err)
		err = family_open(&raw->v6, e);
	if (err == -EAFNOSUPPORT && raw->v4.hip >= 0) {
		hp_log(HP_LOG_IO, HP_LOG_NOTICE, "this kernel has no IPv6: IPv4 only");
		err = 0;
	}
	if (err) {
		hp_raw_close(raw);
		return err;
	}
	*out = raw;
	return 0;
}

void hp_raw_close(struct hp_raw *raw)
{
	if (!raw)
		return;
	family_close(&raw->v4);
	family_close(&raw->v6);
	hp_room_free(raw->room, (size_t)RAW_BATCH * RAW_ROOM);
	hp_room_free(raw->spill, (size_t)RAW_BATCH * RAW_SLOT);
	hp_room_free(raw->pieces, RAW_PIECES);
	free(raw);
}

const struct hp_raw_counts *hp_raw_counts(const struct hp_raw *raw)
{
	return &raw->counts;
}

/* SPDX-License-Identifier: MIT
 *
 * ICMP beside the raw sockets: errors about ESP packets of ours come in, errors about HIP messages
 * go out (see raw.h).
 *
 * The errors are read from ICMP sockets and not from the error queues of the sockets that send:
 * with IP_RECVERR each error, also a forged one, would make a later sendmsg fail.  What is
 * quoted serves both transports.  Whether it is true is not decided here.
 */
#include "io/raw_internal.h"

#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <string.h>

#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/udp.h"

#ifndef ICMP_FILTER
#define ICMP_FILTER 1
#endif

#define MARKER         4 /* RFC 5770, section 5.1: zeros before a HIP message in UDP */
#define ICMP_PER_ROUND 16
#define ICMP_ROOM      2048 /* RFC 4443, section 2.4 (c): at most 1280 */

/* ---- receiving */

/* The MTU that an error names, or UINT32_MAX if this is another kind. */
static uint32_t narrowed(uint8_t family, const struct hp_icmp *i)
{
	if (family == 4)
		return i->type == HP_ICMP4_UNREACH && i->code == HP_ICMP4_FRAG_NEEDED ? i->mtu :
											UINT32_MAX;
	return i->type == HP_ICMP6_TOO_BIG ? i->mtu : UINT32_MAX;
}

/* Raw IPv4 sockets get packets before the kernel has looked at ICMP's checksum. */
static bool checksum_ok(uint8_t family, const uint8_t *p, size_t len)
{
	return family == 6 || hp_csum_fold(hp_csum_add(0, p, len)) == 0xffff;
}

static void take_error(struct raw_family *f, const struct raw_outer *o, const uint8_t *p,
		       size_t len)
{
	uint8_t family = f->family == AF_INET ? 4 : 6;
	struct hp_raw *raw = f->raw;
	struct hp_icmp icmp;
	struct hp_quote q;
	uint32_t mtu;

	if (hp_icmp_parse(family, p, len, &icmp) || !checksum_ok(family, p, len))
		return;
	mtu = narrowed(family, &icmp);
	/* An error goes to the source of what it quotes. */
	if (mtu == UINT32_MAX || hp_quote_esp(family, p + HP_ICMP_HLEN, len - HP_ICMP_HLEN, &q) ||
	    !hp_addr_eq(&q.src, &o->dst))
		return;
	if (raw->ops.too_big)
		raw->ops.too_big(raw->ops.ctx, &q, mtu);
}

static bool icmp_receive(struct raw_family *f)
{
	_Alignas(struct cmsghdr) uint8_t ctrl[RAW_CTRL_ROOM];
	uint8_t msg[ICMP_ROOM];
	struct sockaddr_in6 from;
	struct iovec iov = {msg, sizeof(msg)};
	struct msghdr m = {.msg_name = &from,
			   .msg_namelen = sizeof(from),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = ctrl,
			   .msg_controllen = sizeof(ctrl)};
	ssize_t n = recvmsg(f->icmp, &m, MSG_DONTWAIT);
	struct raw_outer o;

	if (n < 0)
		return false;
	if (raw_outer_read(f, &m, msg, (size_t)n, &o))
		take_error(f, &o, msg + o.hlen, (size_t)n - o.hlen);
	return true;
}

void raw_icmp_ready(void *ctx, uint32_t events)
{
	(void)events;
	for (int i = 0; i < ICMP_PER_ROUND; i++)
		if (!icmp_receive(ctx))
			return;
}

/* ---- opening */

int raw_icmp_filter(int fd, int family)
{
	struct icmp_filter four = {.data = ~(1u << HP_ICMP4_UNREACH)};
	struct icmp6_filter six;

	if (family == AF_INET)
		return setsockopt(fd, SOL_RAW, ICMP_FILTER, &four, sizeof(four)) ? -errno : 0;
	ICMP6_FILTER_SETBLOCKALL(&six);
	ICMP6_FILTER_SETPASS(HP_ICMP6_TOO_BIG, &six);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &six, sizeof(six)) ? -errno : 0;
}

/* ---- sending */

/* The packet as it has come, as far as it is known: the IP header, UDP's header and the marker
 * are made anew from the path.  Octets before the HIP header. */
static size_t quote_head(const struct hp_path *path, size_t len, uint8_t *out)
{
	size_t between = path->dport ? HP_UDP_HLEN + MARKER : 0;
	struct hp_ip_head h = {.src = path->dst,
			       .dst = path->src,
			       .payload_len = (uint16_t)(between + len),
			       .proto = path->dport ? HP_PROTO_UDP : HP_PROTO_HIP,
			       .ttl = 64};
	size_t at = hp_ip_build(out, &h);

	memset(out + at, 0, between);
	if (!between)
		return at;
	hp_put16(out + at, path->dport);
	hp_put16(out + at + 2, path->sport);
	hp_put16(out + at + 4, (uint16_t)(between + len));
	return at + between;
}

/* RFC 4443, section 3.4: a pointer of 32 bits; RFC 792: of 8. */
static void problem_head(uint8_t *out, bool v4, size_t pointer)
{
	memset(out, 0, HP_ICMP_HLEN);
	out[0] = v4 ? HP_ICMP4_PARAM_PROBLEM : HP_ICMP6_PARAM_PROBLEM;
	if (v4)
		out[4] = (uint8_t)pointer;
	else
		hp_put32(out + 4, (uint32_t)pointer);
}

/* Octets of msg that are quoted: RFC 1812, section 4.3.2.3, and RFC 4443, section 2.4 (c). */
static size_t quoted(bool v4, size_t head, size_t len)
{
	size_t room = (v4 ? HP_ICMP4_ERR_MAX - HP_IP4_HLEN : HP_ICMP6_ERR_MAX - HP_IP6_HLEN) -
		      HP_ICMP_HLEN - head;

	return len < room ? len : room;
}

int hp_raw_problem_send(struct hp_raw *raw, const struct hp_path *path, const void *msg,
			size_t len, size_t at)
{
	uint8_t out[HP_ICMP6_ERR_MAX];
	bool v4 = hp_addr_is4(&path->dst);
	struct hp_path to = {.src = path->src, .dst = path->dst};
	size_t head, n;

	if (len > UINT16_MAX - 64 || hp_addr_is_zero(&path->src))
		return -EINVAL;
	head = quote_head(path, len, out + HP_ICMP_HLEN);
	n = quoted(v4, head, len);
	problem_head(out, v4, head + at);
	memcpy(out + HP_ICMP_HLEN + head, msg, n);
	n += HP_ICMP_HLEN + head;
	/* The kernel adds the checksum of ICMPv6. */
	if (v4) {
		uint16_t sum = hp_csum_finish(hp_csum_add(0, out, n));

		hp_put16(out + 2, sum);
	}
	return raw_icmp_send(raw, &to, out, n);
}

/* SPDX-License-Identifier: MIT
 *
 * Source address, path and link MTU as the kernel's routing has them (see route.h).
 */
#include "io/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/rtnlask.h"

#define SLOTS	 256 /* a power of two; a collision only costs asking again */
#define KEEP_MS	 1000
#define ANY_PORT 9 /* nothing is ever sent */

struct route_slot {
	struct hp_addr dst, src;
	uint64_t until_ms; /* 0: empty */
	unsigned int mtu;
	int err;
};

struct link_slot {
	struct hp_addr dst;
	uint64_t until_ms; /* 0: empty */
	unsigned int mtu;
};

struct hp_route {
	const struct hp_clock *clock;
	uint32_t mark;
	struct mnl_socket *nl;
	struct route_slot slots[SLOTS];
	struct link_slot links[SLOTS];
};

union sockaddr_any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct hp_route *hp_route_new(uint32_t mark, const struct hp_clock *clock)
{
	struct hp_route *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->mark = mark;
	r->clock = clock;
	r->nl = hp_rtnl_ask_open();
	if (r->nl)
		return r;
	free(r);
	return NULL;
}

void hp_route_free(struct hp_route *r)
{
	if (r)
		mnl_socket_close(r->nl);
	free(r);
}

static unsigned int slot_of(const struct hp_addr *dst)
{
	uint32_t h = 2166136261u;
	int i;

	for (i = 0; i < 16; i++)
		h = (h ^ dst->b[i]) * 16777619u;
	return (h ^ h >> 16) & (SLOTS - 1);
}

static socklen_t to_sockaddr(const struct hp_addr *a, union sockaddr_any *out)
{
	memset(out, 0, sizeof(*out));
	if (hp_addr_is4(a)) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(ANY_PORT);
		out->in.sin_addr.s_addr = hp_addr_to4(a);
		return sizeof(out->in);
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons(ANY_PORT);
	memcpy(&out->in6.sin6_addr, a->b, 16);
	return sizeof(out->in6);
}

/* Fills src and mtu from a socket connected to s->dst. */
static int ask(int fd, struct route_slot *s)
{
	bool v4 = hp_addr_is4(&s->dst);
	union sockaddr_any a;
	socklen_t len = to_sockaddr(&s->dst, &a), mtu_len = sizeof(int);
	int mtu = 0;

	if (connect(fd, &a.sa, len))
		return -errno;
	len = sizeof(a);
	if (getsockname(fd, &a.sa, &len))
		return -errno;
	if (getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu,
		       &mtu_len))
		return -errno;
	s->src = v4 ? hp_addr_from4(a.in.sin_addr.s_addr)
		    : hp_addr_from6(&a.in6.sin6_addr);
	s->mtu = mtu > 0 ? (unsigned int)mtu : 0;
	return 0;
}

static int look_up(const struct hp_route *r, struct route_slot *s)
{
	int family = hp_addr_is4(&s->dst) ? AF_INET : AF_INET6, err;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* Without the privilege routing is asked without the mark. */
	if (r->mark)
		setsockopt(fd, SOL_SOCKET, SO_MARK, &r->mark, sizeof(r->mark));
	err = ask(fd, s);
	close(fd);
	return err;
}

static const struct route_slot *find(struct hp_route *r, const struct hp_addr *dst)
{
	struct route_slot *s = &r->slots[slot_of(dst)];
	uint64_t now = hp_clock_ms(r->clock);

	if (s->until_ms > now && hp_addr_eq(&s->dst, dst))
		return s;
	*s = (struct route_slot){.dst = *dst, .until_ms = now + KEEP_MS};
	s->err = look_up(r, s);
	return s;
}

unsigned int hp_route_mtu(struct hp_route *r, const struct hp_addr *dst)
{
	const struct route_slot *s = find(r, dst);

	return s->err ? 0 : s->mtu;
}

unsigned int hp_route_link_mtu(struct hp_route *r, const struct hp_addr *dst)
{
	struct link_slot *s = &r->links[slot_of(dst)];
	struct hp_rtnl_ask q = {.dst = *dst, .mark = r->mark};
	uint64_t now = hp_clock_ms(r->clock);

	if (s->until_ms > now && hp_addr_eq(&s->dst, dst))
		return s->mtu;
	*s = (struct link_slot){.dst = *dst, .until_ms = now + KEEP_MS};
	if (hp_rtnl_link_mtu(r->nl, &q, &s->mtu))
		s->mtu = 0;
	return s->mtu;
}

int hp_route_source(struct hp_route *r, const struct hp_addr *dst, struct hp_addr *src)
{
	const struct route_slot *s = find(r, dst);

	if (!s->err)
		*src = s->src;
	return s->err;
}

void hp_route_forget(struct hp_route *r, const struct hp_addr *dst)
{
	unsigned int at;

	if (!dst) {
		memset(r->slots, 0, sizeof(r->slots));
		memset(r->links, 0, sizeof(r->links));
		return;
	}
	at = slot_of(dst);
	if (hp_addr_eq(&r->slots[at].dst, dst))
		r->slots[at].until_ms = 0;
	if (hp_addr_eq(&r->links[at].dst, dst))
		r->links[at].until_ms = 0;
}

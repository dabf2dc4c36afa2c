/* SPDX-License-Identifier: MIT
 *
 * Reading, changing and watching the gate's rules and routes (see fib.h).
 */
#include "io/fib_internal.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define ANSWER_MAX  32768
#define BATCH       64 /* messages in one go */
#define NOTICES_BUF (1 << 20)
#define PATIENCE_S  2 /* the kernel answers at once, or never */
#define READ_TRIES  5

struct hp_fib {
	struct hp_loop *loop;
	struct hp_watch watch;
	struct mnl_socket *asks, *hears;
	void (*fn)(void *ctx, unsigned int notices);
	void *ctx;
	uint32_t seq;
	char answer[ANSWER_MAX];
};

/* ---- asking */

typedef int (*fib_reader)(const struct nlmsghdr *h, void *arg);

/* A request for the table only, where the kernel knows that (Linux 4.20). */
static void ask_strictly(struct mnl_socket *s)
{
	int on = 1;

	setsockopt(mnl_socket_get_fd(s), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
}

static int hear(struct hp_fib *f, uint32_t seq, fib_reader fn, void *arg)
{
	unsigned int port = mnl_socket_get_portid(f->asks);
	ssize_t n;
	int r;

	do {
		n = mnl_socket_recvfrom(f->asks, f->answer, sizeof(f->answer));
		if (n < 0)
			return -errno;
		r = mnl_cb_run(f->answer, (size_t)n, seq, port, fn, arg);
	} while (r == MNL_CB_OK);
	return r < 0 ? -errno : 0;
}

/* Everything of one kind and family; table 0: of all tables. */
static int dump(struct hp_fib *f, uint16_t type, int family, uint32_t table, fib_reader fn,
		void *arg)
{
	char buf[FIB_MESSAGE_MAX] = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	size_t head = type == RTM_GETADDR ? sizeof(struct ifaddrmsg) :
		      type == RTM_GETRULE ? sizeof(struct fib_rule_hdr) : sizeof(struct rtmsg);
	int err;

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++f->seq;
	*(uint8_t *)mnl_nlmsg_put_extra_header(h, head) = (uint8_t)family;
	if (table)
		mnl_attr_put_u32(h, RTA_TABLE, table);
	if (mnl_socket_sendto(f->asks, h, h->nlmsg_len) < 0)
		return -errno;
	err = hear(f, h->nlmsg_seq, fn, arg);
	/* No IPv6 here, or no such table yet. */
	return err == -EAFNOSUPPORT || err == -EOPNOTSUPP || err == -ENOENT ? 0 : err;
}

/* ---- reading */

static int state_one(const struct nlmsghdr *h, void *arg)
{
	struct hp_gate_state *s = arg;
	struct hp_gate_route route;
	struct hp_gate_rule rule;
	int err = 0;

	if (h->nlmsg_type == RTM_NEWRULE && !fib_rule_read(h, &rule))
		err = hp_gate_rule_add(s, &rule);
	else if (h->nlmsg_type == RTM_NEWROUTE && !fib_route_read(h, &route))
		err = hp_gate_route_add(s, &route);
	errno = -err;
	return err ? MNL_CB_ERROR : MNL_CB_OK;
}

static int read_once(struct hp_fib *f, struct hp_gate_state *s)
{
	int err = 0;

	for (int i = 0; !err && i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET;

		err = dump(f, RTM_GETRULE, family, 0, state_one, s);
		for (uint32_t k = 0; !err && k < HP_GATE_TABLES; k++)
			err = dump(f, RTM_GETROUTE, family, HP_GATE_TABLE + k, state_one, s);
	}
	return err;
}

/* A change in the middle of a dump makes it useless: -EINTR. */
int hp_fib_read(struct hp_fib *f, struct hp_gate_state *out)
{
	struct hp_gate_state s = { 0 };
	int err = -EINTR;

	for (int tries = 0; err == -EINTR && tries < READ_TRIES; tries++) {
		hp_gate_state_free(&s);
		err = read_once(f, &s);
	}
	if (err) {
		hp_gate_state_free(&s);
		return err;
	}
	hp_gate_sort(&s);
	*out = s;
	return 0;
}

static int address_one(const struct nlmsghdr *h, void *arg)
{
	struct hp_prefix addr;
	int err = 0;

	if (h->nlmsg_type == RTM_NEWADDR && !fib_address_read(h, &addr))
		err = hp_gate_prefix_add(arg, &addr);
	errno = -err;
	return err ? MNL_CB_ERROR : MNL_CB_OK;
}

int hp_fib_addresses(struct hp_fib *f, struct hp_gate_prefixes *list)
{
	int err = dump(f, RTM_GETADDR, AF_INET, 0, address_one, list);

	return err ? err : dump(f, RTM_GETADDR, AF_INET6, 0, address_one, list);
}

struct of_devices {
	const char *const *interfaces;
	size_t n;
	struct hp_gate_prefixes *list;
};

static bool is_one_of(const struct of_devices *d, int ifindex)
{
	char name[IF_NAMESIZE];

	if (!if_indextoname((unsigned int)ifindex, name))
		return false;
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->interfaces[i], name))
			return true;
	return false;
}

/* Link-local addresses are not forwarded. */
static bool is_network(const struct hp_prefix *p)
{
	return hp_addr_is4(&p->addr) || !p->bits ||
	       (p->addr.b[0] != 0xff && !(p->addr.b[0] == 0xfe && (p->addr.b[1] & 0xc0) == 0x80));
}

static int network_one(const struct nlmsghdr *h, void *arg)
{
	struct of_devices *d = arg;
	struct hp_prefix to;
	int ifindex, err = 0;

	if (h->nlmsg_type == RTM_NEWROUTE && !fib_main_route_read(h, &to, &ifindex) &&
	    is_network(&to) && is_one_of(d, ifindex))
		err = hp_gate_prefix_add(d->list, &to);
	errno = -err;
	return err ? MNL_CB_ERROR : MNL_CB_OK;
}

int hp_fib_networks(struct hp_fib *f, const char *const *interfaces, size_t n,
		    struct hp_gate_prefixes *list)
{
	struct of_devices d = { interfaces, n, list };
	int err = dump(f, RTM_GETROUTE, AF_INET, RT_TABLE_MAIN, network_one, &d);

	return err ? err : dump(f, RTM_GETROUTE, AF_INET6, RT_TABLE_MAIN, network_one, &d);
}

struct for_networks {
	const struct hp_gate_prefixes *networks;
	struct hp_fib_devices *found;
};

static bool overlap(const struct hp_prefix *a, const struct hp_prefix *b)
{
	return hp_addr_is4(&a->addr) == hp_addr_is4(&b->addr) &&
	       (a->bits <= b->bits ? hp_prefix_contains(a, &b->addr) : hp_prefix_contains(b, &a->addr));
}

static bool leads_there(const struct for_networks *w, const struct hp_prefix *to)
{
	/* A default route leads everywhere, so it says nothing. */
	if (to->bits == 0 || (hp_addr_is4(&to->addr) && to->bits == 96))
		return false;
	for (size_t i = 0; i < w->networks->n; i++)
		if (overlap(to, &w->networks->at[i]))
			return true;
	return false;
}

static int device_one(const struct nlmsghdr *h, void *arg)
{
	const struct for_networks *w = arg;
	struct hp_fib_devices *d = w->found;
	char name[IF_NAMESIZE];
	struct hp_prefix to;
	int ifindex;

	if (h->nlmsg_type != RTM_NEWROUTE || fib_main_route_read(h, &to, &ifindex) ||
	    !leads_there(w, &to) || !if_indextoname((unsigned int)ifindex, name))
		return MNL_CB_OK;
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->name[i], name))
			return MNL_CB_OK;
	if (d->n < HP_FIB_DEVICES)
		memcpy(d->name[d->n++], name, sizeof(name));
	return MNL_CB_OK;
}

int hp_fib_devices(struct hp_fib *f, const struct hp_gate_prefixes *networks,
		   struct hp_fib_devices *out)
{
	struct for_networks w = { networks, out };
	int err;

	out->n = 0;
	err = dump(f, RTM_GETROUTE, AF_INET, RT_TABLE_MAIN, device_one, &w);
	return err ? err : dump(f, RTM_GETROUTE, AF_INET6, RT_TABLE_MAIN, device_one, &w);
}

/* ---- changing */

static bool harmless(const struct hp_gate_op *op, int err)
{
	if (op->add)
		return err == EEXIST;
	return err == ESRCH || err == ENOENT;
}

struct acks {
	const struct hp_gate_op *ops;
	uint32_t first;	  /* sequence number of ops[0] */
	size_t n, heard;
	int err;	  /* the first that counts */
	size_t failed;
};

static void ack_one(struct acks *a, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
	size_t i = h->nlmsg_seq - a->first;

	if (h->nlmsg_type != NLMSG_ERROR || i >= a->n ||
	    h->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(*e))
		return;
	a->heard++;
	if (!e->error || a->err || harmless(&a->ops[i], -e->error))
		return;
	a->err = e->error;
	a->failed = i;
}

static int acks_hear(struct hp_fib *f, struct acks *a)
{
	while (a->heard < a->n) {
		ssize_t n = mnl_socket_recvfrom(f->asks, f->answer, sizeof(f->answer));
		const struct nlmsghdr *h = (const struct nlmsghdr *)f->answer;
		int left = (int)n;

		if (n < 0)
			return -errno;
		for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
			ack_one(a, h);
	}
	return 0;
}

/* At most BATCH. */
static int apply_some(struct hp_fib *f, struct acks *a)
{
	char buf[BATCH * FIB_MESSAGE_MAX] = { 0 };
	size_t len = 0;

	a->first = f->seq + 1;
	for (size_t i = 0; i < a->n; i++)
		len += MNL_ALIGN(fib_message(buf + len, &a->ops[i], ++f->seq)->nlmsg_len);
	return mnl_socket_sendto(f->asks, buf, len) < 0 ? -errno : acks_hear(f, a);
}

int hp_fib_apply(struct hp_fib *f, const struct hp_gate_op *ops, size_t n, size_t *failed)
{
	int first = 0;

	for (size_t i = 0; i < n; i += BATCH) {
		struct acks a = { .ops = ops + i, .n = n - i < BATCH ? n - i : BATCH };
		int err = apply_some(f, &a);

		if (err)
			return err;
		if (a.err && !first) {
			first = a.err;
			*failed = i + a.failed;
		}
	}
	return first;
}

/* ---- hearing */

/* What we have done ourselves is no news. */
static unsigned int notices_in(const struct hp_fib *f, ssize_t n)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)f->answer;
	unsigned int self = mnl_socket_get_portid(f->asks), notices = 0;
	int left = (int)n;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
		if (h->nlmsg_pid != self)
			notices |= fib_notice(h);
	return notices;
}

static void on_notice(void *ctx, uint32_t events)
{
	struct hp_fib *f = ctx;
	unsigned int notices = 0;
	ssize_t n;

	(void)events;
	while ((n = recv(mnl_socket_get_fd(f->hears), f->answer, sizeof(f->answer),
			 MSG_DONTWAIT)) > 0 || (n < 0 && errno == ENOBUFS))
		notices |= n < 0 ? ~0u : notices_in(f, n);
	if (notices)
		f->fn(f->ctx, notices);
}

static int listen_to(struct hp_fib *f)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				      RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
				      RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE };
	int size = NOTICES_BUF;

	if (mnl_socket_bind(f->hears, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	setsockopt(mnl_socket_get_fd(f->hears), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(f->hears, NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)) < 0)
			return -errno;
	}
	return hp_loop_add(f->loop, &f->watch, mnl_socket_get_fd(f->hears), EPOLLIN, on_notice,
			   f);
}

static int sockets_open(struct hp_fib *f)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };

	f->asks = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	f->hears = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!f->asks || !f->hears || mnl_socket_bind(f->asks, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	setsockopt(mnl_socket_get_fd(f->asks), SOL_SOCKET, SO_RCVTIMEO, &patience,
		   sizeof(patience));
	ask_strictly(f->asks);
	return f->fn ? listen_to(f) : 0;
}

int hp_fib_open(struct hp_loop *loop, void (*fn)(void *ctx, unsigned int notices), void *ctx,
		struct hp_fib **out)
{
	struct hp_fib *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->loop = loop;
	f->fn = fn;
	f->ctx = ctx;
	err = sockets_open(f);
	if (err) {
		hp_fib_close(f);
		return err;
	}
	*out = f;
	return 0;
}

void hp_fib_close(struct hp_fib *f)
{
	if (!f)
		return;
	if (f->loop)
		hp_loop_del(f->loop, &f->watch);
	if (f->asks)
		mnl_socket_close(f->asks);
	if (f->hears)
		mnl_socket_close(f->hears);
	free(f);
}

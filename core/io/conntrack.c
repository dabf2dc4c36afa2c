/* SPDX-License-Identifier: MIT
 *
 * Listing and marking connections (see conntrack.h).
 */
#include "io/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define PATIENCE_S 2
#define SYN_SENT_S 120 /* the kernel's own defaults */
#define UDP_S	   30
#define ATTRS	   32

struct hp_conntrack {
	struct mnl_socket *nl;
	uint32_t seq;
	char buf[32768];
};

int hp_conntrack_open(struct hp_conntrack **out)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct hp_conntrack *ct = calloc(1, sizeof(*ct));
	int err;

	if (!ct)
		return -ENOMEM;
	ct->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!ct->nl || mnl_socket_bind(ct->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		hp_conntrack_close(ct);
		return err;
	}
	setsockopt(mnl_socket_get_fd(ct->nl), SOL_SOCKET, SO_RCVTIMEO, &patience,
		   sizeof(patience));
	ct->seq = (uint32_t)time(NULL);
	*out = ct;
	return 0;
}

void hp_conntrack_close(struct hp_conntrack *ct)
{
	if (!ct)
		return;
	if (ct->nl)
		mnl_socket_close(ct->nl);
	free(ct);
}

/* ---- messages */

static struct nlmsghdr *message(struct hp_conntrack *ct, void *buf, int type, uint16_t flags,
				uint8_t family)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nf;

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++ct->seq;
	nf = mnl_nlmsg_put_extra_header(h, sizeof(*nf));
	nf->nfgen_family = family;
	nf->version = NFNETLINK_V0;
	return h;
}

static int ask(struct hp_conntrack *ct, const struct nlmsghdr *h, mnl_cb_t fn, void *arg)
{
	unsigned int port = mnl_socket_get_portid(ct->nl);
	ssize_t n;
	int r;

	if (mnl_socket_sendto(ct->nl, h, h->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(ct->nl, ct->buf, sizeof(ct->buf));
		r = n < 0 ? -1 : mnl_cb_run(ct->buf, (size_t)n, ct->seq, port, fn, arg);
	} while (r == MNL_CB_OK);
	return r < 0 ? -errno : 0;
}

struct attrs {
	const struct nlattr *at[ATTRS];
};

static int attr_one(const struct nlattr *a, void *data)
{
	struct attrs *attrs = data;

	if (mnl_attr_get_type(a) < ATTRS)
		attrs->at[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

static void nested(const struct attrs *in, int type, struct attrs *out)
{
	memset(out, 0, sizeof(*out));
	if (in->at[type])
		mnl_attr_parse_nested(in->at[type], attr_one, out);
}

/* ---- reading */

static bool read_addr(const struct attrs *ip, int type4, int type6, struct hp_addr *out)
{
	const struct nlattr *a = ip->at[type4];

	memset(out, 0, sizeof(*out));
	if (a && mnl_attr_get_payload_len(a) == 4) {
		out->b[10] = out->b[11] = 0xff;
		memcpy(out->b + 12, mnl_attr_get_payload(a), 4);
		return true;
	}
	a = ip->at[type6];
	if (!a || mnl_attr_get_payload_len(a) != 16)
		return false;
	memcpy(out->b, mnl_attr_get_payload(a), 16);
	return true;
}

static uint16_t read_port(const struct attrs *proto, int type)
{
	const struct nlattr *a = proto->at[type];

	return a && mnl_attr_get_payload_len(a) == 2 ? ntohs(mnl_attr_get_u16(a)) : 0;
}

static bool read_ended(const struct attrs *top)
{
	struct attrs info, tcp;
	const struct nlattr *a;

	nested(top, CTA_PROTOINFO, &info);
	nested(&info, CTA_PROTOINFO_TCP, &tcp);
	a = tcp.at[CTA_PROTOINFO_TCP_STATE];
	return a && mnl_attr_get_payload_len(a) == 1 && mnl_attr_get_u8(a) >= TCP_CONNTRACK_TIME_WAIT;
}

static bool read_connection(const struct nlmsghdr *h, struct hp_connection *c)
{
	struct attrs top = { { NULL } }, tuple, ip, proto;
	const struct nlattr *a;

	if (h->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		return false;
	mnl_attr_parse(h, sizeof(struct nfgenmsg), attr_one, &top);
	nested(&top, CTA_TUPLE_ORIG, &tuple);
	nested(&tuple, CTA_TUPLE_IP, &ip);
	nested(&tuple, CTA_TUPLE_PROTO, &proto);
	a = proto.at[CTA_PROTO_NUM];
	if (!a || mnl_attr_get_payload_len(a) != 1 ||
	    !read_addr(&ip, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &c->src) ||
	    !read_addr(&ip, CTA_IP_V4_DST, CTA_IP_V6_DST, &c->dst))
		return false;
	c->proto = mnl_attr_get_u8(a);
	c->sport = read_port(&proto, CTA_PROTO_SRC_PORT);
	c->dport = read_port(&proto, CTA_PROTO_DST_PORT);
	c->ended = read_ended(&top);
	a = top.at[CTA_MARK];
	c->mark = a && mnl_attr_get_payload_len(a) == 4 ? ntohl(mnl_attr_get_u32(a)) : 0;
	return true;
}

struct visit {
	void (*fn)(void *ctx, const struct hp_connection *c);
	void *ctx;
	int n;
};

static int visit_one(const struct nlmsghdr *h, void *arg)
{
	struct visit *v = arg;
	struct hp_connection c;

	if (v->n < INT_MAX)
		v->n++;
	if (read_connection(h, &c))
		v->fn(v->ctx, &c);
	return MNL_CB_OK;
}

int hp_conntrack_each(struct hp_conntrack *ct,
		      void (*fn)(void *ctx, const struct hp_connection *c), void *ctx)
{
	struct visit v = { fn, ctx, 0 };
	char buf[64] = { 0 };
	int err = ask(ct, message(ct, buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC), visit_one, &v);

	return err ? err : v.n;
}

/* ---- marking */

static void put_addr(struct nlmsghdr *h, uint16_t type4, uint16_t type6, const struct hp_addr *addr)
{
	if (hp_addr_is4(addr))
		mnl_attr_put(h, type4, 4, addr->b + 12);
	else
		mnl_attr_put(h, type6, 16, addr->b);
}

static void put_tuple(struct nlmsghdr *h, const struct hp_connection *c, bool reply)
{
	struct nlattr *tuple = mnl_attr_nest_start(h, reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
	struct nlattr *part = mnl_attr_nest_start(h, CTA_TUPLE_IP);

	put_addr(h, CTA_IP_V4_SRC, CTA_IP_V6_SRC, reply ? &c->dst : &c->src);
	put_addr(h, CTA_IP_V4_DST, CTA_IP_V6_DST, reply ? &c->src : &c->dst);
	mnl_attr_nest_end(h, part);
	part = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, c->proto);
	mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(reply ? c->dport : c->sport));
	mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(reply ? c->sport : c->dport));
	mnl_attr_nest_end(h, part);
	mnl_attr_nest_end(h, tuple);
}

int hp_conntrack_mark(struct hp_conntrack *ct, const struct hp_connection *c, uint32_t mark,
		      uint32_t mask)
{
	char buf[512] = { 0 };
	struct nlmsghdr *h = message(ct, buf, IPCTNL_MSG_CT_NEW, NLM_F_ACK,
				     hp_addr_is4(&c->src) ? AF_INET : AF_INET6);

	put_tuple(h, c, false);
	mnl_attr_put_u32(h, CTA_MARK, htonl(mark));
	mnl_attr_put_u32(h, CTA_MARK_MASK, htonl(mask));
	return ask(ct, h, NULL, NULL);
}

/* ---- beginning */

/* The client has sent its SYN.  The kernel has not seen the numbers in it: it must not compare. */
static void put_syn_sent(struct nlmsghdr *h)
{
	static const struct nf_ct_tcp_flags liberal = { .flags = IP_CT_TCP_FLAG_BE_LIBERAL,
							.mask = IP_CT_TCP_FLAG_BE_LIBERAL };
	struct nlattr *info = mnl_attr_nest_start(h, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(h, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(h, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_SYN_SENT);
	mnl_attr_put(h, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(liberal), &liberal);
	mnl_attr_put(h, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(liberal), &liberal);
	mnl_attr_nest_end(h, tcp);
	mnl_attr_nest_end(h, info);
}

int hp_conntrack_begin(struct hp_conntrack *ct, const struct hp_connection *c)
{
	char buf[512] = { 0 };
	struct nlmsghdr *h = message(ct, buf, IPCTNL_MSG_CT_NEW,
				     NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
				     hp_addr_is4(&c->src) ? AF_INET : AF_INET6);

	put_tuple(h, c, false);
	put_tuple(h, c, true);
	mnl_attr_put_u32(h, CTA_TIMEOUT, htonl(c->proto == IPPROTO_TCP ? SYN_SENT_S : UDP_S));
	if (c->proto == IPPROTO_TCP)
		put_syn_sent(h);
	return ask(ct, h, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Messages of rtnetlink about rules, routes and addresses (see fib_internal.h).
 */
#include "io/fib_internal.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* We tell clients what fits: the kernel must not compare with the device's MTU.  Applications on this
 * machine, which talk to HITs, do go by it. */
#define ROUTE_MTU 65535

/* ---- writing */

static unsigned int plain_bits(const struct hp_prefix *p, bool v4)
{
	return v4 && p->bits >= 96 ? p->bits - 96u : p->bits;
}

static void put_prefix(struct nlmsghdr *h, uint16_t type, const struct hp_prefix *p, bool v4)
{
	unsigned int len = v4 ? 4 : 16;

	mnl_attr_put(h, type, len, p->addr.b + 16 - len);
}

static void put_ports(struct nlmsghdr *h, uint16_t min, uint16_t max)
{
	struct fib_rule_port_range range = { .start = min, .end = max };

	if (min || max)
		mnl_attr_put(h, FRA_DPORT_RANGE, sizeof(range), &range);
}

static void rule_attributes(struct nlmsghdr *h, const struct hp_gate_rule *r)
{
	bool v4 = r->family == 4;

	mnl_attr_put_u32(h, FRA_PRIORITY, r->priority);
	mnl_attr_put_u8(h, FRA_PROTOCOL, HP_GATE_PROTO);
	if (r->table)
		mnl_attr_put_u32(h, FRA_TABLE, r->table);
	if (r->skip_to)
		mnl_attr_put_u32(h, FRA_GOTO, r->skip_to);
	if (r->from.bits)
		put_prefix(h, FRA_SRC, &r->from, v4);
	if (r->to.bits)
		put_prefix(h, FRA_DST, &r->to, v4);
	if (r->mask) {
		mnl_attr_put_u32(h, FRA_FWMARK, r->mark);
		mnl_attr_put_u32(h, FRA_FWMASK, r->mask);
	}
	if (r->iif[0])
		mnl_attr_put_strz(h, FRA_IIFNAME, r->iif);
	if (r->proto)
		mnl_attr_put_u8(h, FRA_IP_PROTO, r->proto);
	put_ports(h, r->port_min, r->port_max);
}

static void rule_message(struct nlmsghdr *h, const struct hp_gate_rule *r, bool add)
{
	struct fib_rule_hdr *f = mnl_nlmsg_put_extra_header(h, sizeof(*f));
	bool v4 = r->family == 4;

	h->nlmsg_type = add ? RTM_NEWRULE : RTM_DELRULE;
	f->family = v4 ? AF_INET : AF_INET6;
	f->src_len = (uint8_t)plain_bits(&r->from, v4);
	f->dst_len = (uint8_t)plain_bits(&r->to, v4);
	f->table = RT_TABLE_UNSPEC;
	f->action = r->table ? FR_ACT_TO_TBL : r->skip_to ? FR_ACT_GOTO : FR_ACT_NOP;
	rule_attributes(h, r);
}

/* Locked: else the kernel forwards IPv6 by the device's MTU. */
static void put_mtu(struct nlmsghdr *h)
{
	struct nlattr *nest = mnl_attr_nest_start(h, RTA_METRICS);

	mnl_attr_put_u32(h, RTAX_LOCK, 1u << RTAX_MTU);
	mnl_attr_put_u32(h, RTAX_MTU, ROUTE_MTU);
	mnl_attr_nest_end(h, nest);
}

static void route_message(struct nlmsghdr *h, const struct hp_gate_route *r, bool add)
{
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(h, sizeof(*rtm));
	bool v4 = hp_addr_is4(&r->to.addr);

	h->nlmsg_type = add ? RTM_NEWROUTE : RTM_DELROUTE;
	rtm->rtm_family = v4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = (unsigned char)plain_bits(&r->to, v4);
	rtm->rtm_table = RT_TABLE_UNSPEC;
	rtm->rtm_scope = add ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE;
	mnl_attr_put_u32(h, RTA_TABLE, r->table);
	put_prefix(h, RTA_DST, &r->to, v4);
	mnl_attr_put_u32(h, RTA_PRIORITY, r->metric);
	if (!add)
		return;
	rtm->rtm_protocol = HP_GATE_PROTO;
	rtm->rtm_type = r->ifindex ? RTN_UNICAST : RTN_BLACKHOLE;
	if (r->ifindex) {
		mnl_attr_put_u32(h, RTA_OIF, (uint32_t)r->ifindex);
		if (!hp_addr_is_hit(&r->to.addr))
			put_mtu(h);
	}
}

struct nlmsghdr *fib_message(void *buf, const struct hp_gate_op *op, uint32_t seq)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (op->add)
		h->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	h->nlmsg_seq = seq;
	if (op->rule)
		rule_message(h, op->rule, op->add);
	else
		route_message(h, op->route, op->add);
	return h;
}

/* ---- reading */

#define ATTRS 64

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

static int attrs_read(const struct nlmsghdr *h, size_t head, struct attrs *attrs)
{
	memset(attrs, 0, sizeof(*attrs));
	if (h->nlmsg_len < MNL_NLMSG_HDRLEN + head)
		return -EBADMSG;
	return mnl_attr_parse(h, (unsigned int)head, attr_one, attrs) == MNL_CB_OK ? 0 : -EBADMSG;
}

/* Kernel values of another size than expected count as missing. */
static uint32_t u32_of(const struct attrs *attrs, int type)
{
	const struct nlattr *a = attrs->at[type];

	return a && mnl_attr_get_payload_len(a) == 4 ? mnl_attr_get_u32(a) : 0;
}

static uint8_t u8_of(const struct attrs *attrs, int type)
{
	const struct nlattr *a = attrs->at[type];

	return a && mnl_attr_get_payload_len(a) == 1 ? mnl_attr_get_u8(a) : 0;
}

/* IPv4 with len 0 and no attribute is what want.c calls any. */
static void prefix_of(const struct attrs *attrs, int type, unsigned int len, bool v4,
		      struct hp_prefix *out)
{
	const struct nlattr *a = attrs->at[type];
	unsigned int octets = v4 ? 4 : 16;

	memset(out, 0, sizeof(*out));
	if (!len)
		return;
	if (v4)
		out->addr.b[10] = out->addr.b[11] = 0xff;
	if (a && mnl_attr_get_payload_len(a) == octets)
		memcpy(out->addr.b + 16 - octets, mnl_attr_get_payload(a), octets);
	out->bits = (uint8_t)(v4 ? 96 + len : len);
}

static void ports_of(const struct attrs *attrs, struct hp_gate_rule *out)
{
	const struct nlattr *a = attrs->at[FRA_DPORT_RANGE];
	struct fib_rule_port_range range;

	if (!a || mnl_attr_get_payload_len(a) != sizeof(range))
		return;
	memcpy(&range, mnl_attr_get_payload(a), sizeof(range));
	out->port_min = range.start;
	out->port_max = range.end;
}

int fib_rule_read(const struct nlmsghdr *h, struct hp_gate_rule *out)
{
	const struct fib_rule_hdr *f = mnl_nlmsg_get_payload(h);
	struct attrs attrs;
	bool v4;

	if (attrs_read(h, sizeof(*f), &attrs))
		return -EBADMSG;
	if (u8_of(&attrs, FRA_PROTOCOL) != HP_GATE_PROTO)
		return -ENOENT;
	memset(out, 0, sizeof(*out));
	v4 = f->family == AF_INET;
	out->family = v4 ? 4 : 6;
	out->priority = u32_of(&attrs, FRA_PRIORITY);
	if (f->action == FR_ACT_TO_TBL)
		out->table = u32_of(&attrs, FRA_TABLE);
	if (f->action == FR_ACT_GOTO)
		out->skip_to = u32_of(&attrs, FRA_GOTO);
	out->mark = u32_of(&attrs, FRA_FWMARK);
	out->mask = out->mark ? u32_of(&attrs, FRA_FWMASK) : 0;
	prefix_of(&attrs, FRA_SRC, f->src_len, v4, &out->from);
	prefix_of(&attrs, FRA_DST, f->dst_len, v4, &out->to);
	out->proto = u8_of(&attrs, FRA_IP_PROTO);
	ports_of(&attrs, out);
	if (attrs.at[FRA_IIFNAME])
		snprintf(out->iif, sizeof(out->iif), "%.*s",
			 (int)mnl_attr_get_payload_len(attrs.at[FRA_IIFNAME]),
			 mnl_attr_get_str(attrs.at[FRA_IIFNAME]));
	return 0;
}

/* Also a default route has a prefix of its family. */
static void destination_of(const struct attrs *attrs, const struct rtmsg *rtm,
			   struct hp_prefix *out)
{
	bool v4 = rtm->rtm_family == AF_INET;

	prefix_of(attrs, RTA_DST, rtm->rtm_dst_len, v4, out);
	if (v4 && !rtm->rtm_dst_len) {
		out->addr.b[10] = out->addr.b[11] = 0xff;
		out->bits = 96;
	}
}

static uint32_t table_of(const struct attrs *attrs, const struct rtmsg *rtm)
{
	return attrs->at[RTA_TABLE] ? u32_of(attrs, RTA_TABLE) : rtm->rtm_table;
}

static bool is_route(const struct rtmsg *rtm)
{
	return (rtm->rtm_family == AF_INET || rtm->rtm_family == AF_INET6) &&
	       !(rtm->rtm_flags & RTM_F_CLONED);
}

int fib_route_read(const struct nlmsghdr *h, struct hp_gate_route *out)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(h);
	struct attrs attrs;

	if (attrs_read(h, sizeof(*rtm), &attrs))
		return -EBADMSG;
	memset(out, 0, sizeof(*out));
	out->table = table_of(&attrs, rtm);
	if (!is_route(rtm) || out->table < HP_GATE_TABLE ||
	    out->table >= HP_GATE_TABLE + HP_GATE_TABLES)
		return -ENOENT;
	destination_of(&attrs, rtm, &out->to);
	out->metric = u32_of(&attrs, RTA_PRIORITY);
	if (rtm->rtm_type == RTN_UNICAST && attrs.at[RTA_OIF] && !attrs.at[RTA_GATEWAY])
		out->ifindex = (int32_t)u32_of(&attrs, RTA_OIF);
	else if (rtm->rtm_type != RTN_BLACKHOLE)
		out->ifindex = -1;
	return 0;
}

int fib_main_route_read(const struct nlmsghdr *h, struct hp_prefix *to, int *ifindex)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(h);
	struct attrs attrs;

	if (attrs_read(h, sizeof(*rtm), &attrs) || !is_route(rtm) ||
	    rtm->rtm_type != RTN_UNICAST || table_of(&attrs, rtm) != RT_TABLE_MAIN)
		return -ENOENT;
	destination_of(&attrs, rtm, to);
	*ifindex = (int)u32_of(&attrs, RTA_OIF);
	return 0;
}

int fib_address_read(const struct nlmsghdr *h, struct hp_prefix *addr)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(h);
	struct attrs attrs;
	bool v4;

	if (attrs_read(h, sizeof(*ifa), &attrs))
		return -ENOENT;
	v4 = ifa->ifa_family == AF_INET;
	if (!v4 && ifa->ifa_family != AF_INET6)
		return -ENOENT;
	prefix_of(&attrs, attrs.at[IFA_LOCAL] ? IFA_LOCAL : IFA_ADDRESS, v4 ? 32 : 128, v4, addr);
	return 0;
}

unsigned int fib_notice(const struct nlmsghdr *h)
{
	struct hp_gate_route r;

	switch (h->nlmsg_type) {
	case RTM_NEWRULE:
	case RTM_DELRULE:
		return HP_FIB_OURS;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return fib_route_read(h, &r) ? HP_FIB_ROUTES : HP_FIB_OURS;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return HP_FIB_LINKS;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return HP_FIB_ADDRS;
	default:
		return 0;
	}
}

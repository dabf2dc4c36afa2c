/* SPDX-License-Identifier: MIT
 *
 * Asking for a route (see rtnlask.h).
 */
#include "io/rtnlask.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

union request {
	struct nlmsghdr h;
	char buf[512];
};

static void put_addr(struct nlmsghdr *h, uint16_t type, const struct hp_addr *a)
{
	unsigned int len = hp_addr_is4(a) ? 4 : 16;

	mnl_attr_put(h, type, len, a->b + 16 - len);
}

static void fill(union request *r, const struct hp_rtnl_ask *q)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(r->buf);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(h, sizeof(*rtm));
	bool v4 = hp_addr_is4(&q->dst);

	h->nlmsg_type = RTM_GETROUTE;
	h->nlmsg_flags = NLM_F_REQUEST;
	h->nlmsg_seq = 1;
	rtm->rtm_family = v4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = v4 ? 32 : 128;
	put_addr(h, RTA_DST, &q->dst);
	if (!hp_addr_is_zero(&q->src)) {
		rtm->rtm_src_len = v4 ? 32 : 128;
		put_addr(h, RTA_SRC, &q->src);
	}
	if (q->iif)
		mnl_attr_put_u32(h, RTA_IIF, (uint32_t)q->iif);
	if (q->mark)
		mnl_attr_put_u32(h, RTA_MARK, q->mark);
}

static int attribute(const struct nlattr *a, void *arg)
{
	struct hp_rtnl_way *w = arg;
	uint16_t len = mnl_attr_get_payload_len(a);
	uint32_t be32;

	switch (mnl_attr_get_type(a)) {
	case RTA_OIF:
		if (len == 4)
			w->oif = (int)mnl_attr_get_u32(a);
		break;
	case RTA_PREFSRC:
		if (len == 16) {
			w->src = hp_addr_from6(mnl_attr_get_payload(a));
		} else if (len == 4) {
			memcpy(&be32, mnl_attr_get_payload(a), 4);
			w->src = hp_addr_from4(be32);
		}
		break;
	case RTA_GATEWAY:
	case RTA_VIA:
		w->gateway = true;
		break;
	}
	return MNL_CB_OK;
}

/* IPv6 answers with a route of such a type where IPv4 answers with an error. */
static int refusal(uint8_t type)
{
	switch (type) {
	case RTN_UNREACHABLE:
		return -EHOSTUNREACH;
	case RTN_PROHIBIT:
		return -EACCES;
	case RTN_BLACKHOLE:
		return -EINVAL;
	default:
		return 0;
	}
}

static int route(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(h);
	struct hp_rtnl_way *w = arg;

	if (h->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(h) < sizeof(*rtm)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	w->local = rtm->rtm_type == RTN_LOCAL || rtm->rtm_type == RTN_BROADCAST ||
		   rtm->rtm_type == RTN_ANYCAST || rtm->rtm_type == RTN_MULTICAST;
	errno = -refusal(rtm->rtm_type);
	if (errno)
		return MNL_CB_ERROR;
	return mnl_attr_parse(h, sizeof(*rtm), attribute, w) < 0 ? MNL_CB_ERROR : MNL_CB_STOP;
}

static int exchange(struct mnl_socket *nl, union request *r, mnl_cb_t read, void *out)
{
	char answer[8192];
	ssize_t n;

	if (mnl_socket_sendto(nl, &r->h, r->h.nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(nl, answer, sizeof(answer));
	if (n < 0)
		return -errno;
	return mnl_cb_run(answer, (size_t)n, 1, mnl_socket_get_portid(nl), read, out) < 0 ? -errno :
											    0;
}

struct mnl_socket *hp_rtnl_ask_open(void)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int err;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) >= 0)
		return nl;
	err = errno;
	mnl_socket_close(nl);
	errno = err;
	return NULL;
}

int hp_rtnl_ask(const struct hp_rtnl_ask *q, struct hp_rtnl_way *out)
{
	struct mnl_socket *nl = hp_rtnl_ask_open();
	union request r;
	int err;

	*out = (struct hp_rtnl_way){ .oif = 0 };
	if (!nl)
		return -errno;
	memset(&r, 0, sizeof(r));
	fill(&r, q);
	err = exchange(nl, &r, route, out);
	mnl_socket_close(nl);
	return err;
}

/* ---- the MTU of a link */

struct fib_match {
	int oif;
	unsigned int mtu; /* the route's own; 0: none */
};

static int metric(const struct nlattr *a, void *arg)
{
	struct fib_match *m = arg;

	if (mnl_attr_get_type(a) == RTAX_MTU && mnl_attr_get_payload_len(a) == 4)
		m->mtu = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

/* Of several next hops the first counts: which one a packet takes is not told. */
static void first_hop(const struct nlattr *a, struct fib_match *m)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(a);

	if (!m->oif && mnl_attr_get_payload_len(a) >= sizeof(*hop))
		m->oif = hop->rtnh_ifindex;
}

static int fib_attribute(const struct nlattr *a, void *arg)
{
	struct fib_match *m = arg;

	switch (mnl_attr_get_type(a)) {
	case RTA_OIF:
		if (mnl_attr_get_payload_len(a) == 4)
			m->oif = (int)mnl_attr_get_u32(a);
		break;
	case RTA_MULTIPATH:
		first_hop(a, m);
		break;
	case RTA_METRICS:
		if (mnl_attr_parse_nested(a, metric, m) < 0)
			return MNL_CB_ERROR;
		break;
	}
	return MNL_CB_OK;
}

static int fib_entry(const struct nlmsghdr *h, void *arg)
{
	if (h->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(h) < sizeof(struct rtmsg)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	return mnl_attr_parse(h, sizeof(struct rtmsg), fib_attribute, arg) < 0 ? MNL_CB_ERROR :
										 MNL_CB_STOP;
}

static int link_attribute(const struct nlattr *a, void *arg)
{
	if (mnl_attr_get_type(a) == IFLA_MTU && mnl_attr_get_payload_len(a) == 4)
		*(unsigned int *)arg = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static int link_found(const struct nlmsghdr *h, void *arg)
{
	if (h->nlmsg_type != RTM_NEWLINK ||
	    mnl_nlmsg_get_payload_len(h) < sizeof(struct ifinfomsg)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	return mnl_attr_parse(h, sizeof(struct ifinfomsg), link_attribute, arg) < 0 ? MNL_CB_ERROR :
										      MNL_CB_STOP;
}

static int device_mtu(struct mnl_socket *nl, int ifindex, unsigned int *mtu)
{
	struct ifinfomsg *ifi;
	union request r;
	int err;

	memset(&r, 0, sizeof(r));
	mnl_nlmsg_put_header(r.buf);
	r.h.nlmsg_type = RTM_GETLINK;
	r.h.nlmsg_flags = NLM_F_REQUEST;
	r.h.nlmsg_seq = 1;
	ifi = mnl_nlmsg_put_extra_header(&r.h, sizeof(*ifi));
	ifi->ifi_index = ifindex;
	*mtu = 0;
	err = exchange(nl, &r, link_found, mtu);
	return err ? err : *mtu ? 0 : -ENODEV;
}

int hp_rtnl_link_mtu(struct mnl_socket *nl, const struct hp_rtnl_ask *q, unsigned int *mtu)
{
	struct fib_match m = { .oif = 0 };
	struct rtmsg *rtm;
	union request r;
	int err;

	memset(&r, 0, sizeof(r));
	fill(&r, q);
	rtm = mnl_nlmsg_get_payload(&r.h);
	/* The entry of the table, not what the kernel has made of it for this destination. */
	rtm->rtm_flags |= RTM_F_FIB_MATCH;
	err = exchange(nl, &r, fib_entry, &m);
	if (!err)
		err = m.oif ? device_mtu(nl, m.oif, mtu) : -ENODEV;
	if (!err && m.mtu && m.mtu < *mtu)
		*mtu = m.mtu;
	return err;
}

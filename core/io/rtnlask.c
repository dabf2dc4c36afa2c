/* SPDX-License-Identifier: MIT
 *
 * Asking for a route (see rtnlask.h).
 */
#include "io/rtnlask.h"

#include <errno.h>
#include <libmnl/libmnl.h>
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

static int exchange(struct mnl_socket *nl, union request *r, struct hp_rtnl_way *out)
{
	char answer[8192];
	ssize_t n;

	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, &r->h, r->h.nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(nl, answer, sizeof(answer));
	if (n < 0)
		return -errno;
	return mnl_cb_run(answer, (size_t)n, 1, mnl_socket_get_portid(nl), route, out) < 0 ?
		       -errno : 0;
}

int hp_rtnl_ask(const struct hp_rtnl_ask *q, struct hp_rtnl_way *out)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	union request r;
	int err;

	*out = (struct hp_rtnl_way){ .oif = 0 };
	if (!nl)
		return -errno;
	memset(&r, 0, sizeof(r));
	fill(&r, q);
	err = exchange(nl, &r, out);
	mnl_socket_close(nl);
	return err;
}

/* SPDX-License-Identifier: MIT
 *
 * Interface addresses, routes and links by rtnetlink (see rtnl.h).
 */
#include "io/rtnl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <time.h>

#define REQUEST_MAX 512

union request {
	struct nlmsghdr h;
	char buf[REQUEST_MAX];
};

static struct nlmsghdr *begin(union request *r, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(r->buf);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	h->nlmsg_seq = 1;
	return h;
}

static int exchange(struct mnl_socket *nl, struct nlmsghdr *h)
{
	char answer[8192];
	ssize_t n;
	int r;

	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(nl, answer, sizeof(answer));
		if (n < 0)
			return -errno;
		r = mnl_cb_run(answer, (size_t)n, 1, mnl_socket_get_portid(nl), NULL,
			       NULL);
	} while (r == MNL_CB_OK);
	return r < 0 ? -errno : 0;
}

static int talk(struct nlmsghdr *h)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int err;

	if (!nl)
		return -errno;
	err = exchange(nl, h);
	mnl_socket_close(nl);
	return err;
}

static struct nlmsghdr *begin_link(union request *r, int ifindex, unsigned int flags)
{
	struct nlmsghdr *h = begin(r, RTM_NEWLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(h, sizeof(*ifi));

	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = ifindex;
	ifi->ifi_flags = ifi->ifi_change = flags;
	return h;
}

int hp_rtnl_link_up(int ifindex, unsigned int mtu, unsigned int txqueuelen)
{
	union request r;
	struct nlmsghdr *h = begin_link(&r, ifindex, IFF_UP);

	mnl_attr_put_u32(h, IFLA_MTU, mtu);
	mnl_attr_put_u32(h, IFLA_TXQLEN, txqueuelen);
	return talk(h);
}

int hp_rtnl_link_del(int ifindex)
{
	union request r;
	struct nlmsghdr *h = begin_link(&r, ifindex, 0);

	h->nlmsg_type = RTM_DELLINK;
	return talk(h);
}

int hp_rtnl_link_no_autoaddr(int ifindex)
{
	union request r;
	struct nlmsghdr *h = begin_link(&r, ifindex, 0);
	struct nlattr *spec = mnl_attr_nest_start(h, IFLA_AF_SPEC);
	struct nlattr *inet6 = mnl_attr_nest_start(h, AF_INET6);

	mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(h, inet6);
	mnl_attr_nest_end(h, spec);
	return talk(h);
}

/* Puts the address as an attribute of 4 or 16 octets. */
static void put_addr(struct nlmsghdr *h, uint16_t type, const struct hp_addr *a)
{
	unsigned int len = hp_addr_is4(a) ? 4 : 16;

	mnl_attr_put(h, type, len, a->b + 16 - len);
}

int hp_rtnl_addr(int ifindex, const struct hp_addr *addr, bool add)
{
	union request r;
	struct nlmsghdr *h = begin(&r, add ? RTM_NEWADDR : RTM_DELADDR,
				   add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(h, sizeof(*ifa));

	ifa->ifa_family = hp_addr_is4(addr) ? AF_INET : AF_INET6;
	ifa->ifa_prefixlen = hp_addr_is4(addr) ? 32 : 128;
	ifa->ifa_flags = IFA_F_PERMANENT | IFA_F_NODAD;
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	ifa->ifa_index = (unsigned int)ifindex;
	put_addr(h, IFA_LOCAL, addr);
	put_addr(h, IFA_ADDRESS, addr);
	return talk(h);
}

int hp_rtnl_route_add(int ifindex, const struct hp_prefix *to)
{
	union request r;
	struct nlmsghdr *h = begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(h, sizeof(*rtm));
	bool v4 = hp_addr_is4(&to->addr);

	rtm->rtm_family = v4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = (unsigned char)(v4 ? to->bits - 96 : to->bits);
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_scope = v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_UNICAST;
	put_addr(h, RTA_DST, &to->addr);
	mnl_attr_put_u32(h, RTA_OIF, (uint32_t)ifindex);
	return talk(h);
}

int hp_rtnl_neigh_proxy(int ifindex, const struct hp_addr *addr)
{
	union request r;
	struct nlmsghdr *h = begin(&r, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(h, sizeof(*ndm));

	ndm->ndm_family = hp_addr_is4(addr) ? AF_INET : AF_INET6;
	ndm->ndm_ifindex = ifindex;
	ndm->ndm_state = NUD_PERMANENT;
	ndm->ndm_flags = NTF_PROXY;
	put_addr(h, NDA_DST, addr);
	return talk(h);
}

/* SPDX-License-Identifier: MIT
 *
 * Hearing of removals in nf_tables (see nfwatch.h).
 */
#include "io/nfwatch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NOTICES_BUF (1 << 20)

struct hp_nfwatch {
	struct hp_loop *loop;
	struct hp_watch watch;
	struct mnl_socket *nl;
	const char *const *tables;
	void (*fn)(void *ctx, bool removed);
	void *ctx;
	char buf[16384];
};

/* The attribute that names the table has the same number in all three. */
static int table_attr(const struct nlattr *a, void *data)
{
	if (mnl_attr_get_type(a) == NFTA_TABLE_NAME && !mnl_attr_validate(a, MNL_TYPE_NUL_STRING))
		*(const char **)data = mnl_attr_get_str(a);
	return MNL_CB_OK;
}

enum news { NOTHING = 0, CHAIN = 1, REMOVAL = 2 };

static unsigned int news_of(const struct hp_nfwatch *w, const struct nlmsghdr *h)
{
	int type = h->nlmsg_type & 0xff;
	const char *table = NULL;

	if (h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    h->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		return NOTHING;
	if (type == NFT_MSG_NEWCHAIN)
		return CHAIN;
	if (type != NFT_MSG_DELTABLE && type != NFT_MSG_DELCHAIN && type != NFT_MSG_DELRULE)
		return NOTHING;
	mnl_attr_parse(h, sizeof(struct nfgenmsg), table_attr, &table);
	for (size_t i = 0; table && w->tables[i]; i++)
		if (!strcmp(table, w->tables[i]))
			return REMOVAL;
	return NOTHING;
}

/* Takes in all that is there. */
static unsigned int drain(struct hp_nfwatch *w)
{
	unsigned int news = NOTHING;
	ssize_t n;

	while ((n = recv(mnl_socket_get_fd(w->nl), w->buf, sizeof(w->buf), MSG_DONTWAIT)) > 0 ||
	       (n < 0 && errno == ENOBUFS)) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)w->buf;
		int left = (int)n;

		if (n < 0)
			news |= REMOVAL;
		for (; n > 0 && mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
			news |= news_of(w, h);
	}
	return news;
}

static void on_notice(void *ctx, uint32_t events)
{
	struct hp_nfwatch *w = ctx;
	unsigned int news = drain(w);

	(void)events;
	if (news)
		w->fn(w->ctx, news & REMOVAL);
}

static int listen_to(struct hp_nfwatch *w)
{
	int group = NFNLGRP_NFTABLES, size = NOTICES_BUF;

	w->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->nl || mnl_socket_bind(w->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	setsockopt(mnl_socket_get_fd(w->nl), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (mnl_socket_setsockopt(w->nl, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	return hp_loop_add(w->loop, &w->watch, mnl_socket_get_fd(w->nl), EPOLLIN, on_notice, w);
}

int hp_nfwatch_open(struct hp_loop *loop, const char *const *tables,
		    void (*fn)(void *ctx, bool removed), void *ctx, struct hp_nfwatch **out)
{
	struct hp_nfwatch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->loop = loop;
	w->tables = tables;
	w->fn = fn;
	w->ctx = ctx;
	err = listen_to(w);
	if (err) {
		hp_nfwatch_close(w);
		return err;
	}
	*out = w;
	return 0;
}

void hp_nfwatch_close(struct hp_nfwatch *w)
{
	if (!w)
		return;
	hp_loop_del(w->loop, &w->watch);
	if (w->nl)
		mnl_socket_close(w->nl);
	free(w);
}

void hp_nfwatch_skip(struct hp_nfwatch *w)
{
	if (w)
		drain(w);
}

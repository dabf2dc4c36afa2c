/* SPDX-License-Identifier: MIT
 *
 * The guard's table in the kernel (see guard.h; what is in it: guardrules.c).
 */
#include "io/guard.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "io/guardrules.h"

/* Linux 6.9; headers may be older. */
#define TABLE_OWNER   0x2
#define TABLE_PERSIST 0x4

#define PATIENCE_S 2

struct hp_guard {
	struct mnl_socket *nl;
	uint32_t seq;
	bool owned;  /* the table was made, or taken over, as ours */
	bool cannot_own; /* the kernel knows no owners, before Linux 6.9 */
	bool nat;    /* it has the chain that keeps sources */
	struct guard_names sets; /* that we have put into it */
};

static const struct {
	const char *name, *help;
} counters[HP_GUARD_COUNTS] = {
#define X(e, n, h) [HP_GUARD_##e] = { n, h },
	HP_GUARD_COUNTERS(X)
#undef X
};

const char *hp_guard_counter_name(enum hp_guard_counter c)
{
	return counters[c].name;
}

const char *hp_guard_counter_help(enum hp_guard_counter c)
{
	return counters[c].help;
}

/* ---- opening */

int hp_guard_open(struct hp_guard **out)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct hp_guard *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return -ENOMEM;
	g->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!g->nl || mnl_socket_bind(g->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		hp_guard_close(g);
		return err;
	}
	setsockopt(mnl_socket_get_fd(g->nl), SOL_SOCKET, SO_RCVTIMEO, &patience,
		   sizeof(patience));
	g->seq = (uint32_t)time(NULL);
	*out = g;
	return 0;
}

void hp_guard_close(struct hp_guard *g)
{
	if (!g)
		return;
	if (g->nl)
		mnl_socket_close(g->nl);
	free(g);
}

bool hp_guard_owned(const struct hp_guard *g)
{
	return g->owned;
}

/* ---- asking */

/* To the request with the last sequence number. */
static int answer(struct hp_guard *g, mnl_cb_t fn, void *arg)
{
	char buf[16384];
	ssize_t n;
	int r;

	do {
		n = mnl_socket_recvfrom(g->nl, buf, sizeof(buf));
		r = n < 0 ? -1 : mnl_cb_run(buf, (size_t)n, g->seq,
					    mnl_socket_get_portid(g->nl), fn, arg);
	} while (r == MNL_CB_OK);
	return r < 0 ? -errno : 0;
}

/* A request about our table, or (all) of all tables. */
static int ask(struct hp_guard *g, int type, uint16_t flags, uint16_t table_attr, mnl_cb_t fn,
	       void *arg)
{
	char buf[1024] = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nf;

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++g->seq;
	nf = mnl_nlmsg_put_extra_header(h, sizeof(*nf));
	nf->nfgen_family = table_attr ? NFPROTO_INET : NFPROTO_UNSPEC;
	if (table_attr)
		mnl_attr_put_strz(h, table_attr, HP_GUARD_TABLE);
	nft_drain(g->nl);
	if (mnl_socket_sendto(g->nl, h, h->nlmsg_len) < 0)
		return -errno;
	return answer(g, fn, arg);
}

int hp_guard_present(struct hp_guard *g)
{
	int err = ask(g, NFT_MSG_GETTABLE, NLM_F_ACK, NFTA_TABLE_NAME, NULL, NULL);

	return err == -ENOENT ? 0 : err ? err : 1;
}

bool hp_guard_sees_chain(struct hp_guard *g, uint8_t family, const char *table, const char *chain)
{
	char buf[4096] = { 0 };
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nf;

	h->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	h->nlmsg_seq = ++g->seq;
	nf = mnl_nlmsg_put_extra_header(h, sizeof(*nf));
	nf->nfgen_family = family;
	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, chain);
	nft_drain(g->nl);
	if (mnl_socket_sendto(g->nl, h, h->nlmsg_len) < 0)
		return true;
	return answer(g, NULL, NULL) != -ENOENT;
}

/* ---- other people's NAT */

struct attrs {
	const struct nlattr *at[16];
};

static int attr_one(const struct nlattr *a, void *data)
{
	struct attrs *attrs = data;

	if (mnl_attr_get_type(a) < 16)
		attrs->at[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

static const char *text_of(const struct attrs *attrs, int type)
{
	const struct nlattr *a = attrs->at[type];

	return a && !mnl_attr_validate(a, MNL_TYPE_NUL_STRING) ? mnl_attr_get_str(a) : "";
}

static int nat_one(const struct nlmsghdr *h, void *arg)
{
	struct attrs chain = { { NULL } }, hook = { { NULL } };
	const struct nlattr *a;

	mnl_attr_parse(h, sizeof(struct nfgenmsg), attr_one, &chain);
	a = chain.at[NFTA_CHAIN_HOOK];
	if (!a || strcmp(text_of(&chain, NFTA_CHAIN_TYPE), "nat") ||
	    !strcmp(text_of(&chain, NFTA_CHAIN_TABLE), HP_GUARD_TABLE))
		return MNL_CB_OK;
	mnl_attr_parse_nested(a, attr_one, &hook);
	a = hook.at[NFTA_HOOK_HOOKNUM];
	if (a && mnl_attr_get_payload_len(a) == 4 &&
	    ntohl(mnl_attr_get_u32(a)) == NF_INET_POST_ROUTING)
		*(bool *)arg = true;
	return MNL_CB_OK;
}

/* Without it conntrack may not run at all, and a chain of ours would make it run. */
static bool others_nat(struct hp_guard *g)
{
	bool found = false;
	char line[64];
	FILE *f;

	ask(g, NFT_MSG_GETCHAIN, NLM_F_DUMP, 0, nat_one, &found);
	f = found ? NULL : fopen("/proc/self/net/ip_tables_names", "re");
	while (f && fgets(line, sizeof(line), f))
		found |= !strcmp(line, "nat\n");
	if (f)
		fclose(f);
	return found;
}

bool hp_guard_outdated(struct hp_guard *g)
{
	return others_nat(g) != g->nat;
}

/* ---- making it */

/* Emptied, or replaced. */
static void clear(struct nft_batch *b, uint32_t flags, bool replace)
{
	nft_table(b, true, flags);
	if (replace) {
		nft_table(b, false, 0);
		nft_table(b, true, flags);
	}
	nft_rules_flush(b);
}

static bool has_name(const struct guard_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->at[i], name))
			return true;
	return false;
}

static void sets_del(struct nft_batch *b, const struct guard_names *had,
		     const struct guard_names *have)
{
	for (size_t i = 0; i < had->n; i++)
		if (!has_name(have, had->at[i]))
			nft_set_del(b, had->at[i]);
}

static int try_set(struct hp_guard *g, const struct hp_guard_cfg *cfg, uint32_t flags,
		   bool replace)
{
	struct guard_names names = { .n = 0 };
	uint64_t counts[HP_GUARD_COUNTS];
	bool had_nat = g->nat && !replace;
	struct nft_batch b;
	int err;

	g->nat = others_nat(g);
	if (replace)
		hp_guard_counts(g, counts);
	nft_begin(&b, HP_GUARD_TABLE, g->seq);
	clear(&b, flags, replace);
	if (had_nat && !g->nat)
		nft_chain_del(&b, "sources");
	err = guard_write(&b, cfg, g->nat, replace ? counts : NULL, &names);
	if (!replace)
		sets_del(&b, &g->sets, &names);
	g->seq = b.seq + 1;
	if (err)
		nft_free(&b);
	else
		err = nft_commit(&b, g->nl);
	if (!err)
		g->sets = names;
	return err;
}

int hp_guard_learn(struct hp_guard *g, const struct hp_addr *addr, bool known)
{
	struct nft_batch b;
	int err;

	nft_begin(&b, HP_GUARD_TABLE, g->seq);
	guard_host_write(&b, addr, known);
	g->seq = b.seq + 1;
	err = nft_commit(&b, g->nl);
	return err == -ENOENT && !known ? 0 : err;
}

/* What is to fail open must end with its maker: a table with an owner does. */
static int set_owned(struct hp_guard *g, const struct hp_guard_cfg *cfg)
{
	uint32_t flags = TABLE_OWNER | (cfg->want->stays_open ? 0 : TABLE_PERSIST);
	int err = try_set(g, cfg, flags, false);

	/* One of another shape is there: of an earlier version, with another priority. */
	if (err)
		err = try_set(g, cfg, flags, true);
	/* Flags of one that is there can't be changed. */
	if (err && !hp_guard_remove(g, NULL))
		err = try_set(g, cfg, flags, false);
	return err;
}

int hp_guard_set(struct hp_guard *g, const struct hp_guard_cfg *cfg, struct hp_io_err *e)
{
	int err = g->cannot_own ? -EOPNOTSUPP : set_owned(g, cfg);

	g->owned = !err;
	/* Each attempt removes the one that is there. */
	g->cannot_own |= err == -EOPNOTSUPP || err == -EINVAL;
	if (err && !cfg->want->stays_open)
		err = try_set(g, cfg, 0, false);
	if (err && !cfg->want->stays_open)
		err = try_set(g, cfg, 0, true);
	return err ? hp_io_fail(e, err, "guard: nf_tables: %s", strerror(-err)) : 0;
}

int hp_guard_remove(struct hp_guard *g, struct hp_io_err *e)
{
	int present = hp_guard_present(g), err = 0;
	struct nft_batch b;

	if (present == 0 || present == -EOPNOTSUPP || present == -EPROTONOSUPPORT)
		return 0;
	/* Taken over first, if it has no owner any more; of one without owners that fails. */
	for (int i = 0; i < 2; i++) {
		nft_begin(&b, HP_GUARD_TABLE, g->seq);
		if (!i)
			nft_table(&b, true, TABLE_OWNER | TABLE_PERSIST);
		nft_table(&b, false, 0);
		g->seq = b.seq + 1;
		err = nft_commit(&b, g->nl);
		if (!err)
			break;
	}
	g->nat = g->owned = false;
	g->sets.n = 0;
	return err && err != -ENOENT ? hp_io_fail(e, err, "guard: nf_tables: %s", strerror(-err)) : 0;
}

/* ---- counters */

static int count_one(const struct nlmsghdr *h, void *arg)
{
	struct attrs obj = { { NULL } }, data = { { NULL } };
	uint64_t *counts = arg, packets;

	mnl_attr_parse(h, sizeof(struct nfgenmsg), attr_one, &obj);
	if (strcmp(text_of(&obj, NFTA_OBJ_TABLE), HP_GUARD_TABLE) || !obj.at[NFTA_OBJ_DATA])
		return MNL_CB_OK;
	mnl_attr_parse_nested(obj.at[NFTA_OBJ_DATA], attr_one, &data);
	if (!data.at[NFTA_COUNTER_PACKETS] ||
	    mnl_attr_get_payload_len(data.at[NFTA_COUNTER_PACKETS]) != 8)
		return MNL_CB_OK;
	packets = mnl_attr_get_u64(data.at[NFTA_COUNTER_PACKETS]);
	for (int c = 0; c < HP_GUARD_COUNTS; c++)
		if (!strcmp(text_of(&obj, NFTA_OBJ_NAME), counters[c].name))
			counts[c] = be64toh(packets);
	return MNL_CB_OK;
}

int hp_guard_counts(struct hp_guard *g, uint64_t counts[HP_GUARD_COUNTS])
{
	memset(counts, 0, HP_GUARD_COUNTS * sizeof(*counts));
	return ask(g, NFT_MSG_GETOBJ, NLM_F_DUMP, NFTA_OBJ_TABLE, count_one, counts);
}

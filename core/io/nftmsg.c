/* SPDX-License-Identifier: MIT
 *
 * Writing and sending nf_tables transactions (see nftmsg.h).
 */
#include "io/nftmsg.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MESSAGE_MAX   49152 /* octets of one message; attributes end at 65535 */
#define ELEMENTS_MAX  400   /* of a set in one message */
#define ANSWER_BYTES  2048  /* what an answer occupies at most */
#define DATATYPE_IP4  7     /* what nft calls the key when it lists a set */
#define DATATYPE_IP6  8

/* ---- messages */

static bool room(struct nft_batch *b)
{
	size_t cap = b->cap ? b->cap * 2 : 4 * MESSAGE_MAX;
	char *p;

	if (b->failed)
		return false;
	if (b->cap - b->len >= MESSAGE_MAX)
		return true;
	p = realloc(b->buf, cap);
	if (!p) {
		b->failed = true;
		return false;
	}
	b->buf = p;
	b->cap = cap;
	return true;
}

static bool begin(struct nft_batch *b, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nfgenmsg *nf;

	if (!room(b))
		return false;
	memset(b->buf + b->len, 0, MESSAGE_MAX);
	b->msg = mnl_nlmsg_put_header(b->buf + b->len);
	b->msg->nlmsg_type = type;
	b->msg->nlmsg_flags = NLM_F_REQUEST | flags;
	b->msg->nlmsg_seq = ++b->seq;
	nf = mnl_nlmsg_put_extra_header(b->msg, sizeof(*nf));
	nf->nfgen_family = family;
	nf->version = NFNETLINK_V0;
	return true;
}

static void end(struct nft_batch *b)
{
	b->len += MNL_ALIGN(b->msg->nlmsg_len);
	b->msg = NULL;
}

/* About the table. */
static bool begin_nft(struct nft_batch *b, int type, uint16_t flags, uint16_t table_attr)
{
	if (!begin(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags | NLM_F_ACK,
		   NFPROTO_INET))
		return false;
	mnl_attr_put_strz(b->msg, table_attr, b->table);
	return true;
}

static void frame(struct nft_batch *b, uint16_t type)
{
	struct nfgenmsg *nf;

	if (!begin(b, type, 0, AF_UNSPEC))
		return;
	nf = mnl_nlmsg_get_payload(b->msg);
	nf->res_id = htons(NFNL_SUBSYS_NFTABLES);
	end(b);
}

void nft_begin(struct nft_batch *b, const char *table, uint32_t seq)
{
	*b = (struct nft_batch){ .table = table, .seq = seq, .first = seq + 1 };
	frame(b, NFNL_MSG_BATCH_BEGIN);
}

void nft_free(struct nft_batch *b)
{
	free(b->buf);
	b->buf = NULL;
}

/* Each message but the frame is acknowledged; after a failure not all are. */
static int answers(struct nft_batch *b, struct mnl_socket *nl)
{
	unsigned int left = b->seq - b->first - 1;
	char buf[16384];
	int err = 0;

	while (left && !err) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
		int size = (int)n;

		if (n < 0)
			return -errno;
		for (; mnl_nlmsg_ok(h, size); h = mnl_nlmsg_next(h, &size)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq < b->first ||
			    h->nlmsg_seq > b->seq)
				continue;
			left--;
			if (e->error && !err)
				err = e->error;
		}
	}
	return err;
}

void nft_drain(struct mnl_socket *nl)
{
	char buf[4096];

	while (recv(mnl_socket_get_fd(nl), buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		;
}

static int send_all(struct nft_batch *b, struct mnl_socket *nl)
{
	int out = (int)b->len * 2 + (1 << 16), in = (int)(b->seq - b->first) * ANSWER_BYTES + out;
	int on = 1;

	/* The transaction is one datagram, but each of its messages is answered, without waiting for
	 * us to read. */
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_SNDBUFFORCE, &out, sizeof(out));
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &in, sizeof(in));
	setsockopt(mnl_socket_get_fd(nl), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	nft_drain(nl);
	return mnl_socket_sendto(nl, b->buf, b->len) < 0 ? -errno : answers(b, nl);
}

int nft_commit(struct nft_batch *b, struct mnl_socket *nl)
{
	int err;

	frame(b, NFNL_MSG_BATCH_END);
	err = b->failed ? -ENOMEM : send_all(b, nl);
	nft_free(b);
	return err;
}

/* ---- table, chains, counters */

void nft_table(struct nft_batch *b, bool add, uint32_t flags)
{
	if (!begin_nft(b, add ? NFT_MSG_NEWTABLE : NFT_MSG_DELTABLE, add ? NLM_F_CREATE : 0,
		       NFTA_TABLE_NAME))
		return;
	if (add)
		mnl_attr_put_u32(b->msg, NFTA_TABLE_FLAGS, htonl(flags));
	end(b);
}

void nft_rules_flush(struct nft_batch *b)
{
	if (begin_nft(b, NFT_MSG_DELRULE, 0, NFTA_RULE_TABLE))
		end(b);
}

void nft_chain(struct nft_batch *b, const char *name, const struct nft_hook *hook)
{
	struct nlattr *nest;

	if (!begin_nft(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFTA_CHAIN_TABLE))
		return;
	mnl_attr_put_strz(b->msg, NFTA_CHAIN_NAME, name);
	if (hook) {
		nest = mnl_attr_nest_start(b->msg, NFTA_CHAIN_HOOK);
		mnl_attr_put_u32(b->msg, NFTA_HOOK_HOOKNUM, htonl(hook->hooknum));
		mnl_attr_put_u32(b->msg, NFTA_HOOK_PRIORITY, htonl((uint32_t)hook->priority));
		mnl_attr_nest_end(b->msg, nest);
		mnl_attr_put_u32(b->msg, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
		mnl_attr_put_strz(b->msg, NFTA_CHAIN_TYPE, hook->type);
	}
	end(b);
}

void nft_chain_del(struct nft_batch *b, const char *name)
{
	if (!begin_nft(b, NFT_MSG_DELCHAIN, 0, NFTA_CHAIN_TABLE))
		return;
	mnl_attr_put_strz(b->msg, NFTA_CHAIN_NAME, name);
	end(b);
}

void nft_counter(struct nft_batch *b, const char *name, uint64_t packets)
{
	struct nlattr *data;

	if (!begin_nft(b, NFT_MSG_NEWOBJ, NLM_F_CREATE, NFTA_OBJ_TABLE))
		return;
	mnl_attr_put_strz(b->msg, NFTA_OBJ_NAME, name);
	mnl_attr_put_u32(b->msg, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	data = mnl_attr_nest_start(b->msg, NFTA_OBJ_DATA);
	mnl_attr_put_u64(b->msg, NFTA_COUNTER_PACKETS, htobe64(packets));
	mnl_attr_put_u64(b->msg, NFTA_COUNTER_BYTES, 0);
	mnl_attr_nest_end(b->msg, data);
	end(b);
}

/* ---- sets */

void nft_set(struct nft_batch *b, const char *name, unsigned int len, bool intervals)
{
	if (!begin_nft(b, NFT_MSG_NEWSET, NLM_F_CREATE, NFTA_SET_TABLE))
		return;
	mnl_attr_put_strz(b->msg, NFTA_SET_NAME, name);
	mnl_attr_put_u32(b->msg, NFTA_SET_FLAGS, htonl(intervals ? NFT_SET_INTERVAL : 0));
	mnl_attr_put_u32(b->msg, NFTA_SET_KEY_TYPE, htonl(len == 4 ? DATATYPE_IP4 : DATATYPE_IP6));
	mnl_attr_put_u32(b->msg, NFTA_SET_KEY_LEN, htonl(len));
	mnl_attr_put_u32(b->msg, NFTA_SET_ID, htonl(b->seq));
	end(b);
	/* Without elements: all of them. */
	if (!begin_nft(b, NFT_MSG_DELSETELEM, 0, NFTA_SET_ELEM_LIST_TABLE))
		return;
	mnl_attr_put_strz(b->msg, NFTA_SET_ELEM_LIST_SET, name);
	end(b);
}

void nft_set_del(struct nft_batch *b, const char *name)
{
	if (!begin_nft(b, NFT_MSG_DELSET, 0, NFTA_SET_TABLE))
		return;
	mnl_attr_put_strz(b->msg, NFTA_SET_NAME, name);
	end(b);
}

static void put_data(struct nft_batch *b, uint16_t type, const void *value, size_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(b->msg, type);

	mnl_attr_put(b->msg, NFTA_DATA_VALUE, len, value);
	mnl_attr_nest_end(b->msg, nest);
}

static void element(struct nft_batch *b, const uint8_t *key, unsigned int len, bool is_end)
{
	struct nlattr *nest = mnl_attr_nest_start(b->msg, NFTA_LIST_ELEM);

	put_data(b, NFTA_SET_ELEM_KEY, key, len);
	if (is_end)
		mnl_attr_put_u32(b->msg, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
	mnl_attr_nest_end(b->msg, nest);
}

void nft_set_add(struct nft_batch *b, const char *name, unsigned int len,
		 const struct nft_interval *list, size_t n)
{
	struct nlattr *nest;

	for (size_t i = 0; i < n; i += ELEMENTS_MAX) {
		if (!begin_nft(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, NFTA_SET_ELEM_LIST_TABLE))
			return;
		mnl_attr_put_strz(b->msg, NFTA_SET_ELEM_LIST_SET, name);
		nest = mnl_attr_nest_start(b->msg, NFTA_SET_ELEM_LIST_ELEMENTS);
		for (size_t k = i; k < n && k < i + ELEMENTS_MAX; k++) {
			element(b, list[k].first, len, false);
			if (!list[k].open)
				element(b, list[k].end, len, true);
		}
		mnl_attr_nest_end(b->msg, nest);
		end(b);
	}
}

void nft_set_keys(struct nft_batch *b, const char *name, unsigned int len,
		  const uint8_t (*keys)[16], size_t n)
{
	struct nlattr *nest;

	for (size_t i = 0; i < n; i += ELEMENTS_MAX) {
		if (!begin_nft(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, NFTA_SET_ELEM_LIST_TABLE))
			return;
		mnl_attr_put_strz(b->msg, NFTA_SET_ELEM_LIST_SET, name);
		nest = mnl_attr_nest_start(b->msg, NFTA_SET_ELEM_LIST_ELEMENTS);
		for (size_t k = i; k < n && k < i + ELEMENTS_MAX; k++)
			element(b, keys[k], len, false);
		mnl_attr_nest_end(b->msg, nest);
		end(b);
	}
}

void nft_set_key(struct nft_batch *b, const char *name, unsigned int len, const uint8_t *key,
		 bool add)
{
	struct nlattr *nest;

	if (!begin_nft(b, add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, add ? NLM_F_CREATE : 0,
		       NFTA_SET_ELEM_LIST_TABLE))
		return;
	mnl_attr_put_strz(b->msg, NFTA_SET_ELEM_LIST_SET, name);
	nest = mnl_attr_nest_start(b->msg, NFTA_SET_ELEM_LIST_ELEMENTS);
	element(b, key, len, false);
	mnl_attr_nest_end(b->msg, nest);
	end(b);
}

/* ---- rules */

void nft_rule(struct nft_batch *b, const char *chain)
{
	if (!begin_nft(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFTA_RULE_TABLE))
		return;
	mnl_attr_put_strz(b->msg, NFTA_RULE_CHAIN, chain);
	b->exprs = mnl_attr_nest_start(b->msg, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(struct nft_batch *b)
{
	if (b->failed)
		return;
	mnl_attr_nest_end(b->msg, b->exprs);
	end(b);
}

struct expr {
	struct nlattr *elem, *data;
};

static struct expr expr(struct nft_batch *b, const char *name)
{
	struct expr e = { .elem = mnl_attr_nest_start(b->msg, NFTA_LIST_ELEM) };

	mnl_attr_put_strz(b->msg, NFTA_EXPR_NAME, name);
	e.data = mnl_attr_nest_start(b->msg, NFTA_EXPR_DATA);
	return e;
}

static void expr_end(struct nft_batch *b, struct expr e)
{
	mnl_attr_nest_end(b->msg, e.data);
	mnl_attr_nest_end(b->msg, e.elem);
}

static void u32(struct nft_batch *b, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(b->msg, type, htonl(value));
}

static void compare(struct nft_batch *b, bool is, const void *value, size_t len)
{
	struct expr e = expr(b, "cmp");

	u32(b, NFTA_CMP_SREG, NFT_REG_1);
	u32(b, NFTA_CMP_OP, is ? NFT_CMP_EQ : NFT_CMP_NEQ);
	put_data(b, NFTA_CMP_DATA, value, len);
	expr_end(b, e);
}

void nft_meta_is(struct nft_batch *b, uint32_t key, bool is, const void *value, size_t len)
{
	struct expr e;

	if (b->failed)
		return;
	e = expr(b, "meta");
	u32(b, NFTA_META_DREG, NFT_REG_1);
	u32(b, NFTA_META_KEY, key);
	expr_end(b, e);
	compare(b, is, value, len);
}

void nft_name_is(struct nft_batch *b, uint32_t key, bool is, const char *name)
{
	char octets[16] = "";

	strncpy(octets, name, sizeof(octets) - 1);
	nft_meta_is(b, key, is, octets, sizeof(octets));
}

static void load(struct nft_batch *b, struct nft_field f)
{
	struct expr e = expr(b, "payload");

	u32(b, NFTA_PAYLOAD_DREG, NFT_REG_1);
	u32(b, NFTA_PAYLOAD_BASE, f.base);
	u32(b, NFTA_PAYLOAD_OFFSET, f.offset);
	u32(b, NFTA_PAYLOAD_LEN, f.len);
	expr_end(b, e);
}

void nft_field_range(struct nft_batch *b, struct nft_field f, const void *min, const void *max)
{
	struct expr e;

	if (b->failed)
		return;
	load(b, f);
	e = expr(b, "range");
	u32(b, NFTA_RANGE_SREG, NFT_REG_1);
	u32(b, NFTA_RANGE_OP, NFT_RANGE_EQ);
	put_data(b, NFTA_RANGE_FROM_DATA, min, f.len);
	put_data(b, NFTA_RANGE_TO_DATA, max, f.len);
	expr_end(b, e);
}

static const uint8_t zeros[16];

static void bitwise(struct nft_batch *b, const void *mask, const void *flip, uint32_t len)
{
	struct expr e = expr(b, "bitwise");

	u32(b, NFTA_BITWISE_SREG, NFT_REG_1);
	u32(b, NFTA_BITWISE_DREG, NFT_REG_1);
	u32(b, NFTA_BITWISE_LEN, len);
	put_data(b, NFTA_BITWISE_MASK, mask, len);
	put_data(b, NFTA_BITWISE_XOR, flip, len);
	expr_end(b, e);
}

void nft_field_masked(struct nft_batch *b, struct nft_field f, const void *mask,
		      const void *value)
{
	if (b->failed)
		return;
	load(b, f);
	bitwise(b, mask, zeros, f.len);
	compare(b, true, value, f.len);
}

void nft_field_is(struct nft_batch *b, struct nft_field f, const void *value)
{
	if (b->failed)
		return;
	load(b, f);
	compare(b, true, value, f.len);
}

void nft_field_in(struct nft_batch *b, struct nft_field f, const uint8_t *mask, const char *set)
{
	struct expr e;

	if (b->failed)
		return;
	load(b, f);
	if (mask)
		bitwise(b, mask, zeros, f.len);
	e = expr(b, "lookup");
	u32(b, NFTA_LOOKUP_SREG, NFT_REG_1);
	mnl_attr_put_strz(b->msg, NFTA_LOOKUP_SET, set);
	expr_end(b, e);
}

static void mark_expr(struct nft_batch *b, uint16_t reg)
{
	struct expr e = expr(b, "meta");

	u32(b, reg, NFT_REG_1);
	u32(b, NFTA_META_KEY, NFT_META_MARK);
	expr_end(b, e);
}

void nft_marked(struct nft_batch *b, uint32_t bits)
{
	if (b->failed)
		return;
	mark_expr(b, NFTA_META_DREG);
	bitwise(b, &bits, zeros, sizeof(bits));
	compare(b, true, &bits, sizeof(bits));
}

void nft_mark(struct nft_batch *b, uint32_t bits)
{
	uint32_t others = ~bits;

	if (b->failed)
		return;
	mark_expr(b, NFTA_META_DREG);
	bitwise(b, &others, &bits, sizeof(bits));
	mark_expr(b, NFTA_META_SREG);
}

void nft_daddr_local(struct nft_batch *b, bool is)
{
	uint32_t local = 2; /* RTN_LOCAL */
	struct expr e;

	if (b->failed)
		return;
	e = expr(b, "fib");
	u32(b, NFTA_FIB_DREG, NFT_REG_1);
	u32(b, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	u32(b, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	expr_end(b, e);
	compare(b, is, &local, sizeof(local));
}

static void ct(struct nft_batch *b, uint32_t key, uint32_t mask, uint32_t value)
{
	struct expr e;

	if (b->failed)
		return;
	e = expr(b, "ct");
	u32(b, NFTA_CT_DREG, NFT_REG_1);
	u32(b, NFTA_CT_KEY, key);
	expr_end(b, e);
	bitwise(b, &mask, zeros, sizeof(mask));
	compare(b, true, &value, sizeof(value));
}

void nft_ct_mark(struct nft_batch *b, uint32_t mask, uint32_t mark)
{
	ct(b, NFT_CT_MARK, mask, mark);
}

void nft_ct_begins(struct nft_batch *b)
{
	ct(b, NFT_CT_STATE,
	   NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED), 0);
}

void nft_verdict(struct nft_batch *b, int code, const char *chain)
{
	struct nlattr *data, *verdict;
	struct expr e;

	if (b->failed)
		return;
	e = expr(b, "immediate");
	u32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = mnl_attr_nest_start(b->msg, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(b->msg, NFTA_DATA_VERDICT);
	u32(b, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		mnl_attr_put_strz(b->msg, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(b->msg, verdict);
	mnl_attr_nest_end(b->msg, data);
	expr_end(b, e);
}

void nft_count(struct nft_batch *b, const char *counter)
{
	struct expr e;

	if (b->failed)
		return;
	e = expr(b, "objref");
	u32(b, NFTA_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	mnl_attr_put_strz(b->msg, NFTA_OBJREF_IMM_NAME, counter);
	expr_end(b, e);
}

void nft_keep_source(struct nft_batch *b, struct nft_field saddr, uint8_t family)
{
	struct expr e;

	if (b->failed)
		return;
	load(b, saddr);
	e = expr(b, "nat");
	u32(b, NFTA_NAT_TYPE, NFT_NAT_SNAT);
	u32(b, NFTA_NAT_FAMILY, family == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	u32(b, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	u32(b, NFTA_NAT_REG_ADDR_MAX, NFT_REG_1);
	expr_end(b, e);
}

/* SPDX-License-Identifier: MIT
 *
 * Messages of nf_tables (linux/netfilter/nf_tables.h): a transaction is written into a buffer,
 * expression by expression, and sent in one go.
 *
 * Written with libmnl alone: libnftables is GPL-2.0-only, OpenSSL's licence is Apache-2.0.
 */
#ifndef HP_IO_NFTMSG_H
#define HP_IO_NFTMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

struct nft_batch {
	char *buf;
	size_t len, cap;
	uint32_t first, seq;   /* sequence numbers of the first and the last message */
	const char *table;     /* borrowed */
	struct nlmsghdr *msg;  /* being written */
	struct nlattr *exprs;  /* the open list of a rule's expressions */
	bool failed;	       /* memory is out */
};

/* Begins a transaction about one table of family inet. */
void nft_begin(struct nft_batch *b, const char *table, uint32_t seq);
/* Sends it.  0, or -errno of the first message that was refused. */
int nft_commit(struct nft_batch *b, struct mnl_socket *nl);
/* Throws away answers to an earlier transaction, which was refused. */
void nft_drain(struct mnl_socket *nl);
void nft_free(struct nft_batch *b);

void nft_table(struct nft_batch *b, bool add, uint32_t flags);
void nft_rules_flush(struct nft_batch *b);
/* hook NULL: a chain that others jump to. */
struct nft_hook {
	const char *type; /* "filter", "nat" */
	uint32_t hooknum;
	int32_t priority;
};
void nft_chain(struct nft_batch *b, const char *name, const struct nft_hook *hook);
void nft_chain_del(struct nft_batch *b, const char *name);
/* packets: what it begins with, if it is not there. */
void nft_counter(struct nft_batch *b, const char *name, uint64_t packets);

/* A set of keys of len octets (4 or 16), or of intervals of them, emptied if it is there. */
void nft_set(struct nft_batch *b, const char *name, unsigned int len, bool intervals);
/* No rule may name it any more. */
void nft_set_del(struct nft_batch *b, const char *name);
void nft_set_keys(struct nft_batch *b, const char *name, unsigned int len,
		  const uint8_t (*keys)[16], size_t n);
/* One key more or less; having it, or not having it, already is no error of the former. */
void nft_set_key(struct nft_batch *b, const char *name, unsigned int len, const uint8_t *key,
		 bool add);
/* The keys from first up to but without end; end NULL: to the largest. */
struct nft_interval {
	uint8_t first[16], end[16];
	bool open;
};
void nft_set_add(struct nft_batch *b, const char *name, unsigned int len,
		 const struct nft_interval *list, size_t n);

/* ---- a rule: begin, expressions, end */

void nft_rule(struct nft_batch *b, const char *chain);
void nft_rule_end(struct nft_batch *b);

void nft_meta_is(struct nft_batch *b, uint32_t key, bool is, const void *value, size_t len);
void nft_name_is(struct nft_batch *b, uint32_t key, bool is, const char *name);
/* Octets of the packet: base NFT_PAYLOAD_... */
struct nft_field {
	uint32_t base, offset, len;
};
void nft_field_range(struct nft_batch *b, struct nft_field f, const void *min, const void *max);
/* Equal to value where mask has bits. */
void nft_field_masked(struct nft_batch *b, struct nft_field f, const void *mask,
		      const void *value);
void nft_field_is(struct nft_batch *b, struct nft_field f, const void *value);
/* Those bits of it that mask has; mask NULL: all. */
void nft_field_in(struct nft_batch *b, struct nft_field f, const uint8_t *mask, const char *set);
/* The packet's mark has all these bits; it gets them. */
void nft_marked(struct nft_batch *b, uint32_t bits);
void nft_mark(struct nft_batch *b, uint32_t bits);
/* The destination is, or isn't, an address of this machine. */
void nft_daddr_local(struct nft_batch *b, bool is);
void nft_ct_mark(struct nft_batch *b, uint32_t mask, uint32_t mark);
/* Neither of an established connection nor related to one. */
void nft_ct_begins(struct nft_batch *b);
/* NF_DROP, NFT_RETURN; or NFT_GOTO, NFT_JUMP with a chain. */
void nft_verdict(struct nft_batch *b, int code, const char *chain);
void nft_count(struct nft_batch *b, const char *counter);
/* Source NAT to the address that the packet has: no later rule changes it. */
void nft_keep_source(struct nft_batch *b, struct nft_field saddr, uint8_t family);

#endif

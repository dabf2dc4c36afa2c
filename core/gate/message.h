/* SPDX-License-Identifier: MIT
 *
 * Messages between hipproxyd and hipproxy-gate.  Pure: octets in, struct out, and back.
 *
 * One message is one packet of a SOCK_SEQPACKET socket on one machine, so numbers are in the
 * machine's own order.  A message has at most HP_GATE_MSG_MAX octets:
 *
 *	octets	0	type
 *		1	flags
 *		2, 3	number of prefixes
 *		4..7	sequence number; an answer has that of its request
 *		8, 9	octets of text
 *		10, 11	number of numbers
 *		12..	prefixes (16 octets address, 1 octet length), text, numbers (8 octets each)
 *
 * Which of them a type may have is a row of a table in message.c; everything else is refused.
 */
#ifndef HP_GATE_MESSAGE_H
#define HP_GATE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

#define HP_GATE_VERSION	     1	  /* of this protocol, in HELLO */
#define HP_GATE_MSG_PREFIXES 1024
#define HP_GATE_MSG_TEXT     512  /* with the ending zero */
#define HP_GATE_MSG_NUMBERS  24
#define HP_GATE_MSG_BEGUN    (HP_GATE_MSG_NUMBERS - 1) /* connections that are named */
#define HP_GATE_MSG_MAX (12 + HP_GATE_MSG_PREFIXES * 17 + HP_GATE_MSG_TEXT + HP_GATE_MSG_NUMBERS * 8)

/* X(enum suffix, most prefixes, fewest, text: 0 none, 1 may, 2 must, most numbers, fewest) */
#define HP_GATE_MESSAGES(X)                                                                  \
	/* of hipproxyd: "I am the daemon, with this configuration"; number: version; with the \
	 * descriptor of the TUN device, if it has it already */                               \
	X(HELLO, 0, 0, 2, 1, 1)                                                                \
	/* read the configuration anew, use it with the next READY */                          \
	X(LOAD, 0, 0, 0, 0, 0)                                                                 \
	/* lists for the next READY, in parts: BEGIN with the first one */                     \
	X(POOLS, HP_GATE_MSG_PREFIXES, 0, 0, 0, 0)                                             \
	X(HOSTED, HP_GATE_MSG_PREFIXES, 0, 0, 0, 0)                                            \
	X(MASQUERADE, HP_GATE_MSG_PREFIXES, 0, 0, 0, 0)                                        \
	X(ADDRESSES, HP_GATE_MSG_PREFIXES, 0, 0, 0, 0)                                         \
	X(LEARNED, HP_GATE_MSG_PREFIXES, 0, 0, 0, 0)                                           \
	/* BEGIN: what was loaded and listed is in force now; ON: clients are protected */      \
	X(READY, 0, 0, 0, 0, 0)                                                                \
	X(LEARN, HP_GATE_MSG_PREFIXES, 1, 0, 0, 0)                                             \
	X(FORGET, HP_GATE_MSG_PREFIXES, 1, 0, 0, 0)                                            \
	/* ARP or ND for an address on an interface */                                         \
	X(ANSWER, 1, 1, 2, 0, 0)                                                               \
	/* with the descriptor of a socket that wants large buffers */                         \
	X(BUFFERS, 0, 0, 0, 0, 0)                                                              \
	X(BYE, 0, 0, 0, 0, 0)                                                                  \
	/* of anybody who may */                                                               \
	X(STATUS, 0, 0, 0, 0, 0)                                                               \
	X(OPEN, 0, 0, 0, 0, 0)                                                                 \
	X(CLEANUP, 0, 0, 0, 0, 0)                                                              \
	/* of hipproxy-gate: answers, and what it says unasked (DEVICE, CHANGED) */            \
	X(DONE, 0, 0, 1, 1, 0)                                                                 \
	X(REFUSED, 0, 0, 2, 1, 1)                                                              \
	X(REPORT, 0, 0, 1, HP_GATE_MSG_NUMBERS, 0)                                             \
	X(DEVICE, 0, 0, 2, 1, 1)                                                               \
	X(CHANGED, 0, 0, 0, 0, 0)                                                              \
	/* of anybody who may: connections that began in the clear and go on */                \
	X(BEGUN, 0, 0, 0, 0, 0)                                                                \
	/* to BEGUN; prefixes: source and destination of each; numbers: how many there are, then  \
	 * protocol << 32 | source port << 16 | destination port of each that is named */         \
	X(CONNECTIONS, 2 * HP_GATE_MSG_BEGUN, 0, 0, HP_GATE_MSG_NUMBERS, 1)

enum hp_gate_msg_type {
	HP_GM_NONE,
#define X(e, p, q, t, n, m) HP_GM_##e,
	HP_GATE_MESSAGES(X)
#undef X
	HP_GATE_MSG_TYPES
};

enum hp_gate_msg_flag {
	HP_GATE_BEGIN = 1, /* of a list: what was said before does not count */
	HP_GATE_ON = 2,
};

struct hp_gate_msg {
	enum hp_gate_msg_type type;
	uint8_t flags;
	uint32_t seq;
	size_t n_prefixes, n_numbers;
	struct hp_prefix prefixes[HP_GATE_MSG_PREFIXES];
	uint64_t numbers[HP_GATE_MSG_NUMBERS];
	char text[HP_GATE_MSG_TEXT];
};

/* 0 and *out, or -EBADMSG: cut, too long, of an unknown type, with something its type has not, a
 * prefix that is none, or a text with control characters. */
int hp_gate_msg_parse(const uint8_t *p, size_t len, struct hp_gate_msg *out);
/* Octets written to out, at most cap; or -EINVAL: hp_gate_msg_parse would refuse it, -ENOSPC. */
int hp_gate_msg_build(const struct hp_gate_msg *m, uint8_t *out, size_t cap);
const char *hp_gate_msg_name(enum hp_gate_msg_type type);

/* The numbers of REPORT, in their order.  The guard's counters follow. */
enum hp_gate_report_number {
	HP_GATE_R_FLAGS, /* enum hp_gate_report_flag */
	HP_GATE_R_RULES,
	HP_GATE_R_ROUTES,
	HP_GATE_R_REPAIRS,
	HP_GATE_R_REPAIRED_S, /* since the last one */
	HP_GATE_R_ERRNO,      /* of the last comparison, 0: the kernel's state is the wanted one */
	HP_GATE_R_REFUSED,    /* messages */
	HP_GATE_R_LEARNED,
	HP_GATE_R_RECONCILE_US, /* the last comparison */
	HP_GATE_R_LEARN_US,	/* the last LEARN */
	HP_GATE_R_BACKEND,	/* enum hp_rules_backend of discovery */
	HP_GATE_R_PID,
	HP_GATE_R_GUARD, /* the first of the guard's counters */
};

enum hp_gate_report_flag {
	HP_GATE_F_KEPT = 1,	 /* there is a wanted state */
	HP_GATE_F_CLIENTS = 2,	 /* which protects clients */
	HP_GATE_F_GUARD = 4,	 /* the guard's table stands */
	HP_GATE_F_OWNED = 8,	 /* and others can't remove it */
	HP_GATE_F_QUEUEING = 16, /* discovery has rules */
	HP_GATE_F_LAST = 32,	 /* from the last good state, for the configuration is wrong */
};

#endif

/* SPDX-License-Identifier: MIT
 *
 * Application-level gateways: plugins that read and change the payload of TCP connections or UDP
 * datagrams, and that announce connections to come.
 *
 * A plugin lists its gateways in struct hp_plugin.algs.  The core follows each flow whose server's
 * port is one of a gateway's ports: it makes a session, calls the gateway's function with the
 * payload in legacy form, and frees the session with the flow.  Other flows cost nothing.
 *
 * TCP (core step "core.seqadj"): the function gets every octet of each direction once and in
 * order, whatever the segments were.  The core adjusts sequence and acknowledgement numbers,
 * SACK, retransmissions and checksums.  Octets of which the function wants to see more are held:
 * they are acknowledged to the sender once everything before them has arrived, because a sender
 * may wait for that before it sends more (RFC 9293, section 3.7.4).  The last octet that the
 * function waits for is acknowledged by the real receiver only, so nothing is lost.
 *
 * UDP (core step "core.alg"): the function gets each datagram whole and alone, and may replace
 * it by a longer or shorter one.  The core sets lengths and checksums.  A datagram that has grown
 * beyond the path is fragmented, even if its sender has forbidden that, because the sender can't
 * know its new length.
 *
 * Both steps are in the stages OUT_L7 and IN_L7.  Hooks before them see a packet as its sender
 * made it, hooks after them as its receiver will get it.
 */
#ifndef HIPPROXY_ALG_H
#define HIPPROXY_ALG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>
#include <hipproxy/flow.h>
#include <hipproxy/packet.h>

struct hp_instance;

/* The core sets this flag (hp_flow_flags) for flows that it follows; plugins must not set it. */
#define HP_FLOW_FOLLOWED (UINT32_C(1) << 31)

#define HP_ALG_HOLD         1024u  /* default of hold_bytes */
#define HP_ALG_HOLD_MAX     65536u
#define HP_ALG_GROW         1024u  /* a replacement may be so much longer than hold_bytes */
#define HP_ALG_EXPECT       8u     /* default of expect_per_flow */
#define HP_ALG_EXPECT_MAX   256u
#define HP_ALG_EXPECT_ALL   4096u  /* default of expect_all */
#define HP_ALG_EXPECT_LIMIT 16384u /* of all plugins together */
#define HP_ALG_RANGE        64u    /* ports that one expectation may have */

/* A followed flow, valid during one call. */
struct hp_alg_call {
	struct hp_instance *self;
	struct hp_packet *packet;      /* for hp_packet_drop only; NULL in open and close */
	struct hp_flow *flow;
	const struct hp_flow_key *key; /* the flow's addresses and ports */
	void *session;                 /* session_bytes octets; NULL if there are none */
	bool outbound;                 /* the client is the legacy host; else it is the HIP peer */
	bool is4;                      /* the legacy side is IPv4 */
	enum hp_direction dir;         /* of the payload */
	bool from_client;              /* the client has sent the payload */
};

/* What takes the payload's place. */
struct hp_alg_out {
	bool replace;   /* false before the call: the payload stays as it is */
	size_t len;     /* of data, octets; 0: the payload vanishes (a datagram becomes empty) */
	uint8_t *data;  /* room for cap octets, the core's */
	size_t cap;
};

struct hp_alg {
	const char *name;          /* "plugin.what", begins with the plugin's name */
	uint8_t proto;             /* 6 (TCP) or 17 (UDP) */
	/* The setting that has the server's ports: a HP_CONF_INTS row of the plugin's schema, by
	 * HP_ALG_PORTS(struct settings, ports). */
	size_t ports_offset;
	size_t session_bytes;      /* zeroed at the beginning, aligned for any type */
	uint32_t hold_bytes;       /* TCP: most octets that are held; 0: HP_ALG_HOLD */
	uint16_t expect_per_flow;  /* ports that one flow may have announced; 0: HP_ALG_EXPECT */
	uint16_t expect_all;       /* all its flows together; 0: HP_ALG_EXPECT_ALL */

	/* A flow begins.  0, or -errno: the flow is not followed.  Optional. */
	int (*open)(struct hp_alg_call *c);
	/* TCP.  data: the next len octets (above 0) of the direction.  Returns how many of them, from
	 * the first on, are used up: they stay as they are or are replaced.  0: the function needs
	 * more to decide, and gets the same octets again with more behind them.  What is longer than
	 * hold_bytes passes unchanged. */
	size_t (*stream)(struct hp_alg_call *c, const uint8_t *data, size_t len,
			 struct hp_alg_out *out);
	/* UDP.  data: the payload, len octets (may be 0).  HP_NEXT, or hp_packet_drop. */
	enum hp_verdict (*datagram)(struct hp_alg_call *c, const uint8_t *data, size_t len,
				    struct hp_alg_out *out);
	/* The flow ends.  The session is freed afterwards.  Optional. */
	void (*close)(struct hp_alg_call *c);
	const char *help;          /* one sentence */
};

#define HP_ALG_PORTS(type, field) offsetof(type, field)

/* on: the rest of this direction passes unseen (numbers are still adjusted), octets that are held
 * with its next segment; off: it is shown again, from the next octet or datagram on. */
void hp_alg_transparent(struct hp_flow *f, enum hp_direction dir, bool on);

/* ---- connections to come */

enum hp_expect_kind {
	/* The peer will begin: its packets to hip_port of the flow's Host Identity go to port of the
	 * flow's legacy host, whatever the rules say of that port. */
	HP_EXPECT_PEER,
	/* The legacy host will begin: its packets to port of the address by which it knows the peer
	 * go to hip_port of the flow's peer, whatever the policy says of that port. */
	HP_EXPECT_LEGACY,
};

#define HP_EXPECT_ANY_PEER 1u        /* PEER: other peers too, see hp_expect */
#define HP_EXPECT_ALWAYS   UINT16_MAX /* times: until the timeout */

struct hp_expectation {
	enum hp_expect_kind kind;
	uint8_t proto;        /* 0: the flow's own */
	uint8_t options;      /* HP_EXPECT_ANY_PEER */
	uint16_t port;        /* on the legacy side; 0 for protocols that have no ports */
	uint16_t hip_port;    /* on the HIT side.  0: chosen, port itself if possible; hp_expect fills
			       * it in.  LEGACY: 0 is port */
	uint16_t n_ports;     /* so many consecutive ports from there on; 0: one */
	uint16_t from_port;   /* the port that the first packet comes from; 0: any */
	uint16_t times;       /* connections of each port; 0: one */
	uint32_t flow_flags;  /* marks of the new flows */
	uint32_t timeout_ms;  /* above 0 */
	const struct hp_alg *alg; /* the new flows are followed by this gateway of the plugin,
				   * whatever their ports; NULL: their ports say */
};

/* Announces a connection, or a UDP conversation, that flow f has told of.  It is expected until its
 * timeout or the end of f.  The same expectation again renews the first one.
 *
 * Of a range all ports are announced or none.  Chosen ports of a range keep the parity of port
 * (RFC 3550, section 11).  A UDP port of the legacy host that has a port on the HIT side keeps it.
 *
 * ANY_PEER: in front of clients every authenticated peer may use the expectation; in front of a
 * server every peer that the rules let reach the flow's own service.
 *
 * 0; -EINVAL: a port is missing or beyond 65535, no timeout; -EADDRINUSE: hip_port, or all that were
 * tried, are in use; -ENOBUFS: too many of this flow, this plugin or all; -ENOMEM; -EOPNOTSUPP: the
 * core does not carry the protocol, or can't expect this (ICMP; ANY_PEER with LEGACY; alg of another
 * protocol). */
int hp_expect(struct hp_instance *self, struct hp_flow *f, struct hp_expectation *e);

#endif

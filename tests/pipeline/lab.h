/* SPDX-License-Identifier: MIT
 *
 * Two pipelines in one process, each with its engine (tests/exchange/world.h): node 0 is a
 * client-side proxy, node 1 a host.  Packets and verdicts are queues that tests read; what
 * leaves is looked at by code that shares nothing with the product's.
 *
 * Every packet handed out is a piece of memory of its own, so that a sanitizer sees whoever
 * touches it too far or too late.
 */
#ifndef HP_PIPELINE_LAB_H
#define HP_PIPELINE_LAB_H

#include "../exchange/world.h"
#include "../unit/packets.h"
#include "conf/conf.h"
#include "pipe/pipe.h"
#include "plugin/registry.h"

#include "flow/flowdb.h"
#include "flow/peerdb.h"

#define LAB_SEEN     8192
#define LAB_BURST    512
#define LAB_CAPTURED 65536

/* A packet that left, read anew from its octets. */
struct seen {
	uint8_t *data;
	size_t len;
	bool partial;
	uint16_t gso;
	bool right; /* lengths and every checksum */
	int family;
	struct hp_addr src, dst;
	uint8_t proto, ttl, tos, type, code;
	bool df, more;
	uint32_t frag_off, id;
	const uint8_t *l4, *payload; /* behind the transport header */
	size_t l4_len, payload_len;
	uint16_t sport, dport;
	uint32_t mtu; /* of an ICMP error */
};

/* Fills the rest from data, len and partial. */
void seen_read(struct seen *s);

enum verdict { NONE, PASSED, MARKED, STOLEN };

/* One ESP packet on the wire. */
struct wire_esp {
	int to;
	enum hp_outer_kind kind;
	uint64_t at_ms;
	struct hp_path path; /* as the sender has it */
	uint8_t tos, ttl;
	bool df;
	size_t len;
	uint8_t data[]; /* from the SPI on */
};

struct lab;

/* Descriptors that the plugin watches: polled once a millisecond of the lab's clock. */
#define LAB_FDS 16
struct lab_fd {
	int fd;
	unsigned int events;
	struct hp_plugin_fd *w; /* NULL: unused */
};

struct node {
	struct lab *lab;
	int at;
	struct hp_conf *conf;
	const char *client;  /* more settings of the client group, before lab_start */
	const char *more;    /* more groups */
	struct hp_registry *registry;
	const struct hp_plugin *plugin;
	const void *settings; /* the plugin's */
	struct lab_fd fds[LAB_FDS];
	struct hp_pipe *pipe;
	struct hp_pipe_ops ops;
	int (*control_send)(struct node *n, const struct hp_outer_run *r); /* NULL: none is sent so */
	struct hp_addr client_hit, host_hit; /* zero: as the role says */
	unsigned int mtu_outer, mtu_plain;
	int plain_err, esp_err;
	long live, pool_left; /* packets handed out now; how many more there are */
	struct seen out[LAB_SEEN];
	size_t n_out;
	unsigned n_captured;
	uint8_t verdict[LAB_CAPTURED];
	bool judged_twice;
	unsigned told; /* how often verdicts were to be sent */
	unsigned esp_sent, esp_batches, esp_cut; /* cut: left for outer fragments */
	unsigned int esp_mtu;                    /* of fragments, of the latest run */
	size_t esp_longest;                      /* outer packet, octets */
	uint8_t esp_tos, esp_ttl;                /* of the latest */
	unsigned flows_new, flows_gone;
};

struct lab {
	struct world w; /* first */
	struct node n[2];
	bool stranger;     /* node 0 does not know the peer from its configuration */
	struct hp_addr also; /* another address of node 1, for HIP; zero: none */
	bool discard;      /* what leaves is not kept */
	bool routed;       /* clients' packets come by routes, not out of the queue */
	uint32_t ahead_flows; /* struct hp_pipe_deps */
	bool pool_sized;   /* packets come in buffers as the daemon's pool has them, not in tight ones */
	enum fate (*hip_fate)(struct lab *l, const struct side *from, struct packet *p);
	enum fate (*esp_fate)(struct lab *l, struct wire_esp *e);
	unsigned count;    /* for the fates */
	struct wire_esp *wire[LAB_SEEN];
	size_t n_wire;
	struct hp_packet *burst[LAB_BURST]; /* received by node 0, not handed in yet */
	unsigned n_burst;
	struct wire_esp *last; /* a copy of the latest ESP packet sent */
};

/* Addresses in use: proxied destinations 203.0.113.0/24 and 2001:db8:f::/48 lead to the host;
 * clients are anything else. */
#define LAB_SERVED4 "203.0.113.5"
#define LAB_SERVED6 "2001:db8:f::5"
#define LAB_CLIENT4 "10.0.0.2"
#define LAB_CLIENT6 "2001:db8:1::2"

void lab_init(struct lab *l);
void lab_start(struct lab *l);
/* Configuration of a node as it would be now; the caller's. */
struct hp_conf *lab_conf(struct lab *l, int at);
/* The node forgets everything; its key may have changed. */
void lab_restart(struct lab *l, int at);
/* Another pipeline on the same engine, whose associations stay.  As lab_fini. */
bool lab_renew(struct lab *l, int at);
/* Node 0 takes the configuration as it would be now. */
void lab_reconfigure(struct lab *l);
/* Frees all; true if every packet came back and each captured one got exactly one verdict. */
bool lab_fini(struct lab *l);
void lab_run(struct lab *l, unsigned ms);
/* Delivers the ESP that is due; lab_run does. */
void lab_deliver(struct lab *l);

/* Each frees the model.  lab_capture gives the packet's number, for lab_verdict; lab_receive does
 * the same, but the packet is handed in by lab_end_burst with all that were received meanwhile. */
unsigned lab_receive(struct lab *l, struct hp_packet *model);
void lab_end_burst(struct lab *l);
/* Packets that the kernel of a node has routed to its TUN device, in one burst. */
void lab_routed(struct lab *l, int at, struct hp_packet *const *p, unsigned n);
unsigned lab_capture(struct lab *l, struct hp_packet *model);
void lab_local(struct lab *l, int at, struct hp_packet *model);
enum verdict lab_verdict(const struct lab *l, unsigned id);
/* Octets as an ESP packet from the other node. */
void lab_esp(struct lab *l, int to, const uint8_t *data, size_t len);

/* What left node `at` towards the plain side since the last lab_forget: packet i, or one that
 * is all zero. */
const struct seen *lab_out(const struct lab *l, int at, size_t i);
size_t lab_count(const struct lab *l, int at);
bool lab_all_right(const struct lab *l, int at);
void lab_forget(struct lab *l, int at);
uint64_t lab_drops(const struct lab *l, int at, enum hp_drop_reason r);
/* All reasons together. */
uint64_t lab_drops_all(const struct lab *l, int at);

/* ---- packets of one conversation */

struct talk {
	struct hp_addr client, served;
	uint16_t sport, dport;
	uint32_t seq;
};

struct talk lab_talk4(uint16_t sport);
struct talk lab_talk6(uint16_t sport);
/* From the client. */
struct hp_packet *lab_syn(const struct talk *t, uint16_t mss);
struct hp_packet *lab_tcp(struct talk *t, const void *data, size_t len);
struct hp_packet *lab_udp(const struct talk *t, const void *data, size_t len);
/* The host's answer to what it saw, as its kernel would hand it to the TUN device. */
struct hp_packet *lab_reply(const struct seen *s, uint8_t flags, const void *data, size_t len);
/* Octets that tests compare. */
const uint8_t *lab_text(void);
/* Captures a SYN, lets it through and forgets what left: there is a flow now. */
void lab_open(struct lab *l, struct talk *t);

#endif

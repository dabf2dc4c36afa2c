/* SPDX-License-Identifier: MIT
 *
 * The configuration as plain C structs: hipproxy.conf(5) says what each key means.
 *
 * The main file is read first, then conf.d/NAME.conf beside it in the order of their names.  A
 * later scalar replaces an earlier one, groups are merged, lists are joined.  Everything is
 * checked and every complaint reported as `file:line: key: what was expected`; with any
 * complaint there is no configuration at all.  Nothing changes after loading; all strings and
 * lists belong to struct hp_conf.
 */
#ifndef HP_CONF_CONF_H
#define HP_CONF_CONF_H

#include <stdio.h>

#include <hipproxy/conf.h>
#include <hipproxy/log.h>

/* HP_CONF_DIR is a macro of the build: /etc/hipproxy unless configure was told otherwise. */
#define HP_CONF_DEFAULT_PATH HP_CONF_DIR "/hipproxy.conf"

/* In the order of the engine's, the rules' and the policy's own enums. */
enum hp_conf_opportunistic { HP_CONF_OPP_OFF, HP_CONF_OPP_PINNED, HP_CONF_OPP_ON };
enum hp_conf_backend { HP_CONF_BACKEND_AUTO, HP_CONF_BACKEND_IPTABLES, HP_CONF_BACKEND_NFT };
enum hp_conf_capture { HP_CONF_CAPTURE_AS_NEEDED, HP_CONF_CAPTURE_QUEUE, HP_CONF_CAPTURE_ROUTE };
enum hp_conf_plain { HP_CONF_PLAIN_CUT, HP_CONF_PLAIN_UNTIL_END };
enum hp_conf_failure { HP_CONF_FAIL_CLOSED, HP_CONF_FAIL_OPEN };
enum hp_conf_unknown { HP_CONF_UNKNOWN_PASS, HP_CONF_UNKNOWN_BLOCK };
/* RFC 4787, section 5: endpoint-independent, address-dependent, address and port-dependent. */
enum hp_conf_filter { HP_CONF_FILTER_NONE, HP_CONF_FILTER_ADDRESS, HP_CONF_FILTER_PORT };
enum hp_conf_probe { HP_CONF_PROBE_HOLD, HP_CONF_PROBE_BACKGROUND };
enum hp_conf_action { HP_CONF_PROTECT, HP_CONF_BYPASS, HP_CONF_BLOCK };
enum hp_conf_engine { HP_CONF_ENGINE_AUTO, HP_CONF_ENGINE_OPENSSL, HP_CONF_ENGINE_IPSEC_MB };
enum hp_conf_access { HP_CONF_ALLOW, HP_CONF_DENY };
enum hp_conf_sandbox { HP_CONF_SANDBOX_ON, HP_CONF_SANDBOX_LOG, HP_CONF_SANDBOX_OFF };

struct hp_conf_identity {
	const char *name;
	const char *key;   /* PEM file, checked to be there and private */
	const char *di;    /* domain identifier (FQDN or NAI) to send, or "" */
	bool anonymous;
};

struct hp_conf_control {
	const char *socket;
	const char *group;             /* who may use it besides root; "": nobody */
};

struct hp_conf_log {
	int target;                    /* enum hp_log_target */
	int level;                     /* enum hp_log_level */
	int subsys[HP_LOG_SUBSYSTEMS]; /* enum hp_log_level, or -1: as level */
};

struct hp_conf_hip {
	struct hp_conf_ints dh_groups;      /* RFC 7401 numbers, preferred first */
	struct hp_conf_strings ciphers;     /* "aes-128-cbc", ... */
	struct hp_conf_ints hit_suites;     /* RFC 7401 and 9374 numbers */
	uint8_t puzzle_k, puzzle_k_max;
	uint8_t puzzle_k_accept;            /* harder ones are refused */
	uint32_t puzzle_lifetime_s;
	bool encrypt_host_id;
	int opportunistic_initiator;        /* enum hp_conf_opportunistic */
	int opportunistic_responder;
	const char *pins, *revoked;         /* files */
	uint32_t retransmit_ms, retransmit_max;
	uint32_t ual_s;                     /* unused association lifetime; 0: for ever */
	uint32_t workers;                   /* threads for public-key work */
	uint32_t r1_lifetime_s, r1_per_s, load_per_s;
	uint32_t dead_peer_ms;              /* 0: never ask */
	bool rekey_dh;
	bool allow_null;                    /* NULL ciphers may be used: for debugging */
};

struct hp_conf_esp {
	struct hp_conf_strings suites;      /* preferred first */
	uint32_t replay_window;             /* packets */
	uint64_t rekey_packets, rekey_bytes; /* 0: only ESP's own limits */
	int engine;                         /* enum hp_conf_engine */
	const char *keylog;                 /* file for keys of ESP, "": none */
};

struct hp_conf_rule {
	struct hp_prefix client, destination; /* bits 0: any */
	int proto;                            /* IP protocol number, 0: any */
	struct hp_conf_ports ports;           /* destination port; 0..65535: any */
	int action;                           /* enum hp_conf_action */
	int probe;                            /* enum hp_conf_probe, or -1: as client.probe */
};

struct hp_conf_rules {
	struct hp_conf_rule *at;
	size_t n;
};

struct hp_conf_client {
	bool enabled;
	const char *identity;               /* name in identities; "": the first */
	struct hp_conf_strings other_identities; /* names: where a peer does not accept that */
	struct hp_conf_strings interfaces;  /* none: all */
	struct hp_conf_prefixes networks;   /* of clients whose traffic is protected */
	struct hp_conf_prefixes hip_hosts;  /* speak HIP themselves */
	uint16_t queue;                     /* first of two NFQUEUE numbers */
	int backend;                        /* enum hp_conf_backend */
	int capture;                        /* enum hp_conf_capture: accepted, without effect */
	int on_failure, on_stop;            /* enum hp_conf_failure */
	int begun_plain;                    /* enum hp_conf_plain */
	int unknown;                        /* enum hp_conf_unknown */
	int probe;                          /* enum hp_conf_probe */
	uint32_t negative_lifetime_s, positive_lifetime_s;
	struct hp_conf_strings resolvers;   /* service names in the order to ask */
	struct hp_conf_strings locators;    /* the same */
	uint32_t hold_packets, hold_bytes;  /* per destination */
	uint32_t hold_timeout_ms;
	uint32_t mark, mark_mask;
	uint32_t divert_mark;               /* of packets that leave the TUN device */
	struct hp_conf_rules rules;
};

struct hp_conf_accept {
	struct hp_addr peer;
	int action;                         /* enum hp_conf_access */
};

struct hp_conf_accepts {
	struct hp_conf_accept *at;
	size_t n;
};

struct hp_conf_host {
	bool enabled;
	const char *identity;               /* name in identities; "": the first */
	struct hp_conf_accepts accept;
	int accept_default;                 /* enum hp_conf_access */
};

struct hp_conf_tun {
	const char *name;
	uint16_t mtu;
};

struct hp_conf_peer {
	struct hp_addr hit;
	struct hp_conf_addrs addresses;     /* locators; at least one */
	struct hp_conf_prefixes serves;     /* legacy destinations; none given: addresses */
	const char *name;                   /* or "" */
	bool esn_icv;                       /* its ICV covers the high half of sequence numbers */
};

struct hp_conf_peers {
	struct hp_conf_peer *at;
	size_t n;
};

struct hp_conf_limits {
	uint32_t flows, associations, peers;
	uint32_t client_share, peer_share;  /* percent, of one client or peer */
	uint32_t hold_packets;              /* all destinations together */
	uint32_t reassembly;                /* unfinished datagrams */
	uint32_t packets;                   /* packet pool */
	uint32_t jobs;                      /* queue to the workers */
};

struct hp_conf_translation {
	uint16_t lowest_ipv6_mtu;           /* RFC 7915, section 4.1 */
};

struct hp_conf_performance {
	uint32_t busy_poll_us;              /* see hp_loop_busy_poll; 0: never */
};

struct hp_conf_timeouts {
	uint32_t tcp_syn_s, tcp_established_s, tcp_closing_s;
	uint32_t udp_s, udp_unreplied_s, icmp_s, other_s;
	uint32_t reassembly_s;
};

struct hp_conf_identities {
	struct hp_conf_identity *at;
	size_t n;
};

struct hp_conf_tree; /* the files as parsed, for plugins' groups */

struct hp_conf {
	struct hp_conf_identities identities; /* at least one; names differ */
	struct hp_conf_control control;
	const char *pidfile;                  /* "": none */
	const char *state;                    /* file of flows and peers, "": none */
	int sandbox;                          /* enum hp_conf_sandbox */
	struct hp_conf_log log;
	struct hp_conf_hip hip;
	struct hp_conf_esp esp;
	struct hp_conf_client client;
	struct hp_conf_host host;
	struct hp_conf_tun tun;
	struct hp_conf_peers peers;
	struct hp_conf_limits limits;
	struct hp_conf_translation translation;
	struct hp_conf_performance performance;
	struct hp_conf_timeouts timeouts;
	int filtering;                        /* enum hp_conf_filter */
	struct hp_conf_ints protocols;        /* other IP protocols that are carried */
	const char *plugin_dir;
	struct hp_conf_strings plugins;       /* names of the groups in `plugins`, in order */

	struct hp_conf_tree *tree;
};

/* Where complaints go, one line each without newline.  n counts them. */
struct hp_conf_report {
	void (*line)(void *ctx, const char *text);
	void *ctx;
	unsigned n;
	void (*warn)(void *ctx, const char *text); /* NULL: warnings are left out; not counted */
};

/* Loads path and conf.d beside it.  0 and *out (hp_conf_free), or -EINVAL after having
 * reported everything that is wrong, -ENOMEM.  Files named by the configuration (keys) are
 * looked at, not read. */
int hp_conf_load(const char *path, struct hp_conf **out, struct hp_conf_report *report);
/* As hp_conf_load for text in memory: for tests; no conf.d, @include is refused, and the files
 * that settings name are not looked at. */
int hp_conf_parse(const char *text, struct hp_conf **out, struct hp_conf_report *report);
/* As hp_conf_parse for a text from elsewhere that may hold the group peers and nothing else; only
 * (*out)->peers is set.  name: what complaints call it. */
int hp_conf_parse_peers(const char *name, const char *text, struct hp_conf **out,
			struct hp_conf_report *report);
void hp_conf_free(struct hp_conf *conf);
/* Calls fn for each file that conf was read from, some more than once; one that was included is called
 * what @include calls it. */
void hp_conf_each_file(const struct hp_conf *conf, void (*fn)(void *ctx, const char *path),
		       void *ctx);
/* Calls fn for each path (HP_CONF_ABSOLUTE) in the struct that rows describe, except empty ones. */
void hp_conf_each_path(const struct hp_conf_row *rows, const void *base,
		       void (*fn)(void *ctx, const struct hp_conf_row *row, const char *path),
		       void *ctx);

/* What was given for the key with this full name, plugins' keys included
 * ("plugins.server.hosted[0].identity"): NULL, or otherwise, if nothing of this type was. */
const char *hp_conf_string_at(const struct hp_conf *conf, const char *key);
int64_t hp_conf_int_at(const struct hp_conf *conf, const char *key, int64_t otherwise);

/* Shows fn each string in the groups of plugins, until it returns something else than 0, which is
 * returned. */
int hp_conf_plugin_strings(const struct hp_conf *conf, int (*fn)(void *ctx, const char *text),
			   void *ctx);

/* Is one of these strings this text? */
bool hp_conf_plugin_names(const struct hp_conf *conf, const char *text);

/* May something be found out about destinations of which nothing is known?  Otherwise there is
 * nothing to discover: all of it is routed to the daemon, or none. */
bool hp_conf_discovers(const struct hp_conf *conf);

/* Settings of one plugin (the group plugins.NAME) by its rows into a struct of bytes octets,
 * owned by conf.  0, -EINVAL after having reported, -ENOMEM. */
int hp_conf_plugin(struct hp_conf *conf, const char *name, const struct hp_conf_row *rows,
		   size_t bytes, const void **out, struct hp_conf_report *report);

/* Reports "file:line: key: text" for the setting with this full name ("peers[1].hit").  A
 * setting that was not given is reported where the nearest group around it is. */
void hp_conf_complain_key(const struct hp_conf *conf, struct hp_conf_report *report,
			  const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* As hp_conf_complain_key, for what does not keep the daemon from starting. */
void hp_conf_warn_key(const struct hp_conf *conf, struct hp_conf_report *report,
		      const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Reports each key that differs and can change only by a restart; returns how many. */
unsigned hp_conf_diff(const struct hp_conf *old, const struct hp_conf *new,
		      struct hp_conf_report *report);

/* Do all keys have the same values?  Plugins' groups are not compared. */
bool hp_conf_is_same(const struct hp_conf *a, const struct hp_conf *b);

/* The identity called name, the first one for ""; NULL if there is none. */
const struct hp_conf_identity *hp_conf_identity_find(const struct hp_conf *conf,
						     const char *name);

/* The schema of the core's own keys, for manual page checks. */
const struct hp_conf_row *hp_conf_schema(void);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Every key of the configuration: type, range, default, help.  hipproxy.conf(5) is made of these rows
 * (man/settings.awk).
 */
#include "conf/schema.h"

#include <net/if.h>

#define AT HP_CONF_AT

static const char *const names_target[] = { "stderr", "syslog", "journal", "auto", NULL };
static const char *const names_level[] = { "error", "warning", "notice", "info", "debug", NULL };
static const char *const names_opp[] = { "off", "pinned", "on", NULL };
static const char *const names_engine[] = { "auto", "openssl", "ipsec-mb", NULL };
static const char *const names_backend[] = { "auto", "iptables", "nft", NULL };
static const char *const names_capture[] = { "as-needed", "queue", "route", NULL };
static const char *const names_plain[] = { "cut", "until-end", NULL };
static const char *const names_failure[] = { "closed", "open", NULL };
static const char *const names_unknown[] = { "pass", "block", NULL };
static const char *const names_probe[] = { "hold", "background", NULL };
static const char *const names_filter[] = { "endpoint-independent", "address",
					   "address-and-port", NULL };
static const char *const names_action[] = { "protect", "bypass", "block", NULL };
static const char *const names_access[] = { "allow", "deny", NULL };
static const char *const names_sandbox[] = { "on", "log", "off", NULL };
static const char *const names_proto[] = { "any", "tcp", "udp", "icmp", "icmpv6", "gre", "sctp",
					  "udp-lite", NULL };
static const char *const names_cipher[] = { "aes-128-cbc", "aes-256-cbc", "null", NULL };
static const char *const names_suite[] = {
	"aes-128-gcm-16", "aes-128-cbc-hmac-sha-256", "aes-256-cbc-hmac-sha-256",
	"aes-128-gcm-8", "null-hmac-sha-256", NULL
};

static const struct hp_conf_row rows_identity[] = {
	{ "name", HP_CONF_STRING, HP_CONF_REQUIRED, AT(struct hp_conf_identity, name),
	  1, 64, .help = "name that other settings use for this identity" },
	{ "key", HP_CONF_STRING, HP_CONF_REQUIRED | HP_CONF_SECRET | HP_CONF_ABSOLUTE,
	  AT(struct hp_conf_identity, key), 1, 4095,
	  .help = "file with the private key, PEM" },
	{ "di", HP_CONF_STRING, 0, AT(struct hp_conf_identity, di), 0, 255,
	  .help = "domain identifier that is sent to peers" },
	{ "anonymous", HP_CONF_BOOL, 0, AT(struct hp_conf_identity, anonymous), .def = "false",
	  .help = "ask peers not to publish this identity" },
	HP_CONF_END
};

static const struct hp_conf_row rows_control[] = {
	{ "socket", HP_CONF_STRING, HP_CONF_RESTART | HP_CONF_ABSOLUTE,
	  AT(struct hp_conf_control, socket), 1, 107, .def = HP_RUN_DIR "/control",
	  .help = "Unix socket of hipproxyctl" },
	{ "group", HP_CONF_STRING, HP_CONF_RESTART, AT(struct hp_conf_control, group), 0, 32,
	  "hipproxy",
	  .help = "group whose members may use the socket besides root; \"\": none" },
	HP_CONF_END
};

#define SUBSYS(key, id) \
	{ key, HP_CONF_ENUM, 0, AT(struct hp_conf_log, subsys[id]), .names = names_level, \
	  .help = "level of this subsystem, if it is not log.level" }

static const struct hp_conf_row rows_log[] = {
	{ "target", HP_CONF_ENUM, 0, AT(struct hp_conf_log, target), .def = "auto",
	  .names = names_target, .help = "where log lines are written" },
	{ "level", HP_CONF_ENUM, 0, AT(struct hp_conf_log, level), .def = "info",
	  .names = names_level, .help = "least important lines that are written" },
	SUBSYS("core", HP_LOG_CORE),
	SUBSYS("hip", HP_LOG_HIP),
	SUBSYS("esp", HP_LOG_ESP),
	SUBSYS("flow", HP_LOG_FLOW),
	SUBSYS("pipe", HP_LOG_PIPE),
	SUBSYS("io", HP_LOG_IO),
	SUBSYS("conf", HP_LOG_CONF),
	SUBSYS("plugin", HP_LOG_PLUGIN),
	SUBSYS("ctl", HP_LOG_CTL),
	HP_CONF_END
};

#define HIP(field) AT(struct hp_conf_hip, field)

static const struct hp_conf_row rows_hip[] = {
	{ "dh_groups", HP_CONF_INTS, 0, HIP(dh_groups), 1, 255, "7, 8, 9, 4, 11, 3",
	  .help = "Diffie-Hellman groups, preferred first" },
	{ "ciphers", HP_CONF_NAMES, 0, HIP(ciphers), 1, 8, "aes-128-cbc, aes-256-cbc",
	  names_cipher, .help = "ciphers of control packets, preferred first" },
	{ "hit_suites", HP_CONF_INTS, 0, HIP(hit_suites), 1, 15, "2, 1",
	  .help = "HIT suites, preferred first" },
	{ "puzzle_k", HP_CONF_INT, 0, HIP(puzzle_k), 0, 28, "0",
	  .help = "difficulty of puzzles for Initiators without load", .unit = "bits" },
	{ "puzzle_k_max", HP_CONF_INT, 0, HIP(puzzle_k_max), 0, 28, "16",
	  .help = "difficulty of puzzles under the highest load", .unit = "bits" },
	{ "puzzle_k_accept", HP_CONF_INT, 0, HIP(puzzle_k_accept), 0, 40, "20",
	  .help = "difficulty of the hardest puzzle that is solved as Initiator",
	  .unit = "bits" },
	{ "puzzle_lifetime", HP_CONF_INT, 0, HIP(puzzle_lifetime_s), 1, 32768, "64",
	  .help = "shortest time in which a puzzle can be answered", .unit = "seconds" },
	{ "encrypt_host_id", HP_CONF_BOOL, 0, HIP(encrypt_host_id), .def = "false",
	  .help = "send the Host Identity encrypted as Initiator" },
	{ "opportunistic_initiator", HP_CONF_ENUM, 0, HIP(opportunistic_initiator),
	  .def = "off", .names = names_opp,
	  .help = "begin exchanges with addresses whose HIT is not known" },
	{ "opportunistic_responder", HP_CONF_ENUM, 0, HIP(opportunistic_responder),
	  .def = "off", .names = names_opp,
	  .help = "answer an I1 with a zero receiver HIT" },
	{ "pins", HP_CONF_STRING, HP_CONF_ABSOLUTE, HIP(pins), 1, 4095,
	  HP_STATE_DIR "/pins", .help = "file of pinned HITs" },
	{ "revoked", HP_CONF_STRING, HP_CONF_ABSOLUTE, HIP(revoked), 1, 4095,
	  HP_STATE_DIR "/revoked",
	  .help = "file of HITs that hipproxyctl revoke has refused" },
	{ "retransmit_ms", HP_CONF_INT, 0, HIP(retransmit_ms), 10, 60000, "500",
	  .help = "time before the first retransmission" },
	{ "retransmit_max", HP_CONF_INT, 0, HIP(retransmit_max), 0, 30, "5",
	  .help = "retransmissions of a message" },
	{ "ual_s", HP_CONF_INT, 0, HIP(ual_s), 0, 604800, "900",
	  .help = "an association that is unused for this time is closed; 0: never" },
	{ "workers", HP_CONF_INT, HP_CONF_RESTART, HIP(workers), 1, 64, "1",
	  .help = "threads for signatures, key agreement and puzzles" },
	{ "r1_lifetime_s", HP_CONF_INT, 0, HIP(r1_lifetime_s), 10, 86400, "300",
	  .help = "how long a signed R1 is used" },
	{ "r1_per_s", HP_CONF_INT, 0, HIP(r1_per_s), 0, 1000000, "200",
	  .help = "R1 packets to one address in a second; 0: no limit" },
	{ "load_per_s", HP_CONF_INT, 0, HIP(load_per_s), 1, 1000000, "500",
	  .help = "I2 packets in a second above which puzzles get harder" },
	{ "dead_peer_ms", HP_CONF_INT, 0, HIP(dead_peer_ms), 0, 3600000, "5000",
	  .help = "after one-way traffic for this time the peer is probed; 0: never" },
	{ "rekey_dh", HP_CONF_BOOL, 0, HIP(rekey_dh), .def = "false",
	  .help = "new Diffie-Hellman values at each rekeying" },
	{ "allow_null", HP_CONF_BOOL, 0, HIP(allow_null), .def = "false",
	  .help = "permit ciphers and suites that do not encrypt, for debugging" },
	HP_CONF_END
};

static const struct hp_conf_row rows_esp[] = {
	{ "suites", HP_CONF_NAMES, 0, AT(struct hp_conf_esp, suites), 1, 8,
	  "aes-128-gcm-16, aes-128-cbc-hmac-sha-256, aes-256-cbc-hmac-sha-256, aes-128-gcm-8",
	  names_suite, .help = "ESP suites, preferred first" },
	{ "replay_window", HP_CONF_INT, 0, AT(struct hp_conf_esp, replay_window), 64, 65536,
	  "1024", .help = "size of the replay window", .unit = "packets" },
	{ "rekey_packets", HP_CONF_INT, 0, AT(struct hp_conf_esp, rekey_packets), 0, INT64_MAX,
	  "0", .help = "new keys after this number of packets; 0: by the suite's limit" },
	{ "rekey_bytes", HP_CONF_INT, 0, AT(struct hp_conf_esp, rekey_bytes), 0, INT64_MAX,
	  "0", .help = "new keys after this number of octets; 0: by the suite's limit" },
	{ "engine", HP_CONF_ENUM, 0, AT(struct hp_conf_esp, engine), .def = "auto",
	  .names = names_engine, .help = "library for the cryptography of data packets" },
	{ "keylog", HP_CONF_STRING, HP_CONF_RESTART | HP_CONF_ABSOLUTE,
	  AT(struct hp_conf_esp, keylog), 0, 4095, "",
	  .help = "file for the keys of data packets, for debugging; \"\": none" },
	HP_CONF_END
};

#define RULE(field) AT(struct hp_conf_rule, field)

static const struct hp_conf_row rows_rule[] = {
	{ "client", HP_CONF_PREFIX, 0, RULE(client),
	  .help = "source addresses; if not given, all" },
	{ "destination", HP_CONF_PREFIX, 0, RULE(destination),
	  .help = "destination addresses; if not given, all" },
	{ "protocol", HP_CONF_ENUM, 0, RULE(proto), .def = "any", .names = names_proto,
	  .help = "transport protocol" },
	{ "ports", HP_CONF_PORTS, 0, RULE(ports),
	  .help = "destination ports; if not given, all" },
	{ "action", HP_CONF_ENUM, HP_CONF_REQUIRED, RULE(action), .names = names_action,
	  .help = "\"protect\", \"bypass\" or \"block\"" },
	{ "probe", HP_CONF_ENUM, 0, RULE(probe), .names = names_probe,
	  .help = "as client.probe, for this rule" },
	HP_CONF_END
};

#define CLIENT(field) AT(struct hp_conf_client, field)

static const struct hp_conf_row rows_client[] = {
	{ "enabled", HP_CONF_BOOL, HP_CONF_RESTART, CLIENT(enabled), .def = "false",
	  .help = "be a proxy for legacy clients whose traffic this machine forwards" },
	{ "identity", HP_CONF_STRING, HP_CONF_RESTART, CLIENT(identity), 0, 64, "",
	  .help = "identity that stands for the clients; \"\": the first" },
	{ "other_identities", HP_CONF_STRINGS, HP_CONF_RESTART, CLIENT(other_identities), 0, 8,
	  .help = "identities for peers that do not accept the HIT suite of "
		  "client.identity" },
	{ "interfaces", HP_CONF_STRINGS, 0, CLIENT(interfaces), 0, 64,
	  .help = "interfaces of the clients; if not given, all" },
	{ "networks", HP_CONF_PREFIXES, 0, CLIENT(networks), 0, 1024,
	  .help = "addresses of the clients" },
	{ "hip_hosts", HP_CONF_PREFIXES, 0, CLIENT(hip_hosts), 0, 1024,
	  .help = "clients that speak HIP themselves" },
	{ "queue", HP_CONF_INT, HP_CONF_RESTART, CLIENT(queue), 0, 65534, "100",
	  .help = "first of two NFQUEUE numbers" },
	{ "backend", HP_CONF_ENUM, HP_CONF_RESTART, CLIENT(backend), .def = "auto",
	  .names = names_backend, .help = "program that makes the rules for the queue" },
	{ "capture", HP_CONF_ENUM, 0, CLIENT(capture), .def = "as-needed",
	  .names = names_capture, .help = "has no effect" },
	{ "on_failure", HP_CONF_ENUM, HP_CONF_RESTART, CLIENT(on_failure), .def = "closed",
	  .names = names_failure, .help = "protected traffic while no daemon runs" },
	{ "on_stop", HP_CONF_ENUM, 0, CLIENT(on_stop), .def = "closed",
	  .names = names_failure,
	  .help = "protected traffic after an orderly end of the daemon" },
	{ "begun_plain", HP_CONF_ENUM, 0, CLIENT(begun_plain), .def = "cut",
	  .names = names_plain,
	  .help = "connections that began in the clear, when their destination becomes "
		  "protected" },
	{ "unknown", HP_CONF_ENUM, 0, CLIENT(unknown), .def = "pass", .names = names_unknown,
	  .help = "traffic to destinations that have no HIT" },
	{ "probe", HP_CONF_ENUM, 0, CLIENT(probe), .def = "hold", .names = names_probe,
	  .help = "first packets while a destination's HIT is looked up" },
	{ "negative_lifetime_s", HP_CONF_INT, 0, CLIENT(negative_lifetime_s), 1, 604800, "300",
	  .help = "how long it is remembered that a destination has no HIT" },
	{ "positive_lifetime_s", HP_CONF_INT, 0, CLIENT(positive_lifetime_s), 1, 604800,
	  "3600", .help = "how long a destination's HIT is remembered" },
	{ "resolvers", HP_CONF_STRINGS, 0, CLIENT(resolvers), 0, 16,
	  .help = "resolvers of plugins, in the order in which they are asked" },
	{ "locators", HP_CONF_STRINGS, 0, CLIENT(locators), 0, 16,
	  .help = "locators of plugins, in the order in which they are asked" },
	{ "hold_packets", HP_CONF_INT, 0, CLIENT(hold_packets), 1, 4096, "64",
	  .help = "first packets held for one destination" },
	{ "hold_bytes", HP_CONF_INT, 0, CLIENT(hold_bytes), 1500, 1 << 30, "262144",
	  .help = "octets of packets held for one destination" },
	{ "hold_timeout_ms", HP_CONF_INT, 0, CLIENT(hold_timeout_ms), 100, 60000, "5000",
	  .help = "longest time for which first packets are held" },
	{ "mark", HP_CONF_INT, HP_CONF_RESTART, CLIENT(mark), 1, UINT32_MAX, "0x10000",
	  .help = "connection mark of connections that the kernel forwards" },
	{ "mark_mask", HP_CONF_INT, HP_CONF_RESTART, CLIENT(mark_mask), 1, UINT32_MAX,
	  "0x10000", .help = "bits of the connection mark that are used" },
	{ "divert_mark", HP_CONF_INT, HP_CONF_RESTART, CLIENT(divert_mark), 1, UINT32_MAX,
	  "0x20000", .help = "mark of packets that leave the TUN device" },
	{ "rules", HP_CONF_GROUPS, 0, CLIENT(rules), 0, 80, .rows = rows_rule,
	  .item_bytes = sizeof(struct hp_conf_rule),
	  .help = "rules about traffic; the first that matches decides" },
	HP_CONF_END
};

static const struct hp_conf_row rows_accept[] = {
	{ "peer", HP_CONF_HIT, HP_CONF_REQUIRED, AT(struct hp_conf_accept, peer),
	  .help = "the peer's HIT" },
	{ "action", HP_CONF_ENUM, HP_CONF_REQUIRED, AT(struct hp_conf_accept, action),
	  .names = names_access, .help = "\"allow\" or \"deny\"" },
	HP_CONF_END
};

static const struct hp_conf_row rows_host[] = {
	{ "enabled", HP_CONF_BOOL, HP_CONF_RESTART, AT(struct hp_conf_host, enabled),
	  .def = "false", .help = "let applications on this machine use HITs" },
	{ "identity", HP_CONF_STRING, HP_CONF_RESTART, AT(struct hp_conf_host, identity), 0, 64,
	  "", .help = "identity of this machine; \"\": the first" },
	{ "accept", HP_CONF_GROUPS, 0, AT(struct hp_conf_host, accept), 0, 65536,
	  .rows = rows_accept, .item_bytes = sizeof(struct hp_conf_accept),
	  .help = "peers that may or may not open associations; the first entry that "
		  "matches decides" },
	{ "accept_default", HP_CONF_ENUM, 0, AT(struct hp_conf_host, accept_default),
	  .def = "allow", .names = names_access, .help = "all other peers" },
	HP_CONF_END
};

static const struct hp_conf_row rows_tun[] = {
	{ "name", HP_CONF_STRING, HP_CONF_RESTART, AT(struct hp_conf_tun, name), 1,
	  IFNAMSIZ - 1, "hip0", .help = "name of the TUN device" },
	{ "mtu", HP_CONF_INT, HP_CONF_RESTART, AT(struct hp_conf_tun, mtu), 1280, 65535, "1400",
	  .help = "MTU of the TUN device", .unit = "octets" },
	HP_CONF_END
};

static const struct hp_conf_row rows_peer[] = {
	{ "hit", HP_CONF_HIT, HP_CONF_REQUIRED, AT(struct hp_conf_peer, hit),
	  .help = "the peer's HIT" },
	{ "addresses", HP_CONF_ADDRS, HP_CONF_REQUIRED, AT(struct hp_conf_peer, addresses), 1, 8,
	  .help = "where it can be reached, the preferred address first" },
	{ "serves", HP_CONF_PREFIXES, 0, AT(struct hp_conf_peer, serves), 0, 16384,
	  .help = "destinations that the peer stands for; if not given, its addresses" },
	{ "name", HP_CONF_STRING, 0, AT(struct hp_conf_peer, name), 0, 64,
	  .help = "a name for reports" },
	{ "esn_icv", HP_CONF_BOOL, 0, AT(struct hp_conf_peer, esn_icv), .def = "true",
	  .help = "the ICV covers the high half of extended sequence numbers" },
	HP_CONF_END
};

#define LIMIT(field) AT(struct hp_conf_limits, field)

static const struct hp_conf_row rows_limits[] = {
	{ "flows", HP_CONF_INT, 0, LIMIT(flows), 1, 16777216, "1048576",
	  .help = "connections" },
	{ "associations", HP_CONF_INT, 0, LIMIT(associations), 1, 1000000, "10000",
	  .help = "HIP associations" },
	{ "peers", HP_CONF_INT, 0, LIMIT(peers), 1, 16777216, "65536",
	  .help = "destinations that are remembered" },
	{ "client_share", HP_CONF_INT, 0, LIMIT(client_share), 1, 100, "25",
	  .help = "share of each table, and of a service's ports, for one client",
	  .unit = "percent" },
	{ "peer_share", HP_CONF_INT, 0, LIMIT(peer_share), 1, 100, "50",
	  .help = "share of the table of connections that one HIP peer may have begun",
	  .unit = "percent" },
	{ "hold_packets", HP_CONF_INT, 0, LIMIT(hold_packets), 1, 65536, "1024",
	  .help = "first packets held, all destinations together" },
	{ "reassembly", HP_CONF_INT, 0, LIMIT(reassembly), 1, 65536, "256",
	  .help = "datagrams that are being reassembled" },
	{ "packets", HP_CONF_INT, HP_CONF_RESTART, LIMIT(packets), 256, 65536, "4096",
	  .help = "packet buffers, about 64 KB of memory each when used" },
	{ "jobs", HP_CONF_INT, HP_CONF_RESTART, LIMIT(jobs), 16, 65536, "1024",
	  .help = "public-key operations that wait for a worker" },
	HP_CONF_END
};

static const struct hp_conf_row rows_translation[] = {
	{ "lowest_ipv6_mtu", HP_CONF_INT, 0, AT(struct hp_conf_translation, lowest_ipv6_mtu),
	  1280, 65535, "1280",
	  .help = "longest packet that every IPv6 link here carries", .unit = "octets" },
	HP_CONF_END
};

static const struct hp_conf_row rows_performance[] = {
	{ "busy_poll_us", HP_CONF_INT, 0, AT(struct hp_conf_performance, busy_poll_us), 0, 1000,
	  "10", .help = "how long to poll for the next packet before sleeping" },
	HP_CONF_END
};

#define TIMEOUT(field) AT(struct hp_conf_timeouts, field)

static const struct hp_conf_row rows_timeouts[] = {
	{ "tcp_syn_s", HP_CONF_INT, 0, TIMEOUT(tcp_syn_s), 1, 86400, "120",
	  .help = "TCP before the handshake is complete" },
	{ "tcp_established_s", HP_CONF_INT, 0, TIMEOUT(tcp_established_s), 1, 2592000, "7440",
	  .help = "TCP, established (RFC 5382)" },
	{ "tcp_closing_s", HP_CONF_INT, 0, TIMEOUT(tcp_closing_s), 1, 86400, "240",
	  .help = "TCP after both FINs or a RST" },
	{ "udp_s", HP_CONF_INT, 0, TIMEOUT(udp_s), 1, 86400, "300",
	  .help = "UDP, answered (RFC 4787)" },
	{ "udp_unreplied_s", HP_CONF_INT, 0, TIMEOUT(udp_unreplied_s), 1, 86400, "120",
	  .help = "UDP, not answered (RFC 4787, REQ-5: at least two minutes)" },
	{ "icmp_s", HP_CONF_INT, 0, TIMEOUT(icmp_s), 1, 86400, "60",
	  .help = "ICMP echo (RFC 5508)" },
	{ "other_s", HP_CONF_INT, 0, TIMEOUT(other_s), 1, 86400, "300",
	  .help = "other protocols" },
	{ "reassembly_s", HP_CONF_INT, 0, TIMEOUT(reassembly_s), 1, 120, "30",
	  .help = "how long fragments wait for the others" },
	HP_CONF_END
};

#define TOP(field) AT(struct hp_conf, field)

#define ROW_PEERS(flags, min) \
	{ "peers", HP_CONF_GROUPS, flags, TOP(peers), min, 65536, .rows = rows_peer, \
	  .item_bytes = sizeof(struct hp_conf_peer), \
	  .help = "HIP peers that are known in advance" }

/* Of a text that may hold nothing else. */
static const struct hp_conf_row rows_peers[] = { ROW_PEERS(HP_CONF_REQUIRED, 1), HP_CONF_END };

static const struct hp_conf_row rows_top[] = {
	{ "identities", HP_CONF_GROUPS, HP_CONF_REQUIRED | HP_CONF_RESTART, TOP(identities), 1,
	  256, .rows = rows_identity, .item_bytes = sizeof(struct hp_conf_identity),
	  .help = "Host Identities of this machine" },
	{ "control", HP_CONF_GROUP, 0, TOP(control), .rows = rows_control,
	  .help = "the socket of hipproxyctl" },
	{ "pidfile", HP_CONF_STRING, HP_CONF_RESTART | HP_CONF_ABSOLUTE, TOP(pidfile), 0, 4095,
	  "", .help = "file with the process id; \"\": none" },
	{ "state", HP_CONF_STRING, HP_CONF_RESTART | HP_CONF_ABSOLUTE, TOP(state), 0, 4095,
	  HP_STATE_DIR "/state",
	  .help = "file of flows and peers for the next start; \"\": none" },
	{ "sandbox", HP_CONF_ENUM, HP_CONF_RESTART, TOP(sandbox), .def = "on",
	  .names = names_sandbox,
	  .help = "system calls and files that are given up after the start" },
	{ "log", HP_CONF_GROUP, 0, TOP(log), .rows = rows_log,
	  .help = "where and what is logged" },
	{ "hip", HP_CONF_GROUP, 0, TOP(hip), .rows = rows_hip,
	  .help = "the base exchange" },
	{ "esp", HP_CONF_GROUP, 0, TOP(esp), .rows = rows_esp, .help = "data packets" },
	{ "client", HP_CONF_GROUP, 0, TOP(client), .rows = rows_client,
	  .help = "the client-side proxy" },
	{ "host", HP_CONF_GROUP, 0, TOP(host), .rows = rows_host,
	  .help = "applications on this machine" },
	{ "tun", HP_CONF_GROUP, 0, TOP(tun), .rows = rows_tun, .help = "the TUN device" },
	ROW_PEERS(0, 0),
	{ "limits", HP_CONF_GROUP, 0, TOP(limits), .rows = rows_limits,
	  .help = "sizes of tables" },
	{ "translation", HP_CONF_GROUP, 0, TOP(translation), .rows = rows_translation,
	  .help = "translation between IPv4 and IPv6" },
	{ "performance", HP_CONF_GROUP, 0, TOP(performance), .rows = rows_performance,
	  .help = "processor time against latency" },
	{ "timeouts", HP_CONF_GROUP, 0, TOP(timeouts), .rows = rows_timeouts,
	  .help = "how long idle connections are remembered" },
	{ "filtering", HP_CONF_ENUM, 0, TOP(filtering), .def = "address", .names = names_filter,
	  .help = "which datagrams of HIP peers reach a legacy host" },
	{ "protocols", HP_CONF_PROTOS, 0, TOP(protocols),
	  .help = "further IP protocols that are carried" },
	{ "plugin_dir", HP_CONF_STRING, HP_CONF_RESTART | HP_CONF_ABSOLUTE, TOP(plugin_dir), 1,
	  4095, HP_PLUGIN_DIR, .help = "folder of the plugins" },
	{ "plugins", HP_CONF_OPEN, HP_CONF_RESTART, TOP(plugins),
	  .help = "a group for each plugin to load, with its settings" },
	HP_CONF_END
};

const struct hp_conf_row *hp_conf_schema(void)
{
	return rows_top;
}

const struct hp_conf_row *hp_conf_schema_peers(void)
{
	return rows_peers;
}

/* SPDX-License-Identifier: MIT
 *
 * The configuration: what it becomes, what is refused and how that is said.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "../harness.h"

#define ID "identities = ( { name = \"a\"; key = \"/k/a.pem\"; } );\n"
#define HIT1 "2001:22:1111:2222:3333:4444:5555:6666"
#define HIT2 "2001:22:1111:2222:3333:4444:5555:7777"

static char said[8192];

static void collect(void *ctx, const char *line)
{
	strncat(said, line, sizeof(said) - strlen(said) - 2);
	strcat(said, "\n");
}

static struct hp_conf *parse(const char *text)
{
	struct hp_conf_report report = { .line = collect };
	struct hp_conf *conf;
	int err;

	said[0] = '\0';
	err = hp_conf_parse(text, &conf, &report);
	CU_ASSERT(!err == !!conf && !err == !report.n);
	return conf;
}

/* Refused, and one line is exactly this. */
static bool refuses(const char *text, const char *line)
{
	struct hp_conf *conf = parse(text);
	char want[512];
	bool good;

	snprintf(want, sizeof(want), "text:%s\n", line);
	good = !conf && strstr(said, want);
	if (!good)
		printf("\nwanted: %sgot: %s", want, said);
	hp_conf_free(conf);
	return good;
}

static void an_identity_is_enough_and_defaults_fill_the_rest(void)
{
	struct hp_conf *c = parse(ID);

	CU_ASSERT_FATAL(c != NULL);
	CU_ASSERT(c->identities.n == 1 && !strcmp(c->identities.at[0].name, "a"));
	CU_ASSERT(!strcmp(c->identities.at[0].di, "") && !c->identities.at[0].anonymous);
	CU_ASSERT_STRING_EQUAL(c->control.socket, "/run/hipproxy/control");
	CU_ASSERT(c->log.level == HP_LOG_INFO && c->log.subsys[HP_LOG_HIP] == -1);
	CU_ASSERT(c->hip.dh_groups.n == 6 && c->hip.dh_groups.at[0] == 7);
	CU_ASSERT(c->hip.ciphers.n == 2 && !strcmp(c->hip.ciphers.at[0], "aes-128-cbc"));
	CU_ASSERT(c->esp.suites.n == 4 && !strcmp(c->esp.suites.at[3], "aes-128-gcm-8"));
	CU_ASSERT(!c->client.enabled && c->client.queue == 100 && c->client.mark == 0x10000);
	CU_ASSERT(c->tun.mtu == 1400 && !strcmp(c->tun.name, "hip0"));
	CU_ASSERT(c->limits.flows == 1048576 && c->timeouts.tcp_established_s == 7440);
	CU_ASSERT(c->plugins.n == 0 && c->peers.n == 0);
	CU_ASSERT(hp_conf_identity_find(c, "") == &c->identities.at[0]);
	CU_ASSERT(hp_conf_identity_find(c, "b") == NULL);
	hp_conf_free(c);
}

static void every_kind_of_value_arrives(void)
{
	struct hp_conf *c = parse(ID
		"log = { level = \"debug\"; hip = \"error\"; };\n"
		"hip = { dh_groups = [ 8, 7 ]; ciphers = ( \"aes-256-cbc\" ); puzzle_k = 0x3;\n"
		"  opportunistic_initiator = \"pinned\"; };\n"
		"esp = { rekey_bytes = 1099511627776L; };\n"
		"client = { enabled = true; networks = [ \"10.1.0.0/24\", \"fd01::/64\" ];\n"
		"  mark = 0x80000000; mark_mask = 0xffffffff; resolvers = [ \"hosts\" ];\n"
		"  rules = ( { client = \"10.1.0.0/24\"; destination = \"192.0.2.0/24\";\n"
		"              protocol = \"tcp\"; ports = \"80-90\"; action = \"bypass\"; },\n"
		"            { protocol = \"udp\"; ports = 53; action = \"block\";\n"
		"              probe = \"background\"; }, { action = \"protect\"; } ); };\n"
		"host = { accept = ( { peer = \"" HIT1 "\"; action = \"deny\"; } ); };\n"
		"peers = ( { hit = \"" HIT1 "\"; addresses = [ \"192.0.2.1\", \"2001:db8::1\" ];\n"
		"  serves = [ \"10.9.0.0/24\" ]; esn_icv = false; } );\n"
		"plugins = { mark = { dscp = 3; }; hosts = { }; };\n");

	CU_ASSERT_FATAL(c != NULL);
	CU_ASSERT(c->log.level == HP_LOG_DEBUG && c->log.subsys[HP_LOG_HIP] == HP_LOG_ERROR);
	CU_ASSERT(c->hip.dh_groups.n == 2 && c->hip.dh_groups.at[0] == 8);
	CU_ASSERT(c->hip.ciphers.n == 1 && c->hip.puzzle_k == 3);
	CU_ASSERT(c->hip.opportunistic_initiator == HP_CONF_OPP_PINNED);
	CU_ASSERT(c->esp.rekey_bytes == 1099511627776ull);
	CU_ASSERT(c->client.networks.n == 2 && c->client.networks.at[0].bits == 120);
	CU_ASSERT(c->client.mark == 0x80000000u && c->client.mark_mask == UINT32_MAX);
	CU_ASSERT(c->client.rules.n == 3);
	CU_ASSERT(c->client.rules.at[0].proto == 6 && c->client.rules.at[0].ports.max == 90);
	CU_ASSERT(c->client.rules.at[0].probe == -1);
	CU_ASSERT(c->client.rules.at[1].proto == 17 && c->client.rules.at[1].ports.min == 53);
	CU_ASSERT(c->client.rules.at[1].probe == HP_CONF_PROBE_BACKGROUND);
	CU_ASSERT(c->client.rules.at[2].ports.min == 0 &&
		  c->client.rules.at[2].ports.max == 65535 && c->client.rules.at[2].proto == 0);
	CU_ASSERT(c->host.accept.n == 1 && c->host.accept.at[0].action == HP_CONF_DENY);
	CU_ASSERT(c->peers.n == 1 && c->peers.at[0].addresses.n == 2 &&
		  c->peers.at[0].serves.n == 1 && !c->peers.at[0].esn_icv);
	CU_ASSERT(c->plugins.n == 2 && !strcmp(c->plugins.at[0], "mark"));
	hp_conf_free(c);
}

static void unknown_keys_are_refused_with_their_line(void)
{
	CU_ASSERT(refuses(ID "\nnonsense = 1;\n",
			  "3: nonsense: unknown key; expected one of: identities, control, "
			  "pidfile, state, sandbox, log, hip, esp, client, host, tun, peers, limits, translation, "
			  "performance, timeouts, filtering, protocols, "
			  "plugin_dir, plugins"));
	CU_ASSERT(refuses(ID "tun = {\n mtus = 3; };",
			  "3: tun.mtus: unknown key; expected one of: name, mtu"));
	CU_ASSERT(refuses(ID "host = { accept = ( { peer = \"" HIT1 "\"; action = \"deny\";\n"
			  " x = 1; } ); };",
			  "3: host.accept[0].x: unknown key; expected one of: peer, action"));
}

static void wrong_types_are_refused(void)
{
	CU_ASSERT(refuses(ID "tun = 3;", "2: tun: expected a group { ... }"));
	CU_ASSERT(refuses(ID "peers = { };", "2: peers: expected a list of groups ( { ... }, ... )"));
	CU_ASSERT(refuses(ID "peers = ( 1 );", "2: peers[0]: expected a group { ... }"));
	CU_ASSERT(refuses(ID "tun = { mtu = \"1400\"; };",
			  "2: tun.mtu: expected a whole number from 1280 to 65535, not \"1400\""));
	CU_ASSERT(refuses(ID "tun = { mtu = 1400.0; };",
			  "2: tun.mtu: expected a whole number from 1280 to 65535"));
	CU_ASSERT(refuses(ID "client = { enabled = 1; };",
			  "2: client.enabled: expected true or false, not 1"));
	CU_ASSERT(refuses(ID "client = { networks = \"10.0.0.0/8\"; };",
			  "2: client.networks: expected a list such as [ ..., ... ]"));
	CU_ASSERT(refuses(ID "pidfile = true;", "2: pidfile: expected a string, not true"));
	CU_ASSERT(refuses(ID "plugins = { mark = 1; };",
			  "2: plugins.mark: expected a group { ... }"));
	CU_ASSERT(refuses(ID "plugins = 1;", "2: plugins: expected a group { ... }"));
}

static void values_out_of_range_are_refused(void)
{
	CU_ASSERT(refuses(ID "tun = { mtu = 1279; };",
			  "2: tun.mtu: expected a whole number from 1280 to 65535, not 1279"));
	CU_ASSERT(refuses(ID "hip = { puzzle_k = -1; };",
			  "2: hip.puzzle_k: expected a whole number from 0 to 28, not -1"));
	CU_ASSERT(refuses(ID "client = { unknown = \"maybe\"; };",
			  "2: client.unknown: expected \"pass\" or \"block\", not \"maybe\""));
	CU_ASSERT(refuses(ID "client = { unknown = 1; };",
			  "2: client.unknown: expected \"pass\" or \"block\", not 1"));
	CU_ASSERT(refuses(ID "hip = { dh_groups = [ 7, 5 ]; };",
			  "2: hip.dh_groups[1]: expected 3, 4, 7, 8, 9 or 11"));
	CU_ASSERT(refuses(ID "hip = { dh_groups = [ 7, 7 ]; };",
			  "2: hip.dh_groups[1]: is in the list already"));
	CU_ASSERT(refuses(ID "hip = { dh_groups = [ ]; };",
			  "2: hip.dh_groups: expected at least one group"));
	CU_ASSERT(refuses(ID "esp = { suites = [ ]; };",
			  "2: esp.suites: expected 1 to 8 elements, not 0"));
	CU_ASSERT(refuses(ID "tun = { name = \"\"; };",
			  "2: tun.name: expected a string of 1 to 15 octets, not \"\""));
	CU_ASSERT(refuses(ID "pidfile = \"run/x\";",
			  "2: pidfile: expected an absolute path, not \"run/x\""));
	CU_ASSERT(refuses(ID "tun = { name = \"a/b\"; };",
			  "2: tun.name: expected a network device's name"));
}

static void protocols_have_names_and_numbers(void)
{
	struct hp_conf *c = parse(ID "protocols = ( \"gre\", 132, \"136\", \"sctp\" );");

	CU_ASSERT_PTR_NULL(c); /* sctp twice */
	CU_ASSERT(strstr(said, "text:2: protocols[3]: is in the list already") != NULL);
	c = parse(ID "protocols = ( \"gre\", 132, \"136\" );\nfiltering = \"address-and-port\";");
	CU_ASSERT_FATAL(c != NULL);
	CU_ASSERT_EQUAL_FATAL(c->protocols.n, 3);
	CU_ASSERT(c->protocols.at[0] == 47 && c->protocols.at[1] == 132 && c->protocols.at[2] == 136);
	CU_ASSERT_EQUAL(c->filtering, HP_CONF_FILTER_PORT);
	hp_conf_free(c);
	c = parse(ID);
	CU_ASSERT_FATAL(c != NULL);
	CU_ASSERT(!c->protocols.n && c->filtering == HP_CONF_FILTER_ADDRESS);
	hp_conf_free(c);
}

static void protocols_that_cannot_be_carried_are_refused(void)
{
	CU_ASSERT(refuses(ID "protocols = [ \"ah\" ];", "2: protocols[0]: AH authenticates the IP "
			  "header, which is translated: its receiver would refuse every packet"));
	CU_ASSERT(refuses(ID "protocols = [ 47, 50 ];", "2: protocols[1]: hosts that speak ESP or HIP "
			  "themselves belong into client.hip_hosts"));
	CU_ASSERT(refuses(ID "protocols = [ 6 ];", "2: protocols[0]: TCP, UDP and, with the plugin "
			  "icmp, ICMP need not be named"));
	CU_ASSERT(refuses(ID "protocols = [ 44 ];", "2: protocols[0]: this is an extension header of "
			  "IPv6, no protocol"));
	CU_ASSERT(refuses(ID "protocols = [ 256 ];", "2: protocols[0]: expected \"gre\", \"sctp\", "
			  "\"udp-lite\" or the number of another IP protocol, 0 to 255, not 256"));
	CU_ASSERT(refuses(ID "protocols = [ -1 ];", "2: protocols[0]: expected \"gre\", \"sctp\", "
			  "\"udp-lite\" or the number of another IP protocol, 0 to 255, not -1"));
	CU_ASSERT(refuses(ID "protocols = [ \"\" ];", "2: protocols[0]: expected \"gre\", \"sctp\", "
			  "\"udp-lite\" or the number of another IP protocol, 0 to 255, not \"\""));
	CU_ASSERT(refuses(ID "protocols = [ true ];", "2: protocols[0]: expected \"gre\", \"sctp\", "
			  "\"udp-lite\" or the number of another IP protocol, 0 to 255, not true"));
	CU_ASSERT(refuses(ID "filtering = \"port\";", "2: filtering: expected \"endpoint-independent\", "
			  "\"address\" or \"address-and-port\", not \"port\""));
}

static void bad_addresses_are_refused(void)
{
	CU_ASSERT(refuses(ID "client = { networks = [ \"10.1.0.1/24\" ]; };",
			  "2: client.networks[0]: expected a prefix such as \"192.0.2.0/24\" "
			  "(host bits zero), not \"10.1.0.1/24\""));
	CU_ASSERT(refuses(ID "peers = ( { hit = \"2001:db8::1\"; addresses = [ \"192.0.2.1\" ]; } );",
			  "2: peers[0].hit: expected a HIT (2001:20::/28), not \"2001:db8::1\""));
	CU_ASSERT(refuses(ID "peers = ( { hit = \"" HIT1 "\"; addresses = [ \"192.0.2\" ]; } );",
			  "2: peers[0].addresses[0]: expected an IPv4 or IPv6 address, not "
			  "\"192.0.2\""));
	CU_ASSERT(refuses(ID "peers = ( { hit = \"" HIT1 "\"; addresses = [ \"" HIT2 "\" ]; } );",
			  "2: peers[0].addresses[0]: expected an address, no HIT, not \"" HIT2 "\""));
	CU_ASSERT(refuses(ID "peers = ( { hit = \"" HIT1 "\"; addresses = [ \"224.0.0.1\" ]; } );",
			  "2: peers[0].addresses[0]: expected a host's address, not \"224.0.0.1\""));
	CU_ASSERT(refuses(ID "peers = ( { hit = \"" HIT1 "\"; addresses = [ \"192.0.2.1\",\n"
			  "\"2001:0:c000:25a::1\" ]; } );",
			  "3: peers[0].addresses[1]: 2001:0:c000:25a::1 is a Teredo address "
			  "(2001::/32); expected the peer's own address, or that of its NAT and the "
			  "plugin natudp"));
}

/* Clients may know a peer by such an address. */
static void a_teredo_address_may_be_a_destination(void)
{
	struct hp_conf *c = parse(ID "peers = ( { hit = \"" HIT1 "\"; addresses = [ \"192.0.2.1\" ]; "
				     "serves = [ \"2001:0:c000:25a::1/128\" ]; } );");

	CU_ASSERT(c != NULL);
	hp_conf_free(c);
}

static void bad_ports_are_refused(void)
{
	static const char *const bad[] = { "\"\"", "\"80-\"", "\"-80\"", "\"90-80\"", "\"65536\"",
					   "\"80-90-100\"", "\"80 \"", "\"+80\"", "65536", "-1",
					   "true" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char text[256];
		struct hp_conf *c;

		snprintf(text, sizeof(text), ID "client = { rules = ( { protocol = \"tcp\"; "
			 "ports = %s; action = \"block\"; } ); };", bad[i]);
		c = parse(text);
		CU_ASSERT(!c && strstr(said, "rules[0].ports: expected a port or ports"));
		hp_conf_free(c);
	}
}

static void what_must_be_there_is_asked_for(void)
{
	CU_ASSERT(!parse("") && strstr(said, "text: identities: must be given"));
	CU_ASSERT(refuses("identities = ( { name = \"a\"; } );",
			  "1: identities[0].key: must be given: file with the private key, PEM"));
	CU_ASSERT(refuses(ID "client = { rules = ( { protocol = \"tcp\"; } ); };",
			  "2: client.rules[0].action: must be given: \"protect\", \"bypass\" or "
			  "\"block\""));
	CU_ASSERT(refuses(ID "peers = ( { hit = \"" HIT1 "\"; } );",
			  "2: peers[0].addresses: must be given: where it can be reached, "
			  "the preferred address first"));
}

static void keys_must_agree(void)
{
	CU_ASSERT(refuses(ID "client = { identity = \"b\"; };",
			  "2: client.identity: expected a name from identities"));
	CU_ASSERT(refuses(ID "client = { other_identities = [ \"b\" ]; };",
			  "2: client.other_identities[0]: expected a name from identities"));
	CU_ASSERT(refuses(ID "client = { other_identities = [ \"a\" ]; };",
			  "2: client.other_identities[0]: expected another identity than "
			  "client.identity and host.identity"));
	CU_ASSERT(refuses("identities = ( { name = \"a\"; key = \"/k\"; },\n"
			  "{ name = \"a\"; key = \"/l\"; } );",
			  "2: identities[1].name: another identity has this name"));
	CU_ASSERT(refuses(ID "hip = { puzzle_k = 17; };",
			  "2: hip.puzzle_k: expected no more than hip.puzzle_k_max"));
	CU_ASSERT(refuses(ID "hip = { ciphers = [ \"null\" ]; };",
			  "2: hip.ciphers: \"null\" needs hip.allow_null = true"));
	CU_ASSERT(refuses(ID "esp = { suites = [ \"null-hmac-sha-256\" ]; };",
			  "2: esp.suites: \"null-hmac-sha-256\" needs hip.allow_null = true"));
	CU_ASSERT(refuses(ID "client = { mark = 3; };",
			  "2: client.mark: expected no bits outside client.mark_mask"));
	CU_ASSERT(refuses(ID "client = { divert_mark = 0x10000; capture = \"route\"; };",
			  "2: client.divert_mark: expected no bits of client.mark_mask"));
	CU_ASSERT(refuses(ID "client = { mark_mask = 0x30000;\ncapture = \"route\";\n"
			  "divert_mark = 0x60000; };",
			  "4: client.divert_mark: expected no bits of client.mark_mask"));
	CU_ASSERT(refuses(ID "client = { rules = ( { ports = 80; action = \"block\"; } ); };",
			  "2: client.rules[0].ports: expected protocol = \"tcp\" or \"udp\" beside it"));
	CU_ASSERT(refuses(ID "client = { rules = ( { client = \"10.0.0.0/8\";\n destination = "
			  "\"2001:db8::/32\"; action = \"block\"; } ); };",
			  "3: client.rules[0].destination: expected the same address family as "
			  "client"));
	CU_ASSERT(refuses(ID "peers = ( { hit = \"" HIT1 "\"; addresses = [ \"192.0.2.1\" ]; },\n"
			  "{ hit = \"" HIT1 "\"; addresses = [ \"192.0.2.2\" ]; } );",
			  "3: peers[1].hit: another peer has this HIT"));
}

static void a_destination_has_one_peer(void)
{
#define PEER(hit, rest) "{ hit = \"" hit "\"; addresses = [ \"192.0.2.1\" ]; " rest " }"
	static const char *const good[] = {
		/* Two hosted identities behind one proxy. */
		PEER(HIT1, "serves = [ \"10.0.0.1/32\" ];") "," PEER(HIT2, "serves = [ \"10.0.0.2/32\" ];"),
		/* The longest prefix decides. */
		PEER(HIT1, "serves = [ \"10.0.0.0/8\" ];") "," PEER(HIT2, "serves = [ \"10.0.0.0/16\" ];"),
		PEER(HIT1, "") "," PEER(HIT2, "serves = [ \"192.0.2.0/24\" ];"),
		PEER(HIT1, "serves = [ \"10.0.0.0/8\", \"10.0.0.0/8\" ];"),
	};
	char text[512];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct hp_conf *c;

		snprintf(text, sizeof(text), "%speers = ( %s );\n", ID, good[i]);
		c = parse(text);
		CU_ASSERT(c != NULL);
		hp_conf_free(c);
	}
	CU_ASSERT(refuses(ID "peers = ( " PEER(HIT1, "") ",\n" PEER(HIT2, "") ");",
			  "3: peers[1].addresses[0]: 192.0.2.1/32 belongs to peers[0] too; expected "
			  "one peer for a destination"));
	CU_ASSERT(refuses(ID "peers = ( " PEER(HIT1, "") ",\n" PEER(HIT2, "serves = [ \"10.0.0.0/8\",\n"
			  "\"192.0.2.1/32\" ];") ");",
			  "4: peers[1].serves[1]: 192.0.2.1/32 belongs to peers[0] too; expected "
			  "one peer for a destination"));
	CU_ASSERT(refuses(ID "peers = ( " PEER(HIT1, "serves = [ \"fd00::/8\" ];") ",\n"
			  PEER(HIT2, "serves = [ \"fd00::/8\" ];") ");",
			  "3: peers[1].serves[0]: fd00::/8 belongs to peers[0] too; expected one "
			  "peer for a destination"));
#undef PEER
}

static void settings_can_be_told_of_by_name(void)
{
	struct hp_conf_report report = { collect, NULL, 0, collect };
	struct hp_conf *c = parse(ID "tun = {\nmtu = 1300; };\n");

	CU_ASSERT_FATAL(c != NULL);
	said[0] = '\0';
	hp_conf_complain_key(c, &report, "tun.mtu", "is %d", 1300);
	hp_conf_complain_key(c, &report, "identities[0].key", "is bad");
	hp_conf_warn_key(c, &report, "tun.name", "is missing");
	hp_conf_complain_key(c, &report, "hip.pins", "is bad");
	CU_ASSERT_STRING_EQUAL(said, "text:3: tun.mtu: is 1300\ntext:1: identities[0].key: is bad\n"
				     "text:2: tun.name: is missing\ntext: hip.pins: is bad\n");
	CU_ASSERT_EQUAL(report.n, 3);
	report.warn = NULL;
	said[0] = '\0';
	hp_conf_warn_key(c, &report, "tun.name", "is missing");
	CU_ASSERT_STRING_EQUAL(said, "");
	hp_conf_free(c);
}

static void all_complaints_are_listed(void)
{
	CU_ASSERT(!parse(ID "a = 1;\ntun = { mtu = 1; };\nhip = { b = 2; puzzle_k = 99; };\n"));
	CU_ASSERT(strstr(said, "text:2: a:") && strstr(said, "text:3: tun.mtu:") &&
		  strstr(said, "text:4: hip.b:") && strstr(said, "text:4: hip.puzzle_k:"));
}

static void syntax_errors_name_the_line(void)
{
	CU_ASSERT(refuses(ID "tun = { mtu = ; };", "2: syntax error"));
	CU_ASSERT(!parse("@include \"/etc/passwd\"\n" ID) && strstr(said, "@include"));
}

static void a_file_cut_anywhere_is_refused_or_sound(void)
{
	const char *whole = ID "client = { rules = ( { client = \"10.1.0.0/24\"; "
		"action = \"bypass\"; } ); mark = 0x10000; networks = [ \"10.1.0.0/24\" ]; };\n"
		"plugins = { mark = { dscp = 3; }; };\n";
	size_t n = strlen(whole);

	for (size_t i = 0; i <= n; i++) {
		char *part = strndup(whole, i);
		struct hp_conf *c = parse(part);

		CU_ASSERT(c || said[0]);
		CU_ASSERT(i != n || c);
		hp_conf_free(c);
		free(part);
	}
}

struct plug {
	uint32_t dscp;
	bool on;
	struct hp_conf_strings names;
};

static const struct hp_conf_row plug_rows[] = {
	{ "dscp", HP_CONF_INT, HP_CONF_REQUIRED, HP_CONF_AT(struct plug, dscp), 0, 63,
	  .help = "the DSCP" },
	{ "on", HP_CONF_BOOL, 0, HP_CONF_AT(struct plug, on), .def = "true" },
	{ "names", HP_CONF_STRINGS, 0, HP_CONF_AT(struct plug, names), 0, 2 },
	HP_CONF_END
};

static int plugin(const char *group, const struct hp_conf_row *rows, const struct plug **out)
{
	struct hp_conf_report report = { .line = collect };
	struct hp_conf *c;
	char text[256];
	int err;

	snprintf(text, sizeof(text), ID "plugins = { p = { %s }; };", group);
	c = parse(text);
	if (!c)
		return -1;
	err = hp_conf_plugin(c, "p", rows, sizeof(**out), (const void **)out, &report);
	CU_ASSERT(!err || report.n);
	CU_ASSERT(err || ((*out)->dscp == 5 && (*out)->on) || !rows);
	hp_conf_free(c);
	return err;
}

static void a_plugins_group_is_read_by_its_rows(void)
{
	const struct plug *p;

	CU_ASSERT(plugin("dscp = 5; names = [ \"x\" ];", plug_rows, &p) == 0);
	CU_ASSERT(plugin("dscp = 64;", plug_rows, &p) == -EINVAL);
	CU_ASSERT_STRING_EQUAL(said, "text:2: plugins.p.dscp: expected a whole number from 0 to "
			       "63, not 64\n");
	CU_ASSERT(plugin("", plug_rows, &p) == -EINVAL);
	CU_ASSERT_STRING_EQUAL(said, "text:2: plugins.p.dscp: must be given: the DSCP\n");
	CU_ASSERT(plugin("dscp = 5; dcsp = 5;", plug_rows, &p) == -EINVAL);
	CU_ASSERT(plugin("", NULL, &p) == 0);
	CU_ASSERT(plugin("x = 1;", NULL, &p) == -EINVAL);
}

static void collect_path(void *ctx, const struct hp_conf_row *row, const char *path)
{
	char *to = ctx;
	size_t n = strlen(to);

	snprintf(to + n, 200 - n, "%s=%s%s ", row->name, path,
		 row->flags & HP_CONF_WRITTEN ? " written" : "");
}

static void paths_in_settings_are_found(void)
{
	struct item {
		const char *file, *name;
	} items[2] = { { "/a", "/no path" }, { "", NULL } };
	struct files {
		struct item one;
		struct { struct item *at; size_t n; } more;
	} files = { { "/b", NULL }, { items, 2 } };
	static const struct hp_conf_row item[] = {
		{ "file", HP_CONF_STRING, HP_CONF_ABSOLUTE, HP_CONF_AT(struct item, file) },
		{ "name", HP_CONF_STRING, 0, HP_CONF_AT(struct item, name) },
		HP_CONF_END
	};
	static const struct hp_conf_row inner[] = {
		{ "kept", HP_CONF_STRING, HP_CONF_ABSOLUTE | HP_CONF_WRITTEN, HP_CONF_AT(struct item, file) },
		HP_CONF_END
	};
	const struct hp_conf_row all[] = {
		{ "one", HP_CONF_GROUP, 0, HP_CONF_AT(struct files, one), .rows = inner },
		{ "more", HP_CONF_GROUPS, 0, HP_CONF_AT(struct files, more), .rows = item,
		  .item_bytes = sizeof(struct item) },
		HP_CONF_END
	};
	char found[200] = "";

	hp_conf_each_path(all, &files, collect_path, found);
	CU_ASSERT_STRING_EQUAL(found, "kept=/b written file=/a ");
}

static void a_change_that_needs_a_restart_is_told(void)
{
	struct hp_conf_report report = { .line = collect };
	struct hp_conf *a = parse(ID), *b = parse(ID "tun = { mtu = 1300; };\n"
		"peers = ( { hit = \"" HIT1 "\"; addresses = [ \"192.0.2.1\" ]; } );\n"
		"client = { networks = [ \"10.0.0.0/8\" ]; queue = 7; unknown = \"block\"; };\n"
		"plugins = { mark = { }; };\n");

	CU_ASSERT_FATAL(a && b);
	CU_ASSERT(hp_conf_diff(a, a, &report) == 0 && hp_conf_diff(b, b, &report) == 0);
	said[0] = '\0';
	CU_ASSERT(hp_conf_diff(a, b, &report) == 3);
	CU_ASSERT_STRING_EQUAL(said,
		"text:4: client.queue: has changed, which needs a restart\n"
		"text:2: tun.mtu: has changed, which needs a restart\n"
		"text:5: plugins: has changed, which needs a restart\n");
	hp_conf_free(a);
	hp_conf_free(b);
}

static const struct hp_test tests[] = {
	HP_TEST(an_identity_is_enough_and_defaults_fill_the_rest),
	HP_TEST(every_kind_of_value_arrives),
	HP_TEST(unknown_keys_are_refused_with_their_line),
	HP_TEST(wrong_types_are_refused),
	HP_TEST(values_out_of_range_are_refused),
	HP_TEST(protocols_have_names_and_numbers),
	HP_TEST(protocols_that_cannot_be_carried_are_refused),
	HP_TEST(bad_addresses_are_refused),
	HP_TEST(a_teredo_address_may_be_a_destination),
	HP_TEST(bad_ports_are_refused),
	HP_TEST(what_must_be_there_is_asked_for),
	HP_TEST(keys_must_agree),
	HP_TEST(a_destination_has_one_peer),
	HP_TEST(settings_can_be_told_of_by_name),
	HP_TEST(all_complaints_are_listed),
	HP_TEST(syntax_errors_name_the_line),
	HP_TEST(a_file_cut_anywhere_is_refused_or_sound),
	HP_TEST(a_plugins_group_is_read_by_its_rows),
	HP_TEST(paths_in_settings_are_found),
	HP_TEST(a_change_that_needs_a_restart_is_told),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("conf", tests, argc, argv);
}

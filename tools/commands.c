/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl's commands, one row each.
 */
#include "tools/commands.h"

#include <string.h>

#include "tools/doctor.h"
#include "tools/fill.h"
#include "tools/gate.h"
#include "tools/help.h"
#include "tools/invite.h"
#include "tools/keys.h"
#include "tools/peer.h"
#include "tools/show.h"
#include "tools/view.h"

const struct hp_cmd_option hp_ctl_options[] = {
	{ "-s", "FILE", "the daemon's control socket", NULL },
	{ "--json", NULL, "the answer as JSON", NULL },
	{ "--help", NULL, "this list; after a command: its help", NULL },
	{ "--version", NULL, "the version", NULL },
	{ 0 },
};

static const struct hp_cmd_option keygen_options[] = {
	{ "-f", NULL, "replace a file that exists", NULL },
	{ "-t", "ecdsa-p256|ecdsa-p384|rsa", "the key's type; ecdsa-p256 if not given", NULL },
	{ "-b", "BITS", "size of an rsa key, 2048 or more; 3072 if not given", NULL },
	{ 0 },
};

static const struct hp_cmd_option doctor_options[] = {
	{ "-c", "FILE", "the configuration; the daemon's own if not given", NULL },
	{ 0 },
};

static const struct hp_cmd_option invite_options[] = {
	{ "-c", "FILE", "the configuration, if it is elsewhere", NULL },
	{ "--name", "NAME", "what the other side calls this peer; the machine's name", NULL },
	{ "--address", "ADDRESS", "where the other side reaches it; those of the interfaces", NULL },
	{ "--serves", "PREFIX", "a destination it answers for; the hosted server's address", NULL },
	{ 0 },
};

static const struct hp_cmd_option peer_add_options[] = {
	{ "-c", "FILE", "the configuration, if it is elsewhere", NULL },
	{ "--name", "NAME", "the peer's name, if not the one in its text", NULL },
	{ 0 },
};

static const struct hp_cmd_option peer_options[] = {
	{ "-c", "FILE", "the configuration, if it is elsewhere", NULL },
	{ 0 },
};

static const struct hp_cmd_option top_options[] = {
	{ "--by", "flows|clients|associations", "whose rates; flows if not given", "by" },
	{ "-d", "N", "seconds between two answers; 2 if not given", "interval_s" },
	{ "-n", "N", "so many answers, then end", "n" },
	{ "--rows", "N", "so many rows, 100 at most; 20 if not given", "rows" },
	{ 0 },
};

static const struct hp_cmd_option events_options[] = {
	{ "-n", "N", "of those that are kept, the last N", "n" },
	{ "--since", "AGE", "not older than this: 90s, 15m, 2h, 7d", "since_s" },
	{ "--kind", "EVENT", "of this kind only", "kind" },
	{ "--no-follow", NULL, "what is kept, and nothing that comes later", "once" },
	{ 0 },
};

static const struct hp_cmd_option revoke_options[] = {
	{ "--undo", NULL, "take it back: the HIT is as good as others again", "undo" },
	{ 0 },
};

const struct hp_command hp_commands[] = {
	{ .name = "status", .args = "",
	  .help = "version, roles, identities, totals",
	  .text = "Also how packets are captured, memory, the plugins that are loaded, and what is\n"
		  "wrong now.\n",
	  .options = hp_view_watch_options, .show = hp_show_status },
	{ .name = "associations", .args = "",
	  .help = "HIP associations: peer, state, path, traffic",
	  .text = "An association is with one peer, whatever its addresses are.\n",
	  .options = hp_view_association_options, .show = hp_show_associations,
	  .list = &hp_list_associations },
	{ .name = "flows", .args = "",
	  .help = "connections carried by them",
	  .options = hp_view_flow_options, .show = hp_show_flows,
	  .list = &hp_list_flows },
	{ .name = "peers", .args = "",
	  .help = "destinations: protected, passed, blocked or being asked",
	  .options = hp_view_peer_options, .show = hp_show_peers,
	  .list = &hp_list_peers },
	{ .name = "drops", .args = "",
	  .help = "every reason for which packets were dropped",
	  .text = "Reasons and counters that are 0 are shown with --json only.\n",
	  .options = hp_view_list_options, .show = hp_show_drops,
	  .list = &hp_list_drops },
	{ .name = "top", .args = "",
	  .help = "who moves how much, refreshed",
	  .text = "Rates of connections, clients or associations, the most first, until Ctrl-C or after\n"
		  "-n times.  Elsewhere than on a terminal one table follows another; with --json each\n"
		  "is a line.  Four may watch at a time.\n",
	  .options = top_options, .show = hp_show_top, .stream = true },
	{ .name = "events", .args = "",
	  .help = "security events: what was refused, forged, replayed or done",
	  .text = "The last 1024 are kept.  Follows what comes, until Ctrl-C.  A line each on a terminal;\n"
		  "elsewhere, and with --json, a JSON object each.  What came faster than it was read is\n"
		  "counted: {\"lost\": N}.\n",
	  .options = events_options, .show = hp_show_event, .stream = true, .json_lines = true },
	{ .name = "pipeline", .args = "",
	  .help = "the steps packets take, in order",
	  .show = hp_show_pipeline },
	{ .name = "plugins", .args = "",
	  .help = "what is loaded, and what each plugin has and uses",
	  .text = "Version, hooks, services and their questions, commands, timers, descriptors, records.\n",
	  .show = hp_show_plugins },
	{ .name = "metrics", .args = "",
	  .help = "counters and gauges of the daemon and of plugins",
	  .text = "In Prometheus' text form; with --json as JSON.\n",
	  .show = hp_show_metrics },
	{ .name = "trace", .args = "ADDRESS [COUNT]",
	  .help = "follow the packets of an address through the steps",
	  .text = "One line a verdict with its reason, until interrupted or COUNT lines have come.\n"
		  "ADDRESS is an IPv4 or IPv6 address or a HIT.  One tracer at a time.\n",
	  .fill = hp_fill_trace, .show = hp_show_trace, .stream = true },
	{ .name = "proxy", .args = "on|off",
	  .help = "protect the clients' traffic, or let all of it pass",
	  .text = "off removes what leads traffic to the daemon: all of it passes as it is, also that\n"
		  "of connections which were protected.  Where the daemon is not root, only root may do\n"
		  "that.  on puts it back.\n",
	  .fill = hp_fill_proxy, .before = hp_before_proxy, .show = hp_show_done },
	{ .name = "nat", .args = "plain-udp|auto|off",
	  .help = "put HIP and ESP in UDP: always, where it works, never",
	  .text = "With the plugin natudp; holds until the next reload.  Associations move without\n"
		  "interruption where the peer answers the other way.\n",
	  .fill = hp_fill_nat, .show = hp_show_done },
	{ .name = "policy", .args = "[test CLIENT IDENTITY tcp|udp|icmp|gre|sctp|udp-lite [PORT]]",
	  .help = "a server-side proxy's rules, or which would decide",
	  .text = "Alone it prints the access rules with their hits.  test names the rule that\n"
		  "would decide for the HIT CLIENT, the hosted IDENTITY (name or HIT), the protocol\n"
		  "and the port.\n",
	  .fill = hp_fill_policy, .show = hp_show_policy },
	{ .name = "reload", .args = "",
	  .help = "read the configuration again: all of it or nothing",
	  .show = hp_show_done },
	{ .name = "close", .args = "HIT",
	  .help = "close the association with this peer",
	  .fill = hp_fill_close, .show = hp_show_done },
	{ .name = "revoke", .args = "[HIT [WHY]]", .options = revoke_options,
	  .help = "no association with this HIT any more, or list such HITs",
	  .text = "Closes its associations, cuts its connections, and refuses it from then on, over\n"
		  "restarts and whatever the configuration says.  WHY is kept with it in the file\n"
		  "hip.revoked.  Without HIT: lists what is revoked.\n",
	  .fill = hp_fill_revoke, .show = hp_show_revoked },
	{ .name = "flush", .args = "peers|flows|associations|all",
	  .help = "forget them",
	  .text = "Packets held are dropped.\n",
	  .fill = hp_fill_flush, .show = hp_show_done },
	{ .name = "doctor", .args = "", .options = doctor_options,
	  .help = "find out why it does not work",
	  .text = "Looks at the configuration, this machine, its packet filters, and asks peers without\n"
		  "an association which HIT they have.  Each finding has a cause, one sentence and\n"
		  "the line that cures it.  Works without the daemon too.  As root.\n"
		  "Exit status: 0 healthy, 1 findings, 2 usage, 3 it cannot look.\n",
	  .run = hp_cmd_doctor },
	{ .name = "keygen", .args = "FILE", .options = keygen_options,
	  .help = "make a Host Identity, print its HIT",
	  .text = "The folder is made if it is missing.  Run by root, folder and key belong to the user\n"
		  "hipproxy if there is one; the folder has mode 0700, the key 0600.  The HIT goes to\n"
		  "the standard output, owner and mode to the other.  No daemon is needed.\n",
	  .run = hp_cmd_keygen },
	{ .name = "hit", .args = "FILE...",
	  .help = "the HIT of key files",
	  .text = "No daemon is needed.\n",
	  .run = hp_cmd_hit },
	{ .name = "invite", .args = "[IDENTITY]", .options = invite_options,
	  .help = "print this machine as a peer for another one",
	  .text = "A ready `peers` group, for peer add there: the HIT, this machine's addresses, and what\n"
		  "it serves.  Without IDENTITY: all hosted identities, else the one with a role.\n"
		  "--address and --serves may be given several times.  No daemon is needed.\n",
	  .run = hp_cmd_invite },
	{ .name = "peer add", .args = "[FILE]", .options = peer_add_options,
	  .help = "take what invite has printed on another machine",
	  .text = "Reads FILE, or the standard input, checks it, writes conf.d/NAME.conf beside the\n"
		  "configuration, checks all of that as hipproxyd -t does, and reloads the daemon if it\n"
		  "runs.  If anything is wrong, nothing has changed.\n",
	  .run = hp_cmd_peer_add },
	{ .name = "peer remove", .args = "NAME", .options = peer_options,
	  .help = "remove a peer that peer add has written",
	  .run = hp_cmd_peer_remove },
	{ .name = "peer list", .args = "", .options = peer_options,
	  .help = "peers that peer add has written",
	  .run = hp_cmd_peer_list },
	{ .name = "help", .args = "[COMMAND]",
	  .help = "all commands, or all about one",
	  .run = hp_cmd_help },
};

const size_t hp_n_commands = sizeof(hp_commands) / sizeof(hp_commands[0]);

/* How many words of argv the name covers; 0: argv does not begin with it. */
static int covers(const char *name, int argc, char *const *argv)
{
	int n = 0;

	while (*name) {
		size_t len = strcspn(name, " ");

		if (n == argc || strlen(argv[n]) != len || memcmp(argv[n], name, len))
			return 0;
		n++;
		name += len + (name[len] == ' ');
	}
	return n;
}

const struct hp_command *hp_command_find(int argc, char *const *argv, int *words)
{
	const struct hp_command *found = NULL;

	*words = 0;
	for (size_t i = 0; i < hp_n_commands; i++) {
		int n = covers(hp_commands[i].name, argc, argv);

		if (n <= *words)
			continue;
		*words = n;
		found = &hp_commands[i];
	}
	return found;
}

/* SPDX-License-Identifier: MIT
 *
 * Peers, access rules and servers behind this machine (see peers.h).
 */
#include "doctor/peers.h"

#include <stdio.h>
#include <string.h>

#define ESP_WAIT_MS 2000 /* an answer may take so long */

/* What the reason of the engine is called here. */
static const struct {
	enum hp_cause cause;
	const char *cure; /* with %s for the peer's address; NULL: made below */
} by_why[HP_WHYS] = {
	[HP_WHY_SILENT] = { HP_CAUSE_PEER_SILENT,
			    "ping %s   # then, on the peer: hipproxyctl doctor" },
	[HP_WHY_NO_R2] = { HP_CAUSE_EXCHANGE_FAILS,
			   "hipproxyctl policy; hipproxyctl drops   # on the peer, %s" },
	[HP_WHY_NO_HIP] = { HP_CAUSE_PEER_DOWN,
			    "systemctl start hipproxyd   # on the peer, %s" },
	[HP_WHY_PROHIBITED] = { HP_CAUSE_HIP_REJECTED,
				"iptables -I INPUT -p 139 -j ACCEPT; iptables -I INPUT -p 50 -j "
				"ACCEPT   # on the peer, %s, or on the firewall before it" },
	[HP_WHY_UNREACHABLE] = { HP_CAUSE_PEER_UNREACHABLE, "ping %s   # and traceroute to it" },
	[HP_WHY_NO_ROUTE] = { HP_CAUSE_NO_ROUTE, "ip route add %s via GATEWAY" },
	[HP_WHY_POLICY] = { HP_CAUSE_RULE_DENIES,
			    "hipproxyctl policy   # on the peer, %s: a rule must allow our HIT" },
	[HP_WHY_REFUSED] = { HP_CAUSE_EXCHANGE_FAILS,
			     "hipproxyctl drops   # on the peer, %s; here the log has the NOTIFY" },
	[HP_WHY_NO_COMMON] = { HP_CAUSE_EXCHANGE_FAILS,
			       "compare hip.dh_groups, hip.ciphers, hip.hit_suites and esp.suites "
			       "with those of %s" },
	[HP_WHY_OTHER_HIT] = { HP_CAUSE_WRONG_HIT, NULL },
	[HP_WHY_OTHER_KEY] = { HP_CAUSE_OTHER_KEY, NULL },
	[HP_WHY_REVOKED] = { HP_CAUSE_RULE_DENIES,
			     "hipproxyctl revoke --undo HIT   # if %s may be reached again" },
	[HP_WHY_OWN_HIT] = { HP_CAUSE_SAME_KEY,
			     "hipproxyctl keygen -f KEYFILE   # on one side; then give the other "
			     "its new HIT" },
	[HP_WHY_MEMORY] = { HP_CAUSE_EXCHANGE_FAILS, "raise limits.associations" },
};

static void cure_why(const struct hp_seen_peer *p, const char *addr, struct hp_finding *f)
{
	char shown[HP_ADDR_STRLEN];
	const char *cure = by_why[p->why].cure, *at;

	if (!cure && !hp_addr_is_zero(&p->shown)) {
		hp_cure(f, "hit = \"%s\";   # in peers, after the peer's hipproxyctl status has "
			   "shown the same HIT%s", hp_addr_format(&p->shown, shown),
			p->why == HP_WHY_OTHER_KEY ? "; remove the old one from hip.pins" : "");
		return;
	}
	at = cure ? strstr(cure, "%s") : NULL;
	if (at)
		hp_cure(f, "%.*s%s%s", (int)(at - cure), cure, addr, at + 2);
	else
		hp_cure(f, "%s", cure ? cure : "");
}

static void judge_why(const struct hp_seen_peer *p, struct hp_findings *out)
{
	char addr[HP_ADDR_STRLEN], shown[HP_ADDR_STRLEN];
	struct hp_finding *f;

	hp_addr_format(&p->addr, addr);
	f = hp_find(out, by_why[p->why].cause, HP_SEV_ERROR, "peer %s at %s: %s%s%s%s", p->name,
		    hp_addr_is_zero(&p->addr) ? "its address" : addr, hp_hip_why_text(p->why),
		    hp_addr_is_zero(&p->shown) ? "" : " (it has ",
		    hp_addr_is_zero(&p->shown) ? "" : hp_addr_format(&p->shown, shown),
		    hp_addr_is_zero(&p->shown) ? "" : ")");
	cure_why(p, addr, f);
	hp_finding_about(f, &p->hit);
}

/* Connections that wait for their first answer show it; without any, everything that went out. */
static bool esp_is_missing(const struct hp_seen_peer *p)
{
	if (p->waiting)
		return !p->in_packets || p->unanswered_ms >= ESP_WAIT_MS;
	return !p->flows && !p->in_packets && p->out_packets >= 3 && p->up_ms >= ESP_WAIT_MS;
}

static void judge_esp(const struct hp_seen_peer *p, struct hp_findings *out)
{
	char addr[HP_ADDR_STRLEN];
	struct hp_finding *f;

	hp_addr_format(&p->addr, addr);
	/* What came back before may be stopped by a rule about the one connection that waits. */
	f = hp_find(out, HP_CAUSE_ESP_BLOCKED, p->in_packets ? HP_SEV_WARNING : HP_SEV_ERROR,
		    "peer %s at %s answers HIP, but %s: %s may be blocked on the way or there, or the "
		    "peer's access rules or packet filter drop what we send", p->name, addr,
		    p->in_packets ? "no more ESP comes back" : "no ESP comes back",
		    p->in_udp ? "UDP port 10500" : "ESP (IP protocol 50)");
	hp_finding_about(f, &p->hit);
	if (p->in_udp)
		hp_cure(f, "hipproxyctl doctor   # on the peer, %s", addr);
	else
		hp_cure(f, "iptables -I INPUT -p 50 -j ACCEPT   # on the peer, %s, and on firewalls "
			   "between", addr);
}

bool hp_peer_is_fine(const struct hp_seen_peer *p)
{
	return p->up ? !esp_is_missing(p) : p->why == HP_WHY_NONE;
}

void hp_judge_peer(const struct hp_seen_peer *p, struct hp_findings *out)
{
	if (hp_peer_is_fine(p))
		return;
	if (p->up)
		judge_esp(p, out);
	else
		judge_why(p, out);
}

/* ---- what is refused here */

static const char *proto_name(int proto)
{
	return proto == 6 ? "TCP port" : proto == 17 ? "UDP port" : "protocol 58, port";
}

void hp_judge_denial(const struct hp_seen_denial *d, struct hp_findings *out)
{
	char peer[HP_ADDR_STRLEN], local[HP_ADDR_STRLEN];
	const char *identity = *d->identity ? d->identity : hp_addr_format(&d->local_hit, local);
	struct hp_finding *f;

	hp_addr_format(&d->peer_hit, peer);
	if (d->proto)
		f = hp_find(out, HP_CAUSE_RULE_DENIES, HP_SEV_NOTE,
			    "access rules here deny %s %s %u of identity %s", peer,
			    proto_name(d->proto), d->port, identity);
	else
		f = hp_find(out, HP_CAUSE_RULE_DENIES, HP_SEV_NOTE,
			    "access rules here deny %s an association with identity %s", peer,
			    identity);
	hp_cure(f, "hipproxyctl policy   # if it should be allowed, add a rule before");
}

void hp_judge_server(const struct hp_addr *server, const struct hp_addr *client,
		     struct hp_findings *out)
{
	char to[HP_ADDR_STRLEN], from[HP_ADDR_STRLEN];
	struct hp_finding *f;

	f = hp_find(out, HP_CAUSE_NO_ROUTE, HP_SEV_WARNING,
		    "server %s does not answer clients, which it knows as %s: it is down, a packet "
		    "filter drops the packets, or it has no route to the pool through this machine",
		    hp_addr_format(server, to), hp_addr_format(client, from));
	hp_cure(f, "ip route add POOL via THIS-MACHINE   # on %s; or masquerade = true here", to);
}

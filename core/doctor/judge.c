/* SPDX-License-Identifier: MIT
 *
 * What is wrong with this machine, from what was gathered (see box.h).
 */
#include "doctor/box.h"
#include "gate/gate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STATE_AHEAD_S 60
/* A HIP message or an ESP packet that carries 1280 octets of IPv6 in the host role. */
#define WAN_MTU_MIN 1280

/* ---- devices */

static void judge_devs(const struct hp_box *b, struct hp_findings *out)
{
	for (size_t i = 0; i < b->n_devs; i++) {
		const struct hp_box_dev *d = &b->devs[i];
		struct hp_finding *f;

		if (d->is_tun || d->exists)
			continue;
		f = hp_find(out, HP_CAUSE_NO_INTERFACE, HP_SEV_ERROR,
			    "client.interfaces names %s, but this machine has no such interface",
			    d->name);
		hp_cure(f, "ip -br link   # then correct client.interfaces, and hipproxyctl reload");
	}
}

static void judge_tun(const struct hp_box *b, struct hp_findings *out)
{
	for (size_t i = 0; i < b->n_devs; i++) {
		const struct hp_box_dev *d = &b->devs[i];
		struct hp_finding *f;

		if (!d->is_tun || !d->exists || !b->daemon.running || !d->mtu ||
		    d->mtu == b->conf->tun.mtu)
			continue;
		f = hp_find(out, HP_CAUSE_MTU, HP_SEV_WARNING,
			    "%s has an MTU of %u, but the configuration says %u", d->name, d->mtu,
			    b->conf->tun.mtu);
		hp_cure(f, "ip link set dev %s mtu %u", d->name, b->conf->tun.mtu);
	}
}

/* ---- forwarding */

static void forwarding_off(struct hp_findings *out, const char *what, const char *key)
{
	struct hp_finding *f = hp_find(out, HP_CAUSE_NO_FORWARDING, HP_SEV_ERROR,
				       "the kernel does not forward %s (%s is 0)", what, key);

	hp_cure(f, "sysctl -w %s=1   # and into /etc/sysctl.d, to stay", key);
}

static void judge_forwarding(const struct hp_box *b, struct hp_findings *out)
{
	char key[80];

	if (!b->serves_clients && !b->serves_servers)
		return;
	if (b->need4 && !b->forward4)
		forwarding_off(out, "IPv4", "net.ipv4.ip_forward");
	if (b->need6 && !b->forward6)
		forwarding_off(out, "IPv6", "net.ipv6.conf.all.forwarding");
	/* Nothing is known of the families: one must do. */
	if (!b->need4 && !b->need6 && !b->forward4 && b->forward6 <= 0)
		forwarding_off(out, "IPv4, nor IPv6", "net.ipv4.ip_forward");
	for (size_t i = 0; i < b->n_devs; i++) {
		if (!b->need4 || b->forward4 <= 0 || b->devs[i].forward4)
			continue;
		snprintf(key, sizeof(key), "net.ipv4.conf.%s.forwarding", b->devs[i].name);
		forwarding_off(out, "IPv4 that comes in there", key);
	}
}

/* ---- routes */

static const char *refused_how(int err)
{
	switch (err) {
	case -ENETUNREACH:
		return "there is no route";
	case -EACCES:
		return "the route says prohibit";
	case -EINVAL:
		return "the route says blackhole";
	default:
		return "the route says unreachable";
	}
}

static void no_route(const struct hp_box_way *w, struct hp_findings *out)
{
	char to[HP_ADDR_STRLEN];
	struct hp_finding *f;

	hp_addr_format(&w->to, to);
	switch (w->kind) {
	case HP_WAY_PEER:
		f = hp_find(out, HP_CAUSE_NO_ROUTE, HP_SEV_ERROR,
			    "no way from here to %s, the address of peer %s: %s", to, w->peer,
			    refused_how(w->err));
		break;
	case HP_WAY_SERVED:
		f = hp_find(out, HP_CAUSE_NO_ROUTE, HP_SEV_ERROR,
			    "no way for clients' packets to %s, which peer %s serves: %s; the kernel "
			    "discards them before they can be protected", to, w->peer,
			    refused_how(w->err));
		break;
	default:
		f = hp_find(out, HP_CAUSE_NO_ROUTE, HP_SEV_ERROR,
			    "no way back to clients at %s: %s", to, refused_how(w->err));
	}
	hp_cure(f, "ip route add %s via GATEWAY", to);
}

static void filtered(const struct hp_box *b, const struct hp_box_way *w, struct hp_findings *out)
{
	char from[HP_ADDR_STRLEN];
	struct hp_finding *f;

	hp_addr_format(&w->from, from);
	if (w->kind == HP_WAY_BACK)
		f = hp_find(out, HP_CAUSE_RP_FILTER, HP_SEV_ERROR,
			    "rp_filter = %d drops what comes out of ESP on %s: the routes back to its "
			    "sources lead elsewhere", w->rp_filter, w->in);
	else
		f = hp_find(out, HP_CAUSE_RP_FILTER, HP_SEV_ERROR,
			    "rp_filter = %d on %s drops clients' packets from %s: the route back to "
			    "them leads elsewhere", w->rp_filter, w->in, from);
	hp_cure(f, "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.%s.rp_filter=0",
		w->kind == HP_WAY_BACK ? b->conf->tun.name : w->in);
}

/* With forwarding off the kernel has no way either; that is told already. */
static bool is_forwarding(const struct hp_box *b, const struct hp_box_way *w)
{
	if (!hp_addr_is4(&w->to))
		return b->forward6 != 0;
	for (size_t i = 0; i < b->n_devs; i++)
		if (!strcmp(b->devs[i].name, w->in))
			return b->devs[i].forward4 != 0;
	return b->forward4 != 0;
}

static void judge_ways(const struct hp_box *b, struct hp_findings *out)
{
	for (size_t i = 0; i < b->n_ways; i++) {
		const struct hp_box_way *w = &b->ways[i];

		if (w->filtered)
			filtered(b, w, out);
		else if (w->err == -ENETUNREACH || w->err == -EACCES || w->err == -EINVAL ||
			 (w->err == -EHOSTUNREACH && (!*w->in || is_forwarding(b, w))))
			no_route(w, out);
	}
}

void hp_box_judge_own(const struct hp_box *b, struct hp_findings *out)
{
	char to[HP_ADDR_STRLEN];
	struct hp_finding *f;

	for (size_t i = 0; i < b->n_ways; i++) {
		const struct hp_box_way *w = &b->ways[i];

		if (!w->wants_tun || w->err || w->to_tun || !b->daemon.capturing)
			continue;
		f = hp_find(out, HP_CAUSE_RULES_GONE, HP_SEV_ERROR,
			    "packets to %s do not go to %s: our routing rule or the route of table "
			    "10500 is gone, or a rule of others comes before it",
			    hp_addr_format(&w->to, to), b->conf->tun.name);
		hp_cure(f, "ip rule   # delete the one before priority %d that leads them "
			"elsewhere", HP_GATE_CLIENTS);
	}
}

/* ---- MTU and clock */

static void judge_mtu(const struct hp_box *b, struct hp_findings *out)
{
	for (size_t i = 0; i < b->n_ways; i++) {
		const struct hp_box_way *w = &b->ways[i];
		struct hp_finding *f;

		if (w->kind != HP_WAY_PEER || w->err || !w->mtu || w->mtu >= WAN_MTU_MIN)
			continue;
		f = hp_find(out, HP_CAUSE_MTU, HP_SEV_WARNING,
			    "%s, the way to peer %s, has an MTU of %u: less than %d leaves no room "
			    "for what ESP adds", w->out, w->peer, w->mtu, WAN_MTU_MIN);
		hp_cure(f, "ip link set dev %s mtu 1500   # or what the link can carry", w->out);
	}
}

/* Only the generation of R1s depends on the time of day (RFC 7401, section 5.2.3: it must not go
 * back), and what log lines say.  Certificates are not used. */
static void judge_clock(const struct hp_box *b, struct hp_findings *out)
{
	struct hp_finding *f = NULL;

	if (b->now_s < HP_BOX_EPOCH_S)
		f = hp_find(out, HP_CAUSE_CLOCK, HP_SEV_WARNING,
			    "the system's clock is before the release of this program: peers may "
			    "take our R1s for old ones, and log lines have wrong times");
	else if (b->state_s > b->now_s + STATE_AHEAD_S)
		f = hp_find(out, HP_CAUSE_CLOCK, HP_SEV_WARNING,
			    "the system's clock has gone back: %s was written %lld s from now; peers "
			    "may take our R1s for old ones until then", b->conf->state,
			    (long long)(b->state_s - b->now_s));
	if (f)
		hp_cure(f, "timedatectl set-ntp true   # or: date -s 'YYYY-MM-DD HH:MM:SS'");
}

void hp_box_judge(const struct hp_box *b, struct hp_findings *out)
{
	judge_devs(b, out);
	judge_forwarding(b, out);
	judge_ways(b, out);
	hp_box_judge_own(b, out);
	judge_tun(b, out);
	judge_mtu(b, out);
	judge_clock(b, out);
}

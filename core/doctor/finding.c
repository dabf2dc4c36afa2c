/* SPDX-License-Identifier: MIT
 *
 * The list of findings and the names of causes (see finding.h).
 */
#include "doctor/finding.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *id, *help;
} causes[HP_CAUSES] = {
	[HP_CAUSE_NOT_RUNNING] = { "not-running", "hipproxyd does not run." },
	[HP_CAUSE_NOT_LOOKED] = { "not-looked", "Something could not be looked at." },
	[HP_CAUSE_CONFIG] = { "config", "The configuration has an error." },
	[HP_CAUSE_UNKNOWN_KEY] = { "unknown-key", "The configuration has a key that does not "
				   "exist." },
	[HP_CAUSE_KEY_MISSING] = { "key-missing", "A key file does not exist." },
	[HP_CAUSE_KEY_MODE] = { "key-mode", "A key file is open to others, or belongs to "
				"somebody else." },
	[HP_CAUSE_KEY_BAD] = { "key-bad", "A key file holds no usable private key." },
	[HP_CAUSE_SAME_KEY] = { "same-key", "Both ends have the same key." },
	[HP_CAUSE_NO_INTERFACE] = { "no-interface", "The configuration names a network "
				    "interface that does not exist." },
	[HP_CAUSE_NO_FORWARDING] = { "no-forwarding", "The kernel does not forward." },
	[HP_CAUSE_RP_FILTER] = { "rp-filter", "A reverse path filter drops packets that came "
				 "out of ESP." },
	[HP_CAUSE_NO_ROUTE] = { "no-route", "There is no route to a served address, to a peer, or "
				"back to the clients." },
	[HP_CAUSE_FORWARD_DROP] = { "forward-drop", "The packet filter drops protected traffic "
				    "that is forwarded." },
	[HP_CAUSE_HIP_DROP] = { "hip-drop", "The packet filter of this machine drops HIP." },
	[HP_CAUSE_ESP_BLOCKED] = { "esp-blocked", "ESP is dropped here, or none comes back from "
				   "a peer that answers HIP." },
	[HP_CAUSE_RULES_GONE] = { "rules-gone", "Rules or routes of hipproxyd were removed." },
	[HP_CAUSE_GATE_GONE] = { "gate-gone", "hipproxy-gate does not run, or does not get its way." },
	[HP_CAUSE_IPV4_ONLY] = { "ipv4-only", "A service listens on IPv4 only, so no HIT reaches "
				 "it." },
	[HP_CAUSE_MTU] = { "mtu", "An MTU is too small, or was changed." },
	[HP_CAUSE_FILE_DAMAGED] = { "file-damaged", "Lines of a file that the daemon keeps can't be "
				    "read." },
	[HP_CAUSE_FILE_WRITE] = { "file-write", "A file that the daemon keeps can't be written." },
	[HP_CAUSE_CLOCK] = { "clock", "The system's clock is wrong." },
	[HP_CAUSE_LIMIT] = { "limit", "A table is full, or somebody has his share of it." },
	[HP_CAUSE_PEER_DOWN] = { "peer-down", "hipproxyd does not run on the peer." },
	[HP_CAUSE_PEER_SILENT] = { "peer-silent", "The peer does not answer HIP." },
	[HP_CAUSE_PEER_UNREACHABLE] = { "peer-unreachable", "The peer's host can't be "
					"reached." },
	[HP_CAUSE_HIP_REJECTED] = { "hip-rejected", "A firewall on the way, or the peer's, rejects "
				    "HIP." },
	[HP_CAUSE_WRONG_HIT] = { "wrong-hit", "The peer's address has another HIT than the "
				 "configuration says." },
	[HP_CAUSE_OTHER_KEY] = { "other-key", "The peer's address has another HIT than when it was "
				 "last met." },
	[HP_CAUSE_RULE_DENIES] = { "rule-denies", "Access rules deny an association or a "
				   "connection." },
	[HP_CAUSE_EXCHANGE_FAILS] = { "exchange-fails", "The base exchange with a peer fails for "
				      "another reason." },
	[HP_CAUSE_ASKED_WRONG_HIT] = { "asked-wrong-hit", "Somebody asked this machine for a HIT "
				       "that it does not have." },
	[HP_CAUSE_SANDBOX] = { "sandbox", "The daemon could do more than it needs: its sandbox is "
			       "not on, or not all of it." },
};

static const char *const severities[] = { "note", "warning", "error" };

const char *hp_cause_id(enum hp_cause c)
{
	return c < HP_CAUSES ? causes[c].id : "?";
}

const char *hp_cause_help(enum hp_cause c)
{
	return c < HP_CAUSES ? causes[c].help : "?";
}

const char *hp_severity_name(enum hp_severity s)
{
	return severities[s];
}

/* ---- the list */

static struct hp_finding *same(struct hp_findings *l, const struct hp_finding *f)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->at[i].cause == f->cause && !strcmp(l->at[i].text, f->text))
			return &l->at[i];
	return NULL;
}

struct hp_finding *hp_find(struct hp_findings *l, enum hp_cause c, enum hp_severity s,
			   const char *fmt, ...)
{
	struct hp_finding f = { .cause = c, .severity = s }, *old;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f.text, sizeof(f.text), fmt, ap);
	va_end(ap);
	old = same(l, &f);
	if (old)
		return old;
	if (l->n == HP_FINDINGS_MAX) {
		l->more++;
		l->n--; /* the last one gives way: its place is all there is to return */
	}
	l->at[l->n] = f;
	return &l->at[l->n++];
}

void hp_cure(struct hp_finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->cure, sizeof(f->cure), fmt, ap);
	va_end(ap);
}

void hp_finding_about(struct hp_finding *f, const struct hp_addr *peer_hit)
{
	hp_addr_format(peer_hit, f->peer);
}

static bool is_of_exchange(enum hp_cause c)
{
	return c == HP_CAUSE_PEER_DOWN || c == HP_CAUSE_PEER_SILENT ||
	       c == HP_CAUSE_PEER_UNREACHABLE || c == HP_CAUSE_HIP_REJECTED ||
	       c == HP_CAUSE_WRONG_HIT || c == HP_CAUSE_OTHER_KEY;
}

void hp_findings_forget_peer(struct hp_findings *l, const struct hp_addr *peer_hit)
{
	char hit[HP_ADDR_STRLEN];
	size_t n = 0;

	hp_addr_format(peer_hit, hit);
	for (size_t i = 0; i < l->n; i++)
		if (!is_of_exchange(l->at[i].cause) || strcmp(l->at[i].peer, hit))
			l->at[n++] = l->at[i];
	l->n = n;
}

bool hp_findings_has(const struct hp_findings *l, enum hp_cause c)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->at[i].cause == c)
			return true;
	return false;
}

bool hp_findings_healthy(const struct hp_findings *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->at[i].severity != HP_SEV_NOTE)
			return false;
	return true;
}

/* ---- JSON */

json_t *hp_findings_json(const struct hp_findings *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++) {
		const struct hp_finding *f = &l->at[i];
		json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "id", hp_cause_id(f->cause),
				      "severity", hp_severity_name(f->severity), "text", f->text,
				      "cure", f->cure);

		if (*f->peer)
			json_object_set_new(o, "peer", json_string(f->peer));
		json_array_append_new(list, o);
	}
	return list;
}

static int index_of(const char *name, const char *(*at)(int i), int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(at(i), name))
			return i;
	return -1;
}

static const char *cause_at(int i)
{
	return causes[i].id;
}

static const char *severity_at(int i)
{
	return severities[i];
}

void hp_findings_read(struct hp_findings *l, const json_t *array)
{
	const json_t *o;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)array, i, o) {
		const char *id, *severity, *text, *cure, *peer = "";
		struct hp_finding *f;
		int c, s;

		if (json_unpack((json_t *)(uintptr_t)o, "{s:s, s:s, s:s, s:s, s?s}", "id", &id,
				"severity", &severity, "text", &text, "cure", &cure, "peer", &peer))
			continue;
		c = index_of(id, cause_at, HP_CAUSES);
		s = index_of(severity, severity_at, 3);
		if (c < 0 || s < 0)
			continue;
		f = hp_find(l, (enum hp_cause)c, (enum hp_severity)s, "%s", text);
		hp_cure(f, "%s", cure);
		snprintf(f->peer, sizeof(f->peer), "%s", peer);
	}
}

/* SPDX-License-Identifier: MIT
 *
 * What doctor finds: a cause with a name, one sentence, and the line that cures it.
 */
#ifndef HP_DOCTOR_FINDING_H
#define HP_DOCTOR_FINDING_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <hipproxy/addr.h>

enum hp_severity {
	HP_SEV_NOTE,    /* worth knowing; the machine counts as healthy */
	HP_SEV_WARNING, /* may keep something from working */
	HP_SEV_ERROR,   /* keeps something from working */
};

enum hp_cause {
	HP_CAUSE_NOT_RUNNING,
	HP_CAUSE_NOT_LOOKED,
	/* the configuration */
	HP_CAUSE_CONFIG,
	HP_CAUSE_UNKNOWN_KEY,
	HP_CAUSE_KEY_MISSING,
	HP_CAUSE_KEY_MODE,
	HP_CAUSE_KEY_BAD,
	HP_CAUSE_SAME_KEY,
	/* this machine */
	HP_CAUSE_NO_INTERFACE,
	HP_CAUSE_NO_FORWARDING,
	HP_CAUSE_RP_FILTER,
	HP_CAUSE_NO_ROUTE,
	HP_CAUSE_FORWARD_DROP,
	HP_CAUSE_HIP_DROP,
	HP_CAUSE_ESP_BLOCKED,
	HP_CAUSE_RULES_GONE,
	HP_CAUSE_GATE_GONE,
	HP_CAUSE_IPV4_ONLY,
	HP_CAUSE_MTU,
	HP_CAUSE_CLOCK,
	HP_CAUSE_LIMIT,
	HP_CAUSE_FILE_DAMAGED,
	HP_CAUSE_FILE_WRITE,
	/* peers */
	HP_CAUSE_PEER_DOWN,
	HP_CAUSE_PEER_SILENT,
	HP_CAUSE_PEER_UNREACHABLE,
	HP_CAUSE_HIP_REJECTED,
	HP_CAUSE_WRONG_HIT,
	HP_CAUSE_OTHER_KEY,
	HP_CAUSE_RULE_DENIES,
	HP_CAUSE_EXCHANGE_FAILS,
	HP_CAUSE_ASKED_WRONG_HIT,
	HP_CAUSE_SANDBOX,
	HP_CAUSES
};

struct hp_finding {
	enum hp_cause cause;
	enum hp_severity severity;
	char text[512]; /* one sentence, no full stop at the end */
	char cure[400]; /* a command or a line of the configuration; "" if there is none */
	char peer[HP_ADDR_STRLEN]; /* the HIT of the peer it is about; "" if it is about none */
};

#define HP_FINDINGS_MAX 64

struct hp_findings {
	struct hp_finding at[HP_FINDINGS_MAX];
	size_t n;
	size_t more; /* found, but there was no room */
};

const char *hp_cause_id(enum hp_cause c); /* "rp-filter" */
/* One sentence for the manual page's table. */
const char *hp_cause_help(enum hp_cause c);
const char *hp_severity_name(enum hp_severity s);

/* Adds a finding and returns it, so that a cure can be written; never NULL.  A second one
 * with the same cause and text is not kept. */
struct hp_finding *hp_find(struct hp_findings *l, enum hp_cause c, enum hp_severity s,
			   const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void hp_cure(struct hp_finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Says which peer the finding is about. */
void hp_finding_about(struct hp_finding *f, const struct hp_addr *peer_hit);
/* Removes those about the peer whose cause is what one exchange showed: another look has told
 * more. */
void hp_findings_forget_peer(struct hp_findings *l, const struct hp_addr *peer_hit);
bool hp_findings_has(const struct hp_findings *l, enum hp_cause c);
/* No warning and no error. */
bool hp_findings_healthy(const struct hp_findings *l);

/* An array of { id, severity, text, cure, and peer if it is about one }; NULL when memory is out. */
json_t *hp_findings_json(const struct hp_findings *l);
/* Adds those of such an array; elements that are none are left out. */
void hp_findings_read(struct hp_findings *l, const json_t *array);

#endif

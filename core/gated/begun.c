/* SPDX-License-Identifier: MIT
 *
 * Connections that began in the clear (io/begun.h): marked when more becomes protected, then logged,
 * and looked for until they have ended.
 */
#include "gated/gated.h"

#include <errno.h>

#define TCP 6

static void log_begun(const struct hp_begun *b)
{
	const struct hp_connection *list;
	char src[HP_ADDR_STRLEN], dst[HP_ADDR_STRLEN];
	size_t n = hp_begun_list(b, &list);

	hp_log(HP_LOG_IO, HP_LOG_NOTICE, "gate: %zu connections to destinations that are protected from "
	       "now on began in the clear, and stay so until they end", hp_begun_total(b));
	for (size_t i = 0; i < n; i++)
		hp_log(HP_LOG_IO, HP_LOG_INFO, "gate: in the clear until its end: %s %s port %u to %s "
		       "port %u", list[i].proto == TCP ? "TCP" : "UDP",
		       hp_addr_format(&list[i].src, src), list[i].sport,
		       hp_addr_format(&list[i].dst, dst), list[i].dport);
}

void hp_gated_begun(struct hp_gated *g, const struct hp_gate_want *w,
		    const struct hp_gate_state *before)
{
	const struct hp_conf_client *c = g->conf ? &g->conf->client : NULL;
	int n;

	if (!c || !w->clients || c->begun_plain != HP_CONF_PLAIN_UNTIL_END)
		return;
	n = g->begun ? hp_begun_mark(g->begun, w, before, c->mark, c->mark_mask) : -EOPNOTSUPP;
	if (n > 0) {
		hp_rules_marks_count();
		g->begun_anew = true;
	}
	if (n >= 0 || !g->on)
		return;
	g->notice = "client.begun_plain = \"until-end\": conntrack does not run or knows no connection: "
		    "any that began in the clear are cut";
	hp_log(HP_LOG_IO, HP_LOG_NOTICE, "%s", g->notice);
}

void hp_gated_begun_mark(const struct hp_gated *g, struct hp_gate_want *w)
{
	if (!g->begun || !g->conf || !hp_begun_total(g->begun))
		return;
	w->mark = g->conf->client.mark;
	w->mask = g->conf->client.mark_mask;
}

void hp_gated_begun_look(struct hp_gated *g)
{
	const struct hp_conf_client *c = g->conf ? &g->conf->client : NULL;
	size_t had = g->begun ? hp_begun_total(g->begun) : 0;

	if (!c || !had || hp_begun_look(g->begun, &g->wanted, c->mark, c->mark_mask))
		return;
	if (g->begun_anew)
		log_begun(g->begun);
	g->begun_anew = false;
	g->stale |= !hp_begun_total(g->begun); /* the mark has no meaning any more */
}

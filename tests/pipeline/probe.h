/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: resolvers that answer at once, later, never or badly, and hooks in every
 * data stage that note what they saw and say what they were told to.
 */
#ifndef HP_PIPELINE_PROBE_H
#define HP_PIPELINE_PROBE_H

#include <hipproxy/plugin.h>

enum { PROBE_FLAG = 4 };

struct probe {
	/* resolvers "none" (n), "sour" (s), "quick" (q), "slow" (l) */
	char asked[64];  /* their letters in the order of asking */
	struct hp_resolve_result answer;
	struct hp_instance *self; /* once the slow one was asked */
	struct hp_ticket tickets[16]; /* of the slow one, not answered yet */
	unsigned n_tickets, cancelled;
	/* hooks: OUT_CLASSIFY c, OUT_FLOW f, OUT_L7 l, OUT_XLAT x, OUT_OUTER o, IN_OUTER O, IN_FLOW F, IN_XLAT X,
	 * IN_L7 L, IN_EMIT E; the one that wants PROBE_FLAG + */
	char met[256];
	char at;         /* the letter whose hook says: */
	enum hp_verdict say;
	unsigned every;  /* ... each so many times; 0: always */
	unsigned times;  /* how often it was met */
	void (*act)(void); /* called before it says so; may be NULL */
	bool set_flag;   /* OUT_FLOW's sets PROBE_FLAG */
	unsigned events[HP_EVENTS];
	unsigned most;   /* packets OUT_FLOW saw of one flow, by the area in it */
	size_t bad;      /* a packet that was not in the form its stage promises */
};

extern struct probe probe;
extern const struct hp_plugin probe_plugin;
void probe_reset(void);

#endif

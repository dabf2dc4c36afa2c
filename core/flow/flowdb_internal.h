/* SPDX-License-Identifier: MIT
 *
 * What flowdb.c and flowtime.c share.
 */
#ifndef HP_FLOW_FLOWDB_INTERNAL_H
#define HP_FLOW_FLOWDB_INTERNAL_H

#include "flow/expect.h"
#include "flow/flowdb.h"
#include "flow/seqadj.h"

#define HP_FLOW_WHEEL 8192u /* seconds; more than the longest usual timeout */
#define HP_PORT_FULLS 64u

/* A pair of ends between which every port was found in use. */
struct hp_port_full {
	uint64_t hash, until_ms;
};

struct hp_flowdb {
	struct hp_htab legacy, hit;
	struct hp_flowdb_config cfg;
	struct hp_timers *timers;
	const struct hp_clock *clock;
	struct hp_timer tick;
	struct hp_expect_db *expect;
	uint64_t start_ms;
	uint32_t done_s; /* the wheel's buckets up to this second are empty */
	uint64_t ids, random_count;
	uint64_t counters[HP_FLOWC_MAX];
	struct hp_port_full full[HP_PORT_FULLS];
	struct hp_list wheel[HP_FLOW_WHEEL];
};

void hp_flowdb_time_init(struct hp_flowdb *db, struct hp_timers *timers,
			 const struct hp_clock *clock);
void hp_flow_time_start(struct hp_flow *f);
void hp_flow_remove(struct hp_flow *f, enum hp_flow_counter why);

#endif

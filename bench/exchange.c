/* SPDX-License-Identifier: MIT
 *
 * How many base exchanges a second?  P-256, group 7, K 0, one thread: each side's
 * processor time is measured by itself, in the calls that belong to its engine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <hipproxy/log.h>

#include "../tests/exchange/world.h"

static struct world w;

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Delivers what is on the way, adding up the time each engine takes. */
static void deliver(double spent[2])
{
	while (w.n_queue) {
		struct packet *p = w.queue[0];
		struct hp_path path = {.src = p->dst, .dst = p->src};
		double at = cpu_s();

		for (size_t i = 1; i < w.n_queue; i++)
			w.queue[i - 1] = w.queue[i];
		w.n_queue--;
		hp_hip_input(w.s[p->to].hip, &path, p->msg, p->len);
		spent[p->to] += cpu_s() - at;
		free(p);
	}
}

static void one(double spent[2])
{
	double at = cpu_s();

	hp_hip_connect(w.s[0].hip, NULL, &w.s[1].hit, &w.s[1].addr, 1);
	spent[0] += cpu_s() - at;
	deliver(spent);
	if (!world_up(&w))
		abort();
	/* Both forget at once: neither CLOSE nor waiting. */
	hp_hip_identity_remove(w.s[0].hip, &w.s[0].hit);
	hp_hip_identity_add(w.s[0].hip, w.s[0].key, 0, "");
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 2000;
	double spent[2] = {0, 0};

	hp_log_level_all(HP_LOG_ERROR);
	world_init(&w);
	w.s[1].cfg.r1_per_s = 0;
	world_start(&w);
	for (int i = 0; i < n; i++)
		one(spent);
	printf("base exchanges, P-256, group 7, K 0, one thread: as Initiator %.0f/s "
	       "(%.3f ms), "
	       "as Responder %.0f/s (%.3f ms)\n",
	       n / spent[0], 1000 * spent[0] / n, n / spent[1], 1000 * spent[1] / n);
	world_fini(&w);
	world_keys_free();
	return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * An orderly end: peers are told by CLOSE, and the loop ends when they have answered.
 */
#include "daemon/daemon.h"

#define QUIT_MS      1000 /* longest wait for CLOSE_ACK */
#define QUIT_STEP_MS 20

static void step(struct hp_timer *t)
{
	struct hp_daemon *d = HP_CONTAINER(t, struct hp_daemon, quit.timer);
	uint64_t now = hp_clock_ms(&d->clock);

	if (!hp_hip_count(d->hip) || now >= d->quit.end_ms)
		hp_loop_stop(d->loop);
	else
		hp_timer_set(&d->timers, t, now + QUIT_STEP_MS);
}

void hp_daemon_quit(struct hp_daemon *d)
{
	if (d->quit.stopping) {
		hp_loop_stop(d->loop);
		return;
	}
	d->quit.stopping = true;
	hp_supervisor_stopping(d);
	d->quit.end_ms = hp_clock_ms(&d->clock) + QUIT_MS;
	hp_daemon_capture_end(d);
	hp_hip_shutdown(d->hip);
	hp_timer_init(&d->quit.timer, step);
	hp_timer_set(&d->timers, &d->quit.timer, hp_clock_ms(&d->clock));
}

static void stop(struct hp_daemon *d)
{
	hp_timer_cancel(&d->timers, &d->quit.timer);
}

const struct hp_part hp_part_quit = { "quit", .stop = stop };

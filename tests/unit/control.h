/* SPDX-License-Identifier: MIT
 *
 * A control socket with a loop, and clients of it, for tests.
 */
#ifndef HP_TESTS_CONTROL_H
#define HP_TESTS_CONTROL_H

#include "io/control.h"

struct fixture {
	struct hp_timers timers;
	struct hp_loop *loop;
	struct hp_control *ctl;
	char dir[32], path[64];
	struct hp_control_client *streamer;
	int gone, calls, told;
	uint64_t stall_ms;
	struct hp_control_client *fed;
	long feed_to, fed_rows; /* feed_to: 0, it waits */
};

/* Another socket, with the commands of the first.  As hp_control_open. */
int open_at(struct fixture *f, const char *path, const char *group, struct hp_control **out,
	    struct hp_io_err *e);
/* A socket for root and the members of group, in a folder of its own. */
void setup_for(struct fixture *f, const char *group);
void setup(struct fixture *f);
void teardown(struct fixture *f);
/* n rounds of the loop. */
void rounds(struct fixture *f, int n);
/* A descriptor that is connected. */
int client(struct fixture *f);
/* Sends text and gives what came back. */
const char *ask(struct fixture *f, int fd, const char *text);

#endif

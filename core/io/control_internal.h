/* SPDX-License-Identifier: MIT
 *
 * What control.c and ctlclient.c share.
 */
#ifndef HP_IO_CONTROL_INTERNAL_H
#define HP_IO_CONTROL_INTERNAL_H

#include "io/control.h"

#include <sys/un.h>

#define HP_CONTROL_GROUP_MAX 33 /* octets of a name, with the ending zero */

struct hp_control {
	struct hp_loop *loop;
	struct hp_watch watch;
	struct hp_flush flush;
	hp_control_fn fn;
	void *ctx;
	int fd;
	bool bound;
	bool has_group;
	gid_t gid;
	char group[HP_CONTROL_GROUP_MAX];
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct hp_control_client *clients[HP_CONTROL_CLIENTS];
	struct hp_control_counts counts;
	void (*event)(void *ctx, enum hp_control_event ev, const struct hp_control_who *who,
		      const char *why);
	struct hp_timers *timers;
	struct hp_timer check; /* for clients with which nothing moves */
	uint64_t stall_ms;
};

/* Takes fd over; NULL (fd still the caller's) when memory is out. */
struct hp_control_client *ctl_client_new(struct hp_control *ctl, int fd,
					 const struct hp_control_who *who);
/* Writes what it can without waiting, then closes. */
void ctl_client_free(struct hp_control_client *c);
/* Has this client left, or must it go? */
bool ctl_client_over(const struct hp_control_client *c);
/* Closes it, with the loop, if nothing has moved since before_ms although something should. */
void ctl_client_check(struct hp_control_client *c, uint64_t before_ms);

#endif

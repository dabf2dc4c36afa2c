/* SPDX-License-Identifier: MIT
 *
 * The control socket: JSON objects, one a line, over a Unix stream socket.
 *
 * It is open to root, the daemon's own user and the members of one group (mode 0660), without a
 * group to the first two (0600).  Besides the socket's mode, the kernel's word on who has connected
 * is asked.
 *
 * A request is {"cmd": "...", ...}, at most 64 KB.  The reply is {"ok": true, ...}, or
 * {"ok": false, "error": "..."}; a streaming command goes on with more objects, until it ends (a
 * list) or either side closes (a trace).  Requests that follow wait until all of that is written.
 *
 * At most 16 clients.  What waits for one of them is bounded: a list is made in small parts, the
 * next one when the last is written; a trace that is read too slowly is closed.  A client with
 * which nothing moves for some time is closed too, unless it is a stream with nothing to say.
 */
#ifndef HP_IO_CONTROL_H
#define HP_IO_CONTROL_H

#include <sys/types.h>

#include <jansson.h>

#include "io/err.h"
#include "io/loop.h"

#define HP_CONTROL_CLIENTS     16
#define HP_CONTROL_REQUEST_MAX 65536
#define HP_CONTROL_OUTPUT_MAX  (16u << 20) /* octets of one reply */
#define HP_CONTROL_STREAM_MAX  (256u << 10) /* octets of a stream waiting for one client */
#define HP_CONTROL_STALL_MS    60000

struct hp_control;
struct hp_control_client;

/* Fills reply, an empty object; both are borrowed.  0, or -errno: "ok" is set
 * accordingly, and "error" to the errno's text unless the handler has set it. */
typedef int (*hp_control_fn)(void *ctx, struct hp_control_client *c,
			     const json_t *request, json_t *reply);

/* Who has connected, in the kernel's words. */
struct hp_control_who {
	uid_t uid;
	pid_t pid; /* 0: of another PID namespace */
};

enum hp_control_event {
	HP_CONTROL_REFUSED, /* a stranger, or too many clients */
	HP_CONTROL_STALLED, /* closed: it did not read */
};

/* Accepted, refused and closed clients since the start. */
struct hp_control_counts {
	uint64_t accepted, refused, stalled, too_slow;
};

struct hp_control_cfg {
	const char *path;
	const char *group; /* "": none */
	hp_control_fn fn;
	/* Something happened that an administrator should know of.  May be NULL. */
	void (*event)(void *ctx, enum hp_control_event ev, const struct hp_control_who *who,
		      const char *why);
	void *ctx;                /* of fn and event */
	struct hp_timers *timers; /* borrowed */
	uint64_t stall_ms;        /* 0: HP_CONTROL_STALL_MS */
};

/* Makes the socket; a stale one is replaced, one that answers is -EADDRINUSE.  The directory is
 * made if only its last part is missing: 0750 for the group, or 0755.  A group that does not exist
 * is -ESRCH, unless it is the service's own (HP_SERVICE_ACCOUNT): then there is none.  0 and *out,
 * or -errno with a sentence. */
int hp_control_open(struct hp_loop *loop, const struct hp_control_cfg *cfg,
		    struct hp_control **out, struct hp_io_err *err);
/* Is there such a group, or may it be missing?  0 or -ESRCH. */
int hp_control_group_check(const char *group);
/* Clients are closed (what is written but unsent gets one last try), the socket is
 * unlinked. */
void hp_control_close(struct hp_control *ctl);

/* Inside the handler: the client stays subscribed after the reply; gone is called once
 * when it leaves, by whatever cause.  gone may be NULL. */
void hp_control_stream(struct hp_control_client *c, void (*gone)(void *ctx), void *ctx);
/* One more object for a streaming client; obj is borrowed.  0, or -ENOBUFS: the client is
 * too slow and will be dropped (gone comes later, from the loop). */
int hp_control_send(struct hp_control_client *c, const json_t *obj);

/* ---- streams that are made as they are read */

enum hp_feed {
	HP_FEED_MORE, /* call again in the next round */
	HP_FEED_WAIT, /* nothing to say now: call after hp_control_wake */
	HP_FEED_END,  /* that was all: the client may ask for something else */
};

struct hp_control_feed {
	/* Sends some objects by hp_control_send.  Called once a round at most, and only while
	 * little waits for the client. */
	enum hp_feed (*fn)(void *ctx, struct hp_control_client *c);
	void (*gone)(void *ctx); /* once: it has ended, or the client has left */
	void *ctx;
	bool endless; /* it goes on until the client closes */
	bool replies; /* what it sends first is the reply: the handler's own is not sent */
};

/* Inside the handler: the reply is followed by a feed, or comes from it later.  It is copied. */
void hp_control_feed(struct hp_control_client *c, const struct hp_control_feed *feed);
void hp_control_wake(struct hp_control_client *c);
/* Sends what the handler would have replied: for a feed that replies, once.  Borrows reply, NULL: there
 * was no memory. */
void hp_control_reply(struct hp_control_client *c, json_t *reply, int err);
/* How many octets of a stream may still be sent before the feed should return. */
size_t hp_control_room(const struct hp_control_client *c);

const struct hp_control_who *hp_control_who(const struct hp_control_client *c);
const struct hp_control_counts *hp_control_counts(const struct hp_control *ctl);
/* How many clients there are now. */
unsigned int hp_control_clients(const struct hp_control *ctl);

#endif

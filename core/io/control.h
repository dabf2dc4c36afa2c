/* SPDX-License-Identifier: MIT
 *
 * The control socket: JSON objects, one a line, over a Unix stream socket.
 *
 * It is open to root, the daemon's own user and the members of one group (mode 0660), without a
 * group to the first two (0600).  Besides the socket's mode, the kernel's word on who has connected
 * is asked.
 *
 * A request is {"cmd": "...", ...}, at most 64 KB.  The reply is {"ok": true, ...}, or
 * {"ok": false, "error": "..."}; a streaming command goes on with more objects until
 * either side closes.  At most 16 clients; one that does not read is dropped.
 */
#ifndef HP_IO_CONTROL_H
#define HP_IO_CONTROL_H

#include <jansson.h>

#include "io/err.h"
#include "io/loop.h"

#define HP_CONTROL_CLIENTS     16
#define HP_CONTROL_REQUEST_MAX 65536
#define HP_CONTROL_OUTPUT_MAX  (16u << 20) /* octets waiting for one client */

struct hp_control;
struct hp_control_client;

/* Fills reply, an empty object; both are borrowed.  0, or -errno: "ok" is set
 * accordingly, and "error" to the errno's text unless the handler has set it. */
typedef int (*hp_control_fn)(void *ctx, struct hp_control_client *c,
			     const json_t *request, json_t *reply);

struct hp_control_cfg {
	const char *path;
	const char *group; /* "": none */
	hp_control_fn fn;
	void *ctx; /* of fn */
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

#endif

/* SPDX-License-Identifier: MIT
 *
 * The outer side: how HIP and ESP travel between two hosts.
 *
 * Hooks of the stages OUT_OUTER and IN_OUTER get runs: packets of one path, back to back, as the
 * sockets take them and give them.  A hook is called once for a run.  A plugin with a table of
 * struct hp_transport besides chooses the paths by which exchanges begin, and is told when a peer is
 * heard on another path.  Sockets, segmentation offload, and the question whether a peer can be
 * reached on a path (RFC 8046, section 5.5) are the core's.
 *
 * All functions are for the loop's thread.
 */
#ifndef HIPPROXY_OUTER_H
#define HIPPROXY_OUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/assoc.h>
#include <hipproxy/packet.h>

struct hp_instance;

/* ---- runs */

enum hp_outer_kind {
	HP_OUTER_ESP,       /* each packet begins with its ESP header */
	HP_OUTER_CONTROL,   /* one HIP message */
	HP_OUTER_DATAGRAMS, /* came to a plugin's UDP port: a hook has to say what they are */
};

struct hp_outer_port; /* a UDP port of a plugin */
struct hp_outer_walk; /* the core's */

struct hp_outer_run {
	enum hp_outer_kind kind;
	struct hp_path path;    /* src is this host, dst the peer; in both directions */
	/* Outbound: by which port it leaves; NULL: as IP protocol 50 or 139, which needs a path
	 * without ports.  Inbound: to which it came. */
	struct hp_outer_port *port;
	struct hp_assoc *assoc; /* outbound ESP: whose; else NULL; borrowed */
	/* n packets back to back, each of seg octets but the last one, which has last.  They are the
	 * hook's to change; it may write to head octets in front of data and tail octets behind the
	 * last packet.  Inbound they stay in this buffer, wherever a hook gives them on: runs that were
	 * received together are opened together, after the hook. */
	uint8_t *data;
	uint32_t n, seg, last;
	uint32_t head, tail;
	uint8_t tos, ttl;       /* of the outer header; outbound ttl 0: the system's */
	bool df;                /* outbound: must not be fragmented */
	unsigned int mtu;       /* outbound without df: of the fragments to be made */
	struct hp_outer_walk *walk;
};

static inline uint32_t hp_outer_len(const struct hp_outer_run *r, uint32_t i)
{
	return i + 1 < r->n ? r->seg : r->last;
}

static inline size_t hp_outer_octets(const struct hp_outer_run *r)
{
	return r->n ? (size_t)r->seg * (r->n - 1) + r->last : 0;
}

/* From a hook: r, a part of the run that the hook got (or all of it), goes on to the hooks behind
 * and to where runs go.  *r is a changed copy of the hook's run.  The hook then returns HP_TAKEN. */
void hp_outer_pass(struct hp_outer_run *r);
/* Counts reason (index into plugin->drops) for each packet and returns HP_DROP. */
enum hp_verdict hp_outer_drop(struct hp_instance *self, const struct hp_outer_run *r,
			      unsigned reason);

/* ---- UDP ports */

#define HP_OUTER_PORTS 4 /* of all plugins together */

/* Binds it for IPv4 and IPv6.  Runs that come to it meet IN_OUTER as HP_OUTER_DATAGRAMS.
 * 0, or -errno, logged: -EADDRINUSE it is taken; -ENOBUFS plugins have HP_OUTER_PORTS open; -EOPNOTSUPP
 * there are no sockets here; what else the kernel says. */
int hp_outer_port_open(struct hp_instance *self, uint16_t number, struct hp_outer_port **out);
/* NULL is fine.  Not from a hook. */
void hp_outer_port_close(struct hp_instance *self, struct hp_outer_port *port);

/* ---- the plugin that chooses paths: one at most */

#define HP_OUTER_PATHS 2
#define HP_OUTER_PARAM 4 /* R1s with long keys are nearly full */

/* A HIP message that came in.  Nothing of it is authenticated. */
struct hp_outer_message {
	uint8_t type;               /* HIP packet type */
	struct hp_assoc *assoc;     /* NULL: of none */
	const struct hp_path *path; /* src is this host */
	const uint8_t *octets;      /* from the HIP header on */
	size_t len;
	const void *parsed;         /* the core's */
};

/* The contents of the first parameter of this type, or NULL. */
const uint8_t *hp_outer_param(const struct hp_outer_message *m, uint16_t type, size_t *len);

/* A parameter to add to a message: its type is above HIP_CIPHER (579) and below ENCRYPTED (641). */
struct hp_outer_offer {
	uint16_t type, len; /* of data */
	uint8_t data[HP_OUTER_PARAM];
};

struct hp_transport_status {
	const char *mode;
	uint16_t port; /* 0: none is open */
};

/* Each but paths may be NULL.  Called between the plugin's start and stop. */
struct hp_transport {
	size_t area_bytes; /* its area in each association: hp_transport_area */
	/* An exchange is to begin by *wanted.  out[0]: by which it does; those behind it: where its I1
	 * leaves too, and before.  How many there are, from 1 on. */
	size_t (*paths)(struct hp_instance *self, const struct hp_path *wanted,
			struct hp_path out[HP_OUTER_PATHS]);
	/* Has an R1 (path NULL: whatever its way) or an I2 of ours a parameter more?  The core asks
	 * for R1s again after hp_transport_changed. */
	bool (*offer)(struct hp_instance *self, uint8_t type, const struct hp_path *path,
		      struct hp_outer_offer *out);
	/* An R1 or I2: can the exchange go on by m->path?  0, or -EPERM: it is refused. */
	int (*judge)(struct hp_instance *self, const struct hp_outer_message *m);
	/* An R1 that answers an I1 of assoc's, or a NOTIFY.  HP_NEXT; HP_TAKEN: the core does not
	 * look at it any more. */
	enum hp_verdict (*message)(struct hp_instance *self, const struct hp_outer_message *m);
	/* An authentic packet of the peer, or a message asking whether we are there (asked), came by
	 * a path whose end or port is not the association's. */
	void (*heard)(struct hp_instance *self, struct hp_assoc *a, const struct hp_path *path,
		      bool asked);
	/* Its exchange has ended or begins anew: an R1 that waits is none of it any more. */
	void (*anew)(struct hp_instance *self, struct hp_assoc *a);
	/* The association is about to be freed. */
	void (*gone)(struct hp_instance *self, struct hp_assoc *a);
	/* For `hipproxyctl status` and `hipproxyctl nat MODE`.  mode: 0; -EINVAL: no such mode; or
	 * another -errno, and nothing has changed. */
	void (*status)(struct hp_instance *self, struct hp_transport_status *out);
	int (*mode)(struct hp_instance *self, const char *mode);
};

/* The plugin's area in the association, zero at first, or NULL. */
void *hp_transport_area(struct hp_assoc *a);
/* What offer says has changed: signed R1s are made anew. */
void hp_transport_changed(struct hp_instance *self);
/* Every association, until fn returns another value than 0, which is the result.  fn must not close
 * any. */
int hp_transport_each(struct hp_instance *self, int (*fn)(struct hp_assoc *a, void *arg),
		      void *arg);

/* ---- associations and paths */

/* Do they lead to the same port of the same host? */
bool hp_path_same(const struct hp_path *a, const struct hp_path *b);
/* May data be sent? */
bool hp_assoc_is_up(const struct hp_assoc *a);
/* Are its keys being changed? */
bool hp_assoc_is_rekeying(const struct hp_assoc *a);
/* When the latest authentic packet came, and the latest ESP packet left; as hp_instance_now. */
uint64_t hp_assoc_last_in_ms(const struct hp_assoc *a);
uint64_t hp_assoc_last_out_ms(const struct hp_assoc *a);
/* Asks the peer to answer from path (UPDATE with an echo; RFC 8046, section 5.5).  When it does, path
 * is the association's: HP_EVENT_LOCATOR_CHANGED.  An exchange that waits for its R1 asks there too.
 * 0; -EALREADY it is being asked there; -EBUSY another UPDATE is being made; -ENOTCONN there is
 * nobody to ask. */
int hp_assoc_ask_at(struct hp_assoc *a, const struct hp_path *path);
/* Its path is of no use any more: what waits for an answer goes by path, and an association that is up
 * begins a new exchange there. */
void hp_assoc_lose_path(struct hp_assoc *a, const struct hp_path *path);
/* Sends a NOTIFY of this type without signature by the association's path.  0 or -errno. */
int hp_assoc_notify(struct hp_assoc *a, uint16_t type);
/* Gives an R1 back that `message` took. */
void hp_assoc_input(struct hp_assoc *a, const struct hp_path *path, const uint8_t *octets,
		    size_t len);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Part of an association: the message that awaits an answer, and its retransmission (RFC 7401,
 * section 4.4.3: timers with exponential backoff).
 */
#ifndef HP_HIP_SENT_H
#define HP_HIP_SENT_H

#include "hip/engine.h"

/* What one kind of message does besides; each may be NULL. */
struct hp_sent_how {
	/* Sends the message, otherwise than once on its path. */
	void (*put)(struct hp_assoc *a);
	/* Before each retransmission. */
	void (*next)(struct hp_assoc *a);
	/* Is it repeated more than max times? */
	bool (*goes_on)(const struct hp_assoc *a);
	/* Nobody has answered, and the message is forgotten.  refused: a NOTIFY says that no
	 * answer will come. */
	void (*silent)(struct hp_assoc *a, bool refused);
};

struct hp_sent {
	const struct hp_sent_how *how;
	struct hp_path path;
	struct hp_path other; /* every second retransmission goes there, if dst is set */
	uint8_t *msg;	      /* NULL: no message awaits an answer */
	size_t len;
	uint64_t first_ms;
	unsigned tries, max;
	bool doubted; /* a NOTIFY says that no answer will come */
	uint32_t wait_ms;
	struct hp_timer timer;
};

/* Sends and repeats until hp_assoc_sent_clear, at most max times.  Takes a copy of msg. */
void hp_assoc_transmit(struct hp_assoc *a, const struct hp_sent_how *how,
		       const struct hp_path *path, const uint8_t *msg, size_t len, unsigned max);
void hp_assoc_sent_clear(struct hp_assoc *a);
/* Is a message of this kind out? */
bool hp_sent_is(const struct hp_assoc *a, const struct hp_sent_how *how);
/* The message is sent once more at most. */
void hp_assoc_doubt(struct hp_assoc *a);
/* Every second retransmission goes to path. */
void hp_sent_alternate(struct hp_assoc *a, const struct hp_path *path);
/* From now on it goes to path. */
void hp_sent_redirect(struct hp_assoc *a, const struct hp_path *path);
/* The number of retransmissions becomes max. */
void hp_sent_limit(struct hp_assoc *a, unsigned max);
/* No retransmission: silence is noticed ms from now. */
void hp_sent_last(struct hp_assoc *a, uint32_t ms);
/* The same, but not later than without this call. */
void hp_sent_hurry(struct hp_assoc *a, uint32_t ms);
/* Sends the message once, as it is. */
int hp_sent_put(struct hp_assoc *a);

#endif

/* SPDX-License-Identifier: MIT
 *
 * A TCP stream whose payload is changed on the way: what was changed, and which sequence number
 * on one side is which on the other (RFC 9293; SACK: RFC 2018).
 *
 * One direction of one connection.  The log holds every rewritten piece by the sender's
 * numbers until the receiver has acknowledged it, so that a retransmission with any boundaries
 * is rewritten the same way.  Between two pieces the numbers differ by a constant; inside a
 * piece the n-th octet stands for the n-th, and its end for its end.  The map is monotone.
 *
 * Octets may also be held: kept here and acknowledged to the sender, not yet sent on, because
 * what they will become depends on those that follow.  They are the beginning of the next
 * piece, so whatever was acknowledged before its time is in the log, and is sent again in front
 * of what the sender sends again.  The last octet of a piece is never acknowledged before its
 * time: the sender's retransmission timer does all the work.
 *
 * Pure: no packets, no clock; allocation only for pieces.
 */
#ifndef HP_FLOW_SEQADJ_H
#define HP_FLOW_SEQADJ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/alg.h>

struct hp_follow;

#define HP_SEQADJ_PIECES 16u   /* not yet acknowledged, per direction */

struct hp_seqadj_piece {
	uint32_t seq;          /* sender's number of its first octet */
	uint32_t len, out_len; /* octets before and after */
	uint8_t *out;
};

struct hp_seqadj_dir {
	bool began;            /* the numbers below are valid */
	bool open;             /* the rest of the stream is left alone: nothing is followed */
	uint32_t first;        /* sender's number of the first octet */
	uint32_t base;         /* out number - in number before the first piece */
	uint32_t next;         /* sender's number: what comes before it has been looked at */
	uint32_t una;          /* sender's number: the receiver has all before it */
	uint32_t told;         /* sender's number: up to here we acknowledged, if after una */
	uint32_t n;            /* pieces, in order, not overlapping */
	struct hp_seqadj_piece piece[HP_SEQADJ_PIECES];
	uint32_t held;         /* octets of hold: those from next on */
	uint32_t hold_cap;     /* octets allocated for hold */
	uint32_t hold_max;     /* octets that may be held; a piece may become HP_ALG_GROW more */
	uint8_t *hold;         /* NULL until needed */
	/* What this direction's sender said last, for acknowledgements in its name. */
	uint16_t window;
	uint32_t ts_val;
	bool has_ts;
};

struct hp_seqadj {
	struct hp_seqadj_dir dir[2]; /* by enum hp_direction */
	struct hp_follow *follow;    /* who follows the flow (flow/follow.h) */
};

/* hold: most octets that are held in each direction.  NULL: out of memory. */
struct hp_seqadj *hp_seqadj_new(uint32_t hold);
void hp_seqadj_free(struct hp_seqadj *s);

/* The stream begins anew at this sender's number. */
void hp_seqadj_begin(struct hp_seqadj_dir *d, uint32_t seq);
/* len octets from d->next on, those held first, become out (copied); they have been looked at and
 * are held no longer.  0; -ENOBUFS log full; -EMSGSIZE; -ENOMEM: as before. */
int hp_seqadj_piece(struct hp_seqadj_dir *d, size_t len, const uint8_t *out, size_t out_len);
/* len more octets stay as they are.  Nothing may be held. */
void hp_seqadj_skip(struct hp_seqadj_dir *d, size_t len);
/* Holds len octets more.  0; -EMSGSIZE more than hold_max; -ENOMEM. */
int hp_seqadj_hold(struct hp_seqadj_dir *d, const uint8_t *data, size_t len);

/* Number on the receiver's side of this sender's number. */
uint32_t hp_seqadj_map(const struct hp_seqadj_dir *d, uint32_t seq);
/* The last sender's number that is not after this receiver's number. */
uint32_t hp_seqadj_unmap(const struct hp_seqadj_dir *d, uint32_t out);
/* The first one that is not before it. */
uint32_t hp_seqadj_unmap_up(const struct hp_seqadj_dir *d, uint32_t out);
/* The receiver has acknowledged out (its number): pieces it has are forgotten.  The number to
 * tell the sender: octets held count as received once all before them are. */
uint32_t hp_seqadj_acked(struct hp_seqadj_dir *d, uint32_t out);
/* Where to begin instead of seq, so that what we acknowledged before its time is sent again. */
uint32_t hp_seqadj_from(const struct hp_seqadj_dir *d, uint32_t seq);
/* Octets from..to (sender's numbers) as they are on the receiver's side, from
 * hp_seqadj_map(from) on.  data: the sender's octets from data_seq on, data_len of them; what
 * is not there must lie in the log.  The octets written, or -ENOBUFS, or -ENODATA. */
int hp_seqadj_copy(const struct hp_seqadj_dir *d, uint32_t from, uint32_t to,
		   const uint8_t *data, uint32_t data_seq, size_t data_len, uint8_t *out,
		   size_t cap);

#endif

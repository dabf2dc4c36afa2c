/* SPDX-License-Identifier: MIT
 *
 * Replay window for inbound ESP (RFC 4303, section 3.4.3 and appendix A2).
 *
 * A packet is tested before decryption and recorded after, so a forged sequence number
 * cannot move the window.  Owned by one SA; no locking.
 */
#ifndef HP_ESP_REPLAY_H
#define HP_ESP_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hp_replay {
	uint64_t top;	/* highest number recorded, 0 for none */
	uint64_t *ring; /* one bit a number, words of 64 */
	uint32_t size;	/* numbers remembered */
	uint32_t words; /* a power of two, at least size / 64 + 1 */
};

#define HP_REPLAY_MIN 1024
#define HP_REPLAY_MAX (1u << 20)

/* size in packets, rounded up to a multiple of 64.  0, -EINVAL, -ENOMEM. */
int hp_replay_init(struct hp_replay *r, uint32_t size);
void hp_replay_fini(struct hp_replay *r);
/* The 64-bit number that the low half on the wire most likely means.  0, or -EALREADY if
 * it could only lie beyond 2^64. */
int hp_replay_guess(const struct hp_replay *r, uint32_t low, uint64_t *seq);
/* May seq be new? */
bool hp_replay_test(const struct hp_replay *r, uint64_t seq);
/* Records an authentic seq for which the test said yes. */
void hp_replay_record(struct hp_replay *r, uint64_t seq);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The public-key work of a rekeying.
 */
#ifndef HP_HIP_REKEYJOB_H
#define HP_HIP_REKEYJOB_H

#include "hip/assoc.h"
#include "hip/echo.h"
#include "hip/job.h"
#include "hip/secrets.h"

enum hp_rekey_mode {
	HP_REKEY_START,	 /* our UPDATE with ESP_INFO */
	HP_REKEY_ANSWER, /* the same with ACK, and the keys of the new SAs */
	HP_REKEY_KEYS,	 /* keys only; msg holds the peer's UPDATE, acknowledged then */
	HP_REKEY_REPEAT, /* our UPDATE once more, for another path */
};

struct hp_rekey_work;
/* The job is done; a is in the same exchange as at its start. */
typedef void (*hp_rekey_back_fn)(struct hp_assoc *a, struct hp_rekey_work *w);

struct hp_rekey_work {
	struct hp_work w;
	enum hp_rekey_mode mode;
	hp_rekey_back_fn back;
	struct hp_path path; /* where msg goes; with HP_REKEY_KEYS, by which it came */
	struct hp_identity *id;
	struct hp_addr local, peer;
	struct hp_secrets *s; /* a copy of the present ones, becoming the next */
	struct hp_dh *dh;     /* our new value */
	bool new_dh, new_keymat;
	bool ack; /* msg acknowledges ack_id */
	bool ask; /* msg has an ECHO_REQUEST with echo */
	struct hp_esp_info ei;
	uint32_t update_id, ack_id;
	hp_rekey_ack_fn ack_fn; /* with HP_REKEY_KEYS */
	uint8_t echo[HP_ECHO_LEN];
	struct hp_echo asked; /* by the UPDATE that msg acknowledges */
	int reason, len;
	uint8_t msg[HP_HIP_MAX];
};

/* For a's rekeying, from the present keys; NULL: no memory.  hp_work_start takes it. */
struct hp_rekey_work *hp_rekey_work_new(struct hp_assoc *a, hp_rekey_back_fn back,
					enum hp_rekey_mode mode, const struct hp_path *path);
void hp_rekey_work_free(struct hp_rekey_work *w);

#endif

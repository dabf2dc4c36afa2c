/* SPDX-License-Identifier: MIT
 *
 * Part of an association: new ESP SAs, being agreed on by UPDATE (RFC 7402, section 6.8).
 */
#ifndef HP_HIP_REKEYING_H
#define HP_HIP_REKEYING_H

#include "crypto/dh.h"
#include "hip/engine.h"

struct hp_hip_msg;
struct hp_secrets;
struct hp_work;

enum hp_rekey_by { HP_REKEY_NONE, HP_REKEY_OURS, HP_REKEY_PEERS /* the peer has begun */ };
enum hp_rekey_job { HP_REKEY_NO_JOB, HP_REKEY_MAKES_DH, HP_REKEY_DERIVES };

struct hp_rekey {
	enum hp_rekey_by by;
	enum hp_rekey_job job;
	bool acked; /* the peer has acknowledged our UPDATE */
	bool told;  /* we have acknowledged the peer's ESP_INFO */
	uint64_t started_ms, asked_ms;
	uint32_t update_id, ack_id; /* ack_id: of the peer's UPDATE that ours answers */
	uint32_t spi_in;
	uint32_t spi_out; /* 0: the peer's ESP_INFO is not here yet, nor what follows from it */
	uint16_t my_idx, peer_idx;
	struct hp_dh *dh; /* ours, if new */
	uint8_t peer_pub[HP_DH_PUBLIC_MAX];
	size_t peer_pub_len;	 /* 0: the peer keeps its value */
	struct hp_secrets *next; /* of the new SAs; the inbound one is there: sas.in_next */
	struct hp_work *held;	 /* the peer's ESP_INFO, until our value is made */
};

/* Acknowledges the peer's UPDATE m with SEQ id.  0 or a reason. */
typedef int (*hp_rekey_ack_fn)(struct hp_assoc *a, const struct hp_hip_msg *m, uint32_t id,
			       const struct hp_path *path);

static inline bool hp_rekey_active(const struct hp_rekey *rk)
{
	return rk->by != HP_REKEY_NONE;
}

void hp_assoc_rekey_clear(struct hp_assoc *a);

#endif

/* SPDX-License-Identifier: MIT
 *
 * What the files of core/hip share.
 *
 * A message takes two steps.  On the loop the cheap checks (admission): HITs, state,
 * puzzle, what the parameters say, the MAC where keys exist.  Then a job with copies of
 * all it needs does the public-key work, and its end comes back to the loop, where the
 * state may have changed meanwhile and is looked at again.
 *
 * Functions that judge a message return 0 or the reason for dropping it (enum
 * hp_hip_count, positive).
 */
#ifndef HP_HIP_INTERNAL_H
#define HP_HIP_INTERNAL_H

#include <hipproxy/log.h>
#include <hipproxy/tokens.h>

#include "crypto/cipher.h"
#include "crypto/dh.h"
#include "crypto/hit.h"
#include "crypto/keymat.h"
#include "hip/hip.h"
#include "util/hash.h"
#include "util/limit.h"
#include "util/list.h"
#include "wire/hip.h"

#define HP_REFUSED_WAIT_MS 200 /* an R1 may still come after an ICMP error */
#define HP_CHECK_MS	   1000 /* how often an association looks after itself, about */
#define HP_R1_BUCKETS	   1024 /* token buckets for R1s, by hashed address */
#define HP_HINT_BUCKETS	   256	/* the same for I1s that a stranger's UPDATE has caused */
#define HP_R1_REFRESH_MS   1000 /* a used R1 is replaced after this, not sooner */
#define HP_I2_TRIES	   2	/* then start over from I1: perhaps the R1 was not for us */
#define HP_ROUNDS	   3	/* exchanges tried before E-FAILED */
#define HP_PROBE_TRIES	   3	/* retransmissions of an UPDATE that asks for life */
#define HP_REKEY_AGAIN_MS  30000  /* acknowledged, but no ESP_INFO came: it is asked for again */
#define HP_UPDATE_LONGEST_MS 300000 /* an UPDATE is repeated to a living peer so long */
#define HP_ALIVE_MS	   10000  /* a peer whose data came within this time lives */
#define HP_OLD_SAS	   4	  /* replaced inbound SAs kept */
#define HP_OLD_SA_LOOK_MS  200
#define HP_OLD_SA_MAX_MS   120000 /* also if nothing ever comes in by a newer one */
#define HP_USED_MAX	   262144
#define HP_ECHO_LEN	   16
#define HP_STRANGER_MS	   60000 /* the same wrong I1 is logged again after this */
#define HP_OTHERS_MAX	   8 /* UPDATE ids of the peer remembered */
#define HP_NAT_CHECK_MS	   200	 /* at most one path check in this time */
#define HP_NAT_CLAIM_MS	   10000 /* and by keepalives, which nobody signs, in this */
#define HP_NAT_SILENT_MS   1500	 /* and only if nothing else came for so long */
#define HP_NAT_SETTLE_MS   2000	 /* what is under way by the old transport says nothing */
#define HP_NAT_GRACE_MS	   60	 /* an R1 by UDP may be this much later */
#define HP_NATMODE_UDP	   1	 /* RFC 5770, section 5.4 */

/* ---- identities and their signed R1s */

struct hp_identity;

struct hp_r1 {
	struct hp_list node; /* in the identity's r1s */
	uint8_t group, k;
	uint16_t opaque; /* names this R1 in PUZZLE and SOLUTION */
	uint64_t generation;
	uint64_t born_ms, until_ms; /* until: 0 while offered */
	bool used;
	struct hp_list solved; /* struct hp_used: solutions accepted */
	struct hp_dh *dh;
	uint8_t secret[32];	  /* the key from which I is derived */
	uint16_t at_opaque, at_i; /* offsets into msg */
	uint16_t len;
	uint8_t msg[HP_HIP_MAX];
};

struct hp_identity {
	struct hp_list node;
	unsigned refs;
	bool removed, never_opportunistic;
	struct hp_key *key;
	struct hp_addr hit;
	struct hp_addr instead_of; /* stands in for the identity with this HIT; zero: for none */
	enum hp_rhash rhash; /* of associations in which this is the Responder */
	uint16_t controls;
	size_t host_id_len; /* the whole TLV */
	uint8_t *host_id;
	struct hp_list r1s;
	struct hp_r1 *
		offered[HP_HIP_LIST_MAX]; /* by index of the group in the configuration */
	bool making[HP_HIP_LIST_MAX];
};

/* What an R1 says, but for the signature. */
struct hp_r1_parts {
	const struct hp_hip_config *cfg;
	const uint8_t *host_id; /* the whole TLV */
	enum hp_rhash rhash;
	struct hp_dh_value dh;
	uint8_t k, lifetime;
	uint64_t generation;
	bool nat; /* UDP encapsulation is offered */
};
void hp_r1_add_params(struct hp_hip_builder *b, const struct hp_r1_parts *p);

/* ---- what an exchange yields */

struct hp_secrets {
	enum hp_rhash rhash;
	uint8_t group;
	uint16_t cipher, suite;
	uint8_t i[HP_RHASH_MAX], j[HP_RHASH_MAX];
	struct hp_dh *dh;
	uint8_t peer_pub[HP_DH_PUBLIC_MAX];
	size_t peer_pub_len;
	struct hp_key *peer_key;
	uint8_t *peer_host_id; /* the whole TLV, as it came */
	size_t peer_host_id_len;
	char *peer_di; /* as text; NULL: none */
	struct hp_keymat km;
	struct hp_keyset hip;
	size_t km_next;	 /* the first octet of KEYMAT not drawn yet */
	uint16_t esp_at; /* KEYMAT index of the ESP keys */
	uint32_t spi_in, spi_out;
	uint64_t r1_counter;
};

struct hp_secrets *hp_secrets_new(void);
void hp_secrets_free(struct hp_secrets *s); /* wipes; NULL is fine */
/* Makes them small; nothing is lost. */
void hp_secrets_compact(struct hp_secrets *s);
struct hp_secrets *hp_secrets_clone(const struct hp_secrets *s);
/* Keeps the Domain Identifier of the peer's HOST_ID as text.  0 or a reason. */
int hp_secrets_keep_di(struct hp_secrets *s, const struct hp_host_id *h);
/* KEYMAT and HIP keys from dh, peer_pub, i and j.  0 or a reason. */
int hp_secrets_derive(struct hp_secrets *s, const struct hp_addr *local,
		      const struct hp_addr *peer);
/* ESP keys from esp_at; moves km_next.  0 or a reason. */
int hp_secrets_esp(struct hp_secrets *s, bool greater, struct hp_keyset *esp);
/* Has KEYMAT the ESP keys that begin there? */
bool hp_secrets_reach(const struct hp_secrets *s, size_t idx);
/* What is inside ENCRYPTED; plain: HP_HIP_MAX octets, into which out points.  0 or a reason. */
int hp_secrets_decrypt(const struct hp_secrets *s, const struct hp_hip_tlv *t, uint8_t *plain,
		       struct hp_hip_list *out);

/* ---- associations */

struct hp_sent { /* a message that awaits an answer */
	struct hp_path path;
	struct hp_path other; /* every second time there, if dst is set */
	uint8_t *msg;
	size_t len;
	uint64_t first_ms;
	unsigned tries, max;
	bool doubted; /* a NOTIFY says that no answer will come */
	uint32_t wait_ms;
	struct hp_timer timer;
};

struct hp_old_sa { /* inbound, replaced */
	struct hp_sa *sa;
	uint64_t replaced_ms;
	uint64_t proved_ms; /* when data by a newer one had come; 0: none yet */
};

struct hp_rekey_work;

struct hp_rekey {
	bool active;
	bool answering; /* the peer has begun */
	bool acked;	/* it has acknowledged our UPDATE */
	bool told;	/* ours of its ESP_INFO has been sent */
	bool got_peer;	/* its ESP_INFO is here: what follows in spi_out, peer_idx, peer_pub */
	bool making_dh; /* a job makes our new value */
	bool working;	/* a job derives keys */
	uint64_t started_ms, asked_ms;
	uint32_t update_id, ack_id; /* ack_id: of the peer's UPDATE that ours answers */
	uint32_t spi_in, spi_out;
	uint16_t my_idx, peer_idx;
	struct hp_dh *dh; /* ours, if new */
	uint8_t peer_pub[HP_DH_PUBLIC_MAX];
	size_t peer_pub_len;	    /* 0: the peer keeps its value */
	struct hp_secrets *next;    /* of the new SAs; the inbound one is there: in_next */
	struct hp_rekey_work *held; /* the peer's ESP_INFO, until our value is made */
};

/* What UDP encapsulation keeps for an association (nat.c). */
struct hp_nat_assoc {
	uint64_t keepalive_ms, check_ms, claim_ms, changed_ms; /* when last */
	struct hp_timer t_r1; /* the R1 below has waited for a better one */
	struct hp_path r1_path;
	uint8_t *r1;
	size_t r1_len;
};

struct hp_assoc {
	struct hp_hnode node;
	struct hp_list all; /* hip->assocs */
	struct hp_list opp; /* hip->opps: the peer's HIT is not known yet */
	struct hp_hip *hip;
	unsigned refs; /* one while in the table, one for each job */
	bool in_table, dead;
	bool reserved; /* of a peer that the configuration names */
	uint32_t epoch; /* changes when a new exchange begins */
	struct hp_identity *id;
	struct hp_addr local, peer;
	enum hp_assoc_state state;
	int error;
	bool initiator, opportunistic, up, no_esn_icv;
	bool busy;    /* a job verifies a message */
	bool signing; /* a job builds an UPDATE */
	struct hp_path path;
	struct hp_path asked; /* where the last I1 went */
	bool foreign;	      /* I2-SENT: the R1 came from an address that was not asked */
	struct hp_addr addrs[HP_HIP_LOCATORS];
	size_t n_addrs, addr_at;

	struct hp_secrets *cur, *next; /* next: between I2 and R2 */
	struct hp_sa *in, *in_next, *out;
	uint32_t spi_before; /* of the outbound SA before out; 0: none */
	struct hp_old_sa old[HP_OLD_SAS]; /* the oldest first */
	size_t n_old;
	struct hp_timer t_old, t_state, t_check;
	struct hp_sent sent;
	unsigned rounds;
	uint64_t r1_counter; /* highest seen of this peer */

	uint64_t i2_digest; /* of the I2 that r2 answers, both up to their signature */
	uint8_t *r2;
	size_t r2_len;

	uint32_t update_id;	/* next of ours */
	bool update_out;	/* sent holds an UPDATE */
	uint32_t update_out_id; /* of that, or of the one being signed */
	bool peer_update_seen;
	uint32_t peer_update_id; /* highest seen */
	uint32_t recent[HP_OTHERS_MAX];
	unsigned n_recent;
	struct hp_rekey rk;
	bool verifying_addr;
	bool strict;		 /* the answer must come from new_path itself */
	struct hp_path new_path; /* being verified */
	struct hp_locators *locators; /* NULL: none were announced */
	uint8_t addr_echo[HP_ECHO_LEN];
	uint8_t close_echo[HP_ECHO_LEN];
	struct hp_nat_assoc nat;

	uint64_t created_ms, established_ms, last_in_ms, last_out_ms, unanswered_ms;
	uint64_t started_us;
	uint32_t exchange_us, rekeys;
	enum hp_hip_why why;   /* of the last failure; none once it is up */
	enum hp_hip_why heard; /* what ICMP said during this exchange */
	struct hp_addr shown;  /* the HIT that the address has instead; zero: not known */
	struct hp_list asking; /* hip->asking: which HIT is it? */
	uint64_t asked_ms;
	bool greet; /* begun with nothing to send: an UPDATE ends the peer's R2-SENT */
	bool hinted; /* begun since somebody claimed to be there: forgotten if nobody answers */
	void *udata;
};

static inline bool hp_assoc_greater(const struct hp_assoc *a)
{
	return hp_addr_cmp(&a->local, &a->peer) > 0;
}

/* ---- the engine */

struct hp_used { /* a solution that was accepted once */
	struct hp_hnode node;
	struct hp_list solved; /* in the R1's: it ends with that */
	uint8_t digest[16];
};

struct hp_known {
	struct hp_hnode node;
	struct hp_addr hit;
	struct hp_addr addrs[HP_HIP_LOCATORS];
	size_t n;
	bool no_esn_icv;
	uint16_t port; /* 0, or where addrs[0] was met */
	struct hp_addr met; /* where an association was up; zero: nowhere */
	bool reserved;	    /* the configuration names it: there is room for it */
};

struct hp_hip {
	struct hp_hip_config cfg;
	struct hp_hip_ops ops;
	const struct hp_clock *clock;
	const struct hp_rand *rand;
	struct hp_timers *timers;
	unsigned refs; /* one for the owner, one for each job */
	bool dying, shutting;
	struct hp_hash_key key;
	struct hp_list identities, assocs, walks, opps, asking;
	size_t n_asking;
	size_t n_reserved, n_reserved_assocs; /* configured peers, associations of such */
	struct hp_limit room;
	struct hp_htab by_hits, known, pending, used;
	struct hp_htab spots; /* recover.c: where peers are, by address */
	struct hp_sadb sadb;
	struct hp_htab outs; /* outbound SAs by SPI; peers choose it, so several may have the same */
	struct hp_hip_nat nat;
	uint64_t generation;
	uint32_t cfg_epoch; /* changes with the configuration */
	uint8_t k_now;
	uint32_t i1_count, i2_count, full_count; /* in this second */
	struct hp_timer t_second;
	struct hp_tokens r1_rate[HP_R1_BUCKETS], hint_at[HP_HINT_BUCKETS];
	struct hp_tokens notify_rate, notify_in_rate, restart_rate, log_rate, claim_rate,
		stranger_rate, error_rate, hint_rate, problem_rate;
	struct hp_hip_stranger strangers[HP_STRANGERS];
	uint64_t values[HP_HIPC_MAX];
	struct hp_counters counters;
};

static inline uint64_t hp_hip_now(const struct hp_hip *hip)
{
	return hp_clock_ms(hip->clock);
}

/* A message that came in, during its admission. */
struct hp_rx {
	struct hp_hip *hip;
	const struct hp_path *path;
	const struct hp_hip_msg *m;
	struct hp_identity *id; /* whose HIT the message names; NULL if zero */
	struct hp_assoc *a;	/* or NULL */
};

/* Counts and, at level debug, logs the reason (nothing for 0). */
void hp_hip_drop(struct hp_hip *hip, int reason, uint8_t type,
		 const struct hp_addr *peer_hit, const struct hp_path *path);
const struct hp_counter *hp_hip_count_table(void);

/* ---- engine.c */
struct hp_identity *hp_identity_find(const struct hp_hip *hip, const struct hp_addr *hit);
struct hp_identity *hp_identity_ref(struct hp_identity *id);
void hp_identity_unref(struct hp_identity *id);
void hp_hip_unref(struct hp_hip *hip);

/* ---- assoc.c */
struct hp_assoc *hp_assoc_new(struct hp_hip *hip, struct hp_identity *id,
			      const struct hp_addr *peer); /* NULL, errno set */
/* Out of the table, everything stopped, HP_HIP_GONE; freed when no job holds it. */
void hp_assoc_remove(struct hp_assoc *a);
void hp_assoc_unref(struct hp_assoc *a);
/* Gives an opportunistic association its peer's HIT. */
int hp_assoc_rename(struct hp_assoc *a, const struct hp_addr *peer);
/* From now on its local end is id.  0, or -ENOBUFS: it is in no table then. */
int hp_assoc_be(struct hp_assoc *a, struct hp_identity *id);
struct hp_assoc *hp_assoc_by_addr(struct hp_hip *hip, const struct hp_addr *local,
				  const struct hp_addr *addr);
void hp_assoc_set_state(struct hp_assoc *a, enum hp_assoc_state s);
void hp_assoc_event(struct hp_assoc *a, enum hp_hip_event ev);
void hp_assoc_fail(struct hp_assoc *a, int error);
void hp_assoc_down(struct hp_assoc *a); /* SAs go, HP_HIP_DOWN if it was up */
void hp_assoc_drop_sas(struct hp_assoc *a);
void hp_assoc_state_after(struct hp_assoc *a, uint64_t ms);
/* Makes an SA; NULL on error. */
struct hp_sa *hp_assoc_make_sa(struct hp_assoc *a, uint32_t spi, uint16_t suite,
			       bool outbound, const struct hp_keyset *keys);
void hp_assoc_free_sa(struct hp_assoc *a, struct hp_sa *sa);
/* s's SAs replace the present ones, s becomes a->cur (taken also on error).  0 or a
 * reason. */
int hp_assoc_install(struct hp_assoc *a, struct hp_secrets *s);
/* Section 6.9, step 18: the variables of a new association. */
void hp_assoc_reset(struct hp_assoc *a);
void hp_assoc_established(struct hp_assoc *a);
void hp_assoc_rekey_clear(struct hp_assoc *a);

/* ---- room.c */
bool hp_assoc_is_reserved(const struct hp_hip *hip, const struct hp_addr *peer);
void hp_assoc_reserve(struct hp_assoc *a, bool reserved);
/* Room for one more; another may be removed for it.  False: there is none. */
bool hp_room_make(struct hp_hip *hip, bool reserved);
void hp_room_forget(struct hp_hip *hip); /* no peer is configured any more */
void hp_room_second(struct hp_hip *hip);
/* The lowest difficulty while the table is as full as it is. */
uint8_t hp_room_puzzle_k(const struct hp_hip *hip);

/* ---- send.c */
/* 0, or -errno: there is no source address towards path->dst. */
int hp_hip_send(struct hp_hip *hip, const struct hp_path *path, uint8_t *msg, size_t len);
/* Sends and repeats until hp_assoc_sent_clear; max retransmissions.  Takes a copy. */
void hp_assoc_transmit(struct hp_assoc *a, const struct hp_path *path, const uint8_t *msg,
		       size_t len, unsigned max);
/* The message that awaits an answer is sent once more at most. */
void hp_assoc_doubt(struct hp_assoc *a);
void hp_assoc_sent_clear(struct hp_assoc *a);

/* ---- job.c */
struct hp_work {
	struct hp_job job;
	struct hp_hip *hip;
	struct hp_assoc *a; /* NULL: none yet */
	uint32_t epoch;
	void (*run)(struct hp_work *w);
	/* On the loop.  live: the engine lives, and so does w->a if there is one, in the
	 * same exchange as at the start. */
	void (*done)(struct hp_work *w, bool live);
	void (*free)(struct hp_work *w); /* frees w and what it holds */
};

/* Takes w, also on failure.  0 or a reason. */
int hp_work_start(struct hp_hip *hip, struct hp_assoc *a, struct hp_work *w);

/* ---- puzzle.c */
/* I for this R1 and these ends; rhash length octets. */
int hp_puzzle_i(const struct hp_r1 *r1, enum hp_rhash alg, const struct hp_addr *hit_i,
		const struct hp_addr *hit_r, const struct hp_path *path,
		bool opportunistic, uint8_t *i);
bool hp_used_find(struct hp_hip *hip, const struct hp_solution *s,
		  const struct hp_addr *hit_i);
int hp_used_add(struct hp_hip *hip, struct hp_r1 *r1, const struct hp_secrets *s,
		const struct hp_addr *hit_i);
void hp_used_free(struct hp_hip *hip, struct hp_r1 *r1);
void hp_load_second(struct hp_hip *hip);
uint8_t hp_puzzle_lifetime(const struct hp_hip *hip); /* the field of PUZZLE */
uint64_t hp_puzzle_lifetime_ms(const struct hp_hip *hip);

/* ---- r1pool.c */
void hp_r1_make(struct hp_hip *hip, struct hp_identity *id, size_t group_at);
void hp_r1_make_all(struct hp_hip *hip, struct hp_identity *id);
void hp_r1_tick(struct hp_hip *hip);
void hp_r1_retire_all(struct hp_hip *hip, struct hp_identity *id);
void hp_r1_free_all(struct hp_hip *hip, struct hp_identity *id);
struct hp_r1 *hp_r1_by_opaque(struct hp_identity *id, const uint8_t *opaque);

/* ---- auth.c */
/* A message whose MAC and signature were found right: only auth.c makes one. */
struct hp_verified;
const struct hp_hip_msg *hp_verified_msg(const struct hp_verified *v);
/* Checks that need keys, none of them slow.  0 or a reason. */
int hp_auth_mac(const struct hp_assoc *a, const struct hp_hip_msg *m);
int hp_auth_mac2(const struct hp_secrets *s, const struct hp_hip_msg *m);
int hp_auth_mac_with(const struct hp_secrets *s, const struct hp_hip_msg *m);
/* HOST_ID -> key, HIT compared.  For jobs. */
int hp_auth_host_id(const struct hp_hip_tlv *t, const struct hp_addr *hit,
		    struct hp_key **key, struct hp_host_id *out);
int hp_auth_signature(const struct hp_hip_msg *m, const struct hp_key *key);
int hp_auth_signature2(const struct hp_hip_msg *m, const struct hp_key *key);
/* Starts a job that checks the signature and calls then(a, v, path) on the loop if it is
 * right and the association is still in the same exchange. */
typedef int (*hp_verified_fn)(struct hp_assoc *a, const struct hp_verified *v,
			      const struct hp_path *path);
int hp_auth_start(const struct hp_rx *rx, const struct hp_key *key, hp_verified_fn then);
/* The same for a message that must not keep others out while it is verified: anybody can send one
 * that looks right. */
int hp_auth_start_aside(const struct hp_rx *rx, const struct hp_key *key, hp_verified_fn then);
/* Ends a message under way: MAC with key, signature by id.  Octets or -errno. */
int hp_auth_seal(struct hp_hip_builder *b, enum hp_rhash rhash,
		 const struct hp_keypair *out, const struct hp_bytes *mac2_host_id,
		 const struct hp_identity *id);

/* ---- echo.c: what a message asks to have echoed */
struct hp_echo {
	bool has_signed;
	unsigned n; /* of them all; the first place is that of the signed one */
	uint16_t used, len[HP_HIP_PARAMS + 1];
	uint8_t octets[HP_HIP_MAX]; /* one behind the other */
};
void hp_echo_take(struct hp_echo *e, const struct hp_hip_msg *m);
/* ECHO_RESPONSE_SIGNED, if it was asked for. */
void hp_echo_add_signed(struct hp_hip_builder *b, const struct hp_echo *e);
/* Adds the unsigned answers behind the signature of a finished message, as far as there is room;
 * its octets then. */
size_t hp_echo_append(uint8_t msg[HP_HIP_MAX], size_t len, const struct hp_echo *e);

/* ---- sign.c */
typedef void (*hp_signed_fn)(struct hp_hip *hip, struct hp_assoc *a, uint8_t *msg,
			     size_t len, const struct hp_path *path);
/* Ends the message under way in b (its octets are copied) in a job, with a's MAC if mac,
 * and gives it to then on the loop; a NULL then sends it.  0 or a reason. */
int hp_sign_start(struct hp_hip *hip, struct hp_assoc *a, struct hp_identity *id,
		  const struct hp_hip_builder *b, const struct hp_path *path, bool mac,
		  hp_signed_fn then);
/* The same for an answer to message `to`, with MAC and the unsigned echo responses. */
int hp_sign_answer(struct hp_assoc *a, const struct hp_hip_builder *b,
		   const struct hp_path *path, const struct hp_hip_msg *to, hp_signed_fn then);

/* ---- state.c: the table */
enum hp_hip_ev {
	HP_EV_I1,
	HP_EV_R1,
	HP_EV_I2,
	HP_EV_R2,
	HP_EV_UPDATE,
	HP_EV_NOTIFY,
	HP_EV_CLOSE,
	HP_EV_CLOSE_ACK,
	HP_EVS
};
typedef int (*hp_rx_fn)(const struct hp_rx *rx);
int hp_state_input(enum hp_assoc_state s, uint8_t type, const struct hp_rx *rx);
/* May an I2 that was found good be accepted in this state? (section 4.4.4) */
bool hp_state_takes_i2(const struct hp_assoc *a);

/* ---- admission of messages, one file each */
int hp_i1_input(const struct hp_rx *rx);
int hp_i1_input_crossing(const struct hp_rx *rx);
int hp_r1_input(const struct hp_rx *rx);
int hp_i2_input(const struct hp_rx *rx);
int hp_i2_input_crossing(const struct hp_rx *rx);
int hp_r2_input(const struct hp_rx *rx);
int hp_update_input(const struct hp_rx *rx);
int hp_update_lost(const struct hp_rx *rx);
int hp_notify_input(const struct hp_rx *rx);
int hp_close_input(const struct hp_rx *rx);
int hp_close_input_early(const struct hp_rx *rx);
int hp_close_ack_input(const struct hp_rx *rx);

void hp_i1_start(struct hp_assoc *a); /* a new exchange: I1, I1-SENT */
void hp_close_start(struct hp_assoc *a);
void hp_assoc_watch(struct hp_assoc *a); /* life.c: begins looking after it */
const struct hp_known *hp_known_find(const struct hp_hip *hip, const struct hp_addr *hit);
/* Claims the next UPDATE id for a message about to be signed. */
uint32_t hp_update_claim(struct hp_assoc *a);
/* It is signed: sends and repeats it. */
void hp_update_transmit(struct hp_assoc *a, const struct hp_path *path,
			const uint8_t *msg, size_t len);
/* An UPDATE that only asks for an acknowledgement. */
void hp_update_probe(struct hp_assoc *a);
void hp_update_gave_up(struct hp_assoc *a);
/* No new SA was agreed on in time: a new base exchange. */
void hp_update_exhausted(struct hp_assoc *a);
/* Nobody has answered yet; the peer lives: the UPDATE is repeated. */
bool hp_update_goes_on(const struct hp_assoc *a);
/* A question whether the peer is at path goes with the UPDATE under way.  0 or a reason. */
int hp_update_ask(struct hp_assoc *a, const struct hp_path *path, bool strict);
/* The peer's UPDATE m is done with: it is remembered, and acknowledged. */
int hp_update_answer(struct hp_assoc *a, const struct hp_hip_msg *m, uint32_t id,
		     const struct hp_path *path);
void hp_update_record(struct hp_assoc *a, uint32_t id);
/* Asks whether the peer is at addr, with the answer to its UPDATE m (NULL: to none).  0 or a
 * reason. */
int hp_update_verify(struct hp_assoc *a, const struct hp_addr *addr, const struct hp_hip_msg *m);
void hp_update_begin(struct hp_assoc *a, struct hp_hip_builder *b, uint8_t *buf,
		     size_t cap);

/* ---- espinfo.c: ESP_INFO of a verified UPDATE */
/* 0, or the reason why the UPDATE is not processed.  Fine if it has none. */
int hp_espinfo_check(const struct hp_assoc *a, const struct hp_hip_msg *m);
/* Does it ask for new SAs? */
bool hp_espinfo_rekeys(const struct hp_esp_info *ei);

/* ---- rekey.c */
int hp_rekey_start(struct hp_assoc *a);
/* ESP_INFO of a verified UPDATE with SEQ id.  *held: it is acknowledged later. */
int hp_rekey_input(struct hp_assoc *a, const struct hp_hip_msg *m, uint32_t id,
		   const struct hp_path *path, bool *held);
void hp_rekey_acked(struct hp_assoc *a, uint32_t update_id);
/* An acknowledgement has been sent. */
void hp_rekey_told(struct hp_assoc *a);
/* Switches to the new SAs if all is there. */
void hp_rekey_go_on(struct hp_assoc *a);
/* Signs and sends our UPDATE once more: to the address in use, or, ask, to one that the peer has
 * announced, with the question whether it is there. */
void hp_rekey_repeat(struct hp_assoc *a, bool ask);
/* Asks again for an answer that does not come.  silent: nothing comes of the peer. */
void hp_rekey_look(struct hp_assoc *a, uint64_t now, bool silent);

/* ---- locator.c: addresses that the peer has announced */
struct hp_locators;
/* LOCATOR_SET of a verified UPDATE, if it has one.  0 or a reason. */
int hp_locator_input(struct hp_assoc *a, const struct hp_hip_msg *m);
/* The address to which the peer should be asked to answer from; NULL: none. */
const struct hp_addr *hp_locator_wanted(struct hp_assoc *a);
/* Goes over to a better address, or asks there, if nothing else is under way. */
void hp_locator_check(struct hp_assoc *a);
void hp_locator_answered(struct hp_assoc *a, const struct hp_addr *addr);
void hp_locator_silent(struct hp_assoc *a, const struct hp_addr *addr);
void hp_locator_forget(struct hp_assoc *a);
/* R1's preferred locator, if it has one. */
bool hp_locator_of_r1(const struct hp_hip_msg *m, struct hp_addr *out);
/* NOTIFY, signed in a job, rate-limited; data may be NULL. */
void hp_notify_send(struct hp_hip *hip, struct hp_identity *id,
		    const struct hp_addr *peer, const struct hp_path *path, uint16_t type,
		    const void *data, size_t len);

/* As hp_hip_connect, but by the way somebody came. */
struct hp_assoc *hp_connect_back(struct hp_hip *hip, const struct hp_addr *local_hit,
				 const struct hp_addr *peer_hit,
				 const struct hp_path *path);
/* Asks the peer to answer from path, which then becomes the association's.  0 or a reason. */
int hp_update_check(struct hp_assoc *a, const struct hp_path *path);

/* ---- instead.c */
/* The peer's R1, which is authentic, does not list a's HIT suite.  True: another identity goes on,
 * a may be gone. */
bool hp_instead_begin(struct hp_assoc *a, const struct hp_hip_msg *r1);

/* ---- recover.c */
/* A peer may be recognised at addr; local NULL: by configuration only.  port: in UDP, or 0. */
void hp_spot_add(struct hp_hip *hip, const struct hp_addr *addr, const struct hp_addr *local,
		 const struct hp_addr *peer, uint16_t port);
void hp_spot_del(struct hp_hip *hip, const struct hp_addr *addr, const struct hp_addr *local,
		 const struct hp_addr *peer);
void hp_spot_forget(struct hp_hip *hip);

/* ---- ask.c */
/* Asks a->path.dst which HIT it has. */
void hp_ask_start(struct hp_assoc *a);
void hp_ask_forget(struct hp_assoc *a);
/* An R1 of nobody's: true, it was the answer to such a question. */
bool hp_ask_input(const struct hp_rx *rx);
/* a has come up: its peer was met where it is now. */
void hp_known_meet(struct hp_assoc *a);

/* ---- nat.c */
bool hp_nat_same(const struct hp_path *a, const struct hp_path *b); /* the peer's end */
/* Towards dst as the mode says; in mode AUTO the native one of the two. */
struct hp_path hp_nat_path(const struct hp_hip *hip, const struct hp_addr *dst);
/* Does a's I1 go where path leads? */
bool hp_nat_reaches(const struct hp_assoc *a, const struct hp_path *path);
/* Does a's I1 leave on a second path? */
bool hp_nat_other(const struct hp_assoc *a, struct hp_path *other);
/* An R1 by the lesser way is kept for a moment: true, it is. */
bool hp_nat_wait(const struct hp_rx *rx);
void hp_nat_wait_clear(struct hp_assoc *a);
void hp_nat_add_modes(struct hp_hip_builder *b);
/* NAT_TRAVERSAL_MODE of R1 or I2 that came by path: 0 or a reason. */
int hp_nat_check_modes(const struct hp_hip_msg *m, const struct hp_path *path);
/* a->path as the mode wants it, before an exchange. */
void hp_nat_fit(struct hp_assoc *a);
void hp_nat_look(struct hp_assoc *a, uint64_t now);
/* Starts the exchange again, at path. */
void hp_nat_begin_at(struct hp_assoc *a, const struct hp_path *path);
/* The peer asks by path whether we are there. */
void hp_nat_asked(struct hp_assoc *a, const struct hp_path *path);
/* A keepalive came.  It is not authenticated. */
void hp_nat_keepalive(const struct hp_rx *rx);

/* ---- lists */
bool hp_list_has16(const uint16_t *list, size_t n, uint16_t v);
bool hp_list_has8(const uint8_t *list, size_t n, uint8_t v);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The HIP engine (RFC 7401, RFC 7402): identities, associations, control messages.
 *
 * No sockets and no threads: messages come in by hp_hip_input, go out by ops->send,
 * public-key work goes to ops->job, time and randomness are given at the start.  All
 * functions are called on the loop's thread.  Addresses are in struct hp_addr's form; in
 * every struct hp_path here src is ours and dst is the peer's, for messages that came in
 * too.
 */
#ifndef HP_HIP_HIP_H
#define HP_HIP_HIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>
#include <hipproxy/assoc.h>
#include <hipproxy/count.h>

#include "crypto/key.h"
#include "crypto/rand.h"
#include "esp/sa.h"
#include "hip/why.h"
#include "util/clock.h"
#include "util/job.h"
#include "util/timer.h"
#include "util/walk.h"

#define HP_HIP_LOCATORS 8 /* most addresses kept for a peer */
#define HP_HIP_LIST_MAX 8 /* most entries in a preference list */

enum hp_opportunistic {
	HP_OPP_OFF,
	HP_OPP_PINNED, /* the first HIT seen for an address is kept, another refused
			  (ops->pin) */
	HP_OPP_ON
};

/* Preference lists: best first, n entries.  Copied by hp_hip_new and hp_hip_reconfigure.
 */
struct hp_hip_config {
	uint8_t dh_groups[HP_HIP_LIST_MAX];   /* RFC 7401, 5.2.7 */
	uint16_t ciphers[HP_HIP_LIST_MAX];    /* HIP_CIPHER ids, 5.2.8 */
	uint8_t hit_suites[HP_HIP_LIST_MAX];  /* suites accepted of peers and
						 offered, 5.2.10 */
	uint16_t esp_suites[HP_HIP_LIST_MAX]; /* RFC 7402, 5.1.2 */
	size_t n_dh_groups, n_ciphers, n_hit_suites, n_esp_suites;
	bool allow_null; /* cipher 1 and ESP suite 7 when listed above */

	uint8_t puzzle_k;	 /* as Responder: difficulty without load, bits */
	uint8_t puzzle_k_max;	 /* as Responder: difficulty under the highest load */
	uint8_t puzzle_k_accept; /* as Initiator: puzzles harder than this are refused */
	uint32_t puzzle_lifetime_s; /* at least how long a puzzle can be answered */
	uint32_t r1_lifetime_s;	    /* how long one signed R1 is handed out */
	uint32_t r1_per_s;	    /* R1s to one address; 0: no limit */
	uint32_t load_per_s;	    /* I2s a second from which on K rises */
	uint64_t r1_generation; /* first R1 generation; must not go back over restarts; 0:
				 * seconds of the wall clock */

	bool encrypt_host_id; /* as Initiator: HOST_ID inside ENCRYPTED */
	enum hp_opportunistic opportunistic_initiator;
	enum hp_opportunistic opportunistic_responder;

	uint32_t retransmit_ms;	    /* first wait, doubled each time */
	uint32_t retransmit_max_ms; /* longest wait */
	uint32_t retransmit_max;    /* how often a message is sent again */
	uint32_t ual_s;	       /* unused association lifetime: then CLOSE; 0: never */
	uint32_t msl_s;	       /* maximum segment lifetime for CLOSING and CLOSED */
	uint32_t e_failed_s;   /* how long E-FAILED is remembered */
	uint32_t exchange_s;   /* R2-SENT becomes ESTABLISHED after this */
	uint32_t dead_peer_ms; /* one-way traffic for so long: ask the peer; 0: never */
	uint32_t old_sa_ms;    /* how long a replaced inbound SA still opens packets */

	uint32_t replay_window;		     /* packets */
	uint64_t rekey_packets, rekey_bytes; /* 0: ESP's own limits */
	const struct hp_esp_backend *esp_backend; /* of new SAs; NULL: OpenSSL */
	bool rekey_dh; /* new Diffie-Hellman value at each rekeying */
	uint32_t max_associations;
	uint32_t max_known_peers;
};

/* The defaults in every field. */
void hp_hip_config_init(struct hp_hip_config *cfg);
/* 0, or -EINVAL and a sentence in *why (static). */
int hp_hip_config_check(const struct hp_hip_config *cfg, const char **why);

/* Room for a sentence of hp_hip_key_check. */
#define HP_HIP_WHY 256

/* Do R1 and I2 with this key and domain identifier (may be NULL) fit into a HIP message under
 * this configuration?  0, or -EMSGSIZE and why, with the largest key that would. */
int hp_hip_key_check(const struct hp_hip_config *cfg, const struct hp_key *key, const char *di,
		     char why[HP_HIP_WHY]);
/* The largest RSA modulus, in bits, for which they do. */
unsigned hp_hip_rsa_bits_max(const struct hp_hip_config *cfg, size_t di_len);
/* Octets that the longer of R1 and I2 leaves free in a HIP message. */
size_t hp_hip_spare(const struct hp_hip_config *cfg, const struct hp_key *key, size_t di_len);

struct hp_hip;

enum hp_hip_event {
	HP_HIP_UP,   /* data may be sent */
	HP_HIP_DOWN, /* closed by either side; the association is freed or kept by state */
	HP_HIP_FAILED,	     /* E-FAILED: hp_assoc_error and hp_assoc_why say why; again when more
				is known of the reason */
	HP_HIP_REKEYED,	     /* new SAs */
	HP_HIP_PATH_CHANGED, /* the peer has another address */
	HP_HIP_GONE,	     /* last call for this association: forget the pointer */
	HP_HIP_EVENTS
};

/* A message that is going to be built. */
struct hp_hip_built {
	uint8_t type;
	struct hp_addr local_hit, peer_hit; /* peer_hit zero: for anybody, or not known yet */
	const struct hp_path *path;         /* NULL: not known yet */
	struct hp_assoc *assoc;             /* NULL: none */
	size_t room;                        /* octets that parameters may need, padding included */
};

struct hp_hip_ops {
	void *ctx;
	/* Sends one HIP message.  The checksum is over path->src and path->dst, src
	 * filled by ops->source when it was zero; zero when path->dport is set (UDP). msg
	 * is borrowed. */
	void (*send)(void *ctx, const struct hp_path *path, const uint8_t *msg,
		     size_t len);
	/* The message that came by path is wrong at octet `at`: its sender may be told by an ICMP
	 * Parameter Problem (RFC 7401, section 5.4), which is rate-limited already.  NULL: not. */
	void (*problem)(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len,
			size_t at);
	/* Takes a job: 0; -EAGAIN when the queue is full (the job stays the caller's).
	 * NULL as an op: jobs run at once. */
	int (*job)(void *ctx, struct hp_job *job);
	/* The source address the kernel would use towards dst: 0, or -errno. */
	int (*source)(void *ctx, const struct hp_addr *dst, struct hp_addr *src);
	/* Policy for an exchange that a peer starts; asked at I1 (peer's HIT is only
	 * claimed) and at I2.  0 allow; -EACCES drop; -EPERM answer BLOCKED_BY_POLICY.
	 * NULL: allow. */
	int (*accept)(void *ctx, const struct hp_addr *local_hit,
		      const struct hp_addr *peer_hit, const struct hp_path *path);
	/* ev happened; a is valid during the call.  Must not close or free a; NULL:
	 * ignored. */
	void (*event)(void *ctx, struct hp_assoc *a, enum hp_hip_event ev);
	/* Is there something that needs the association?  In a full table one that nobody needs
	 * gives way.  NULL: only recent data counts. */
	bool (*in_use)(void *ctx, const struct hp_assoc *a);
	/* For debugging: the keys of a new SA.  NULL: nobody wants them. */
	void (*sa_keys)(void *ctx, const struct hp_assoc *a, const struct hp_sa *sa,
			const struct hp_keypair *keys);
	/* HP_OPP_PINNED: is hit the one for addr?  0: it was, or it is stored now;
	 * -EACCES: another is stored.  NULL: as -EACCES. */
	int (*pin)(void *ctx, const struct hp_addr *addr, const struct hp_addr *hit);
	/* Is there to be no association with this HIT, whoever begins it?  NULL: of none. */
	bool (*revoked)(void *ctx, const struct hp_addr *peer_hit);
	/* Writes parameters to add to a message, whole TLVs in ascending order, to tlvs: their octets,
	 * at most what->room; 0: none.  NULL: as 0. */
	size_t (*build)(void *ctx, const struct hp_hip_built *what, uint8_t *tlvs);
	/* The message is authentic, as far as its type has MAC and signature; false: it is dropped.
	 * a: NULL if it would make one.  NULL: all are taken. */
	bool (*authentic)(void *ctx, struct hp_assoc *a, const struct hp_path *path,
			  const uint8_t *msg, size_t len);
	/* The limit of associations is reached, or is so no longer.  NULL: as above. */
	void (*limit)(void *ctx, const char *setting, const struct hp_addr *who, bool reached);
	/* A message from path->dst was dropped, reason of enum hp_hip_count.  The HIT may be
	 * claimed only, or zero; path may be NULL.  NULL: nobody wants to know. */
	void (*dropped)(void *ctx, int reason, const struct hp_addr *peer_hit,
			const struct hp_path *path);
};

/* Counted reasons and totals, one row each in hp_hip_counters. */
enum hp_hip_count {
	HP_HIPC_IN,
	HP_HIPC_OUT,
	HP_HIPC_RETRANSMITTED,
	HP_HIPC_BEX_INITIATOR,
	HP_HIPC_BEX_RESPONDER,
	HP_HIPC_REKEYS,
	HP_HIPC_FAILED,
	HP_HIPC_CLOSED,
	HP_HIPC_NOTIFY_IN,
	HP_HIPC_NOTIFY_OUT,
	HP_HIPC_KEEPALIVE_IN,
	HP_HIPC_KEEPALIVE_OUT,
	HP_HIPC_PATH_CHECKS,
	HP_HIPC_PATH_CHANGES,
	HP_HIPC_EVICTED,
	/* drops from here on */
	HP_HIPD_MALFORMED,
	HP_HIPD_VERSION,
	HP_HIPD_CRITICAL,
	HP_HIPD_CHECKSUM,
	HP_HIPD_SIZE,
	HP_HIPD_TYPE,
	HP_HIPD_NOT_OUR_HIT,
	HP_HIPD_PEER_HIT,
	HP_HIPD_OWN_HIT,
	HP_HIPD_NO_ASSOC,
	HP_HIPD_STATE,
	HP_HIPD_BUSY,
	HP_HIPD_QUEUE_FULL,
	HP_HIPD_MEMORY,
	HP_HIPD_LIMIT,
	HP_HIPD_RATE,
	HP_HIPD_POLICY,
	HP_HIPD_OPPORTUNISTIC,
	HP_HIPD_PIN,
	HP_HIPD_NO_R1,
	HP_HIPD_DH_GROUP,
	HP_HIPD_CROSSED,
	HP_HIPD_MISSING,
	HP_HIPD_R1_COUNTER,
	HP_HIPD_PUZZLE_OLD,
	HP_HIPD_PUZZLE_WRONG,
	HP_HIPD_PUZZLE_HARD,
	HP_HIPD_REPLAY,
	HP_HIPD_HIT_SUITE,
	HP_HIPD_CIPHER,
	HP_HIPD_TRANSPORT,
	HP_HIPD_ESP_SUITE,
	HP_HIPD_DOWNGRADE,
	HP_HIPD_DH_VALUE,
	HP_HIPD_DECRYPT,
	HP_HIPD_HOST_ID,
	HP_HIPD_HIT,
	HP_HIPD_MAC,
	HP_HIPD_SIGNATURE,
	HP_HIPD_ECHO,
	HP_HIPD_SPI,
	HP_HIPD_KEYMAT,
	HP_HIPD_UPDATE_ID,
	HP_HIPD_STALE,
	HP_HIPD_ADDRESS,
	HP_HIPD_SEND,
	HP_HIPD_NAT_MODE,
	HP_HIPD_PLUGIN,
	HP_HIPC_MAX
};

/* ---- engine */

/* cfg and ops are copied, clock, rand and timers borrowed until hp_hip_free.  NULL:
 * no memory, or an invalid cfg. */
struct hp_hip *hp_hip_new(const struct hp_hip_config *cfg, const struct hp_hip_ops *ops,
			  const struct hp_clock *clock, const struct hp_rand *rand,
			  struct hp_timers *timers);
/* Associations go with it (HP_HIP_GONE each), nothing is sent.  Jobs still running are
 * safe: their done frees what they hold and calls no op. */
void hp_hip_free(struct hp_hip *hip);
/* Associations are kept; signed R1s are made anew.  0, -EINVAL (nothing changed). */
int hp_hip_reconfigure(struct hp_hip *hip, const struct hp_hip_config *cfg);
/* Others are signed from now on: ops->build has something else to say. */
void hp_hip_renew_r1s(struct hp_hip *hip);
/* The plugin that chooses paths (hipproxy/outer.h), from now on.  It must stay until hp_hip_free.  R1s
 * are made anew if it adds something to them. */
struct hp_transport;
struct hp_instance;
void hp_hip_set_transport(struct hp_hip *hip, const struct hp_transport *table,
			  struct hp_instance *self);
/* What it adds to messages has changed: R1s are made anew. */
void hp_hip_offers_changed(struct hp_hip *hip);
/* Sends CLOSE to all established peers.  Associations are gone once the peers answered.
 */
void hp_hip_shutdown(struct hp_hip *hip);

enum {
	HP_IDENTITY_ANONYMOUS = 1,
	HP_IDENTITY_NEVER_OPPORTUNISTIC = 2, /* answers no I1 without its HIT */
};

/* A reference to key (private) is taken.  di: "" or NULL for none, "host.example" an
 * FQDN, with an '@' a NAI; copied.  The first identity is the default one.  0, -EINVAL no
 * private key, or di is none, -EEXIST, -ENOMEM. */
int hp_hip_identity_add(struct hp_hip *hip, struct hp_key *key, unsigned flags,
			const char *di);
/* From now on the identity answers no I1 without its HIT.  0, -ENOENT. */
int hp_hip_identity_never_opportunistic(struct hp_hip *hip, const struct hp_addr *hit);
/* It stands in for the identity with HIT of, in exchanges that this one begins, where the peer does
 * not accept the HIT suite of that.  0, -ENOENT. */
int hp_hip_identity_instead(struct hp_hip *hip, const struct hp_addr *hit,
			    const struct hp_addr *of);
/* Its associations are dropped.  0, -ENOENT. */
int hp_hip_identity_remove(struct hp_hip *hip, const struct hp_addr *hit);
/* The default identity's HIT; NULL without any. */
const struct hp_addr *hp_hip_default_hit(const struct hp_hip *hip);
bool hp_hip_is_local(const struct hp_hip *hip, const struct hp_addr *hit);
bool hp_hip_is_revoked(const struct hp_hip *hip, const struct hp_addr *hit);
/* Are R1s of all identities and groups signed and ready? */
bool hp_hip_ready(const struct hp_hip *hip);

/* A peer from the configuration: where it can be found again when we have lost all state.
 * no_esn_icv: its ICV leaves out the high half of sequence numbers.  Replaces what was
 * known of hit.  0, -ENOBUFS, -ENOMEM, -EINVAL. */
int hp_hip_known_peer(struct hp_hip *hip, const struct hp_addr *hit,
		      const struct hp_addr *addrs, size_t n, bool no_esn_icv);
/* The known peer was met at this UDP port of its first address. */
void hp_hip_known_port(struct hp_hip *hip, const struct hp_addr *hit, uint16_t port);
/* An association with the known peer was up at addr some time ago. */
void hp_hip_known_met(struct hp_hip *hip, const struct hp_addr *hit,
		      const struct hp_addr *addr);
/* An association of these two was up when the peer was at addr, in UDP at this port (0: native).
 * ESP from there with an SPI that no SA has is a sign that the peer still uses it. */
void hp_hip_known_pair(struct hp_hip *hip, const struct hp_addr *local_hit,
		       const struct hp_addr *peer_hit, const struct hp_addr *addr, uint16_t port);
/* Where that was; NULL: nowhere. */
const struct hp_addr *hp_hip_met(const struct hp_hip *hip, const struct hp_addr *hit);
/* The configuration names this known peer: a place in the table is kept for it, as long as such peers
 * need no more than half of the table. */
void hp_hip_known_reserve(struct hp_hip *hip, const struct hp_addr *hit);
void hp_hip_forget_peers(struct hp_hip *hip);
/* Is it a peer of the configuration, or one that was met before the start? */
bool hp_hip_knows(const struct hp_hip *hip, const struct hp_addr *hit);
/* The limit of associations: is it reached? */
struct hp_limit;
const struct hp_limit *hp_hip_room(const struct hp_hip *hip);

/* ---- messages and data */

/* One HIP message, from the fixed header on.  path->dst is where it came from.  0, or a
 * negative drop: the reason is -(ret) of enum hp_hip_count, counted already. */
int hp_hip_input(struct hp_hip *hip, const struct hp_path *path, const uint8_t *msg,
		 size_t len);

/* The association between local_hit (NULL or zero: default identity; its local HIT may be that of
 * one that stands in for it) and peer_hit (zero:
 * opportunistic, by address); a new one sends I1.  An existing one in E-FAILED, CLOSING
 * or CLOSED starts again; addrs, when given, replace those of one that is not up.  NULL
 * with errno EINVAL (HITs, no address), EPERM (opportunistic mode is off), EKEYREVOKED,
 * ENOBUFS, ENOMEM. */
struct hp_assoc *hp_hip_connect(struct hp_hip *hip, const struct hp_addr *local_hit,
				const struct hp_addr *peer_hit,
				const struct hp_addr *addrs, size_t n);
/* CLOSE is sent if there is a peer to send it to; otherwise the association goes at once.
 */
void hp_hip_close(struct hp_assoc *a);
struct hp_assoc *hp_hip_find(struct hp_hip *hip, const struct hp_addr *local_hit,
			     const struct hp_addr *peer_hit);
/* The one with peer_hit that another identity has in the place of this one, or NULL. */
struct hp_assoc *hp_hip_find_instead(struct hp_hip *hip, const struct hp_addr *first,
				     const struct hp_addr *peer_hit);
/* fn must not close or free; stops when it returns non-zero, and returns that. */
int hp_hip_each(struct hp_hip *hip, int (*fn)(struct hp_assoc *a, void *arg), void *arg);
/* The same in many steps, between which associations may come and go: what is there from start to
 * end is met once.  next: NULL at the end. */
void hp_hip_walk(struct hp_hip *hip, struct hp_walk *w);
struct hp_assoc *hp_hip_walk_next(struct hp_hip *hip, struct hp_walk *w);
size_t hp_hip_count(const struct hp_hip *hip);

/* ESP came with an SPI that no SA has: perhaps we restarted.  To peers known at this address an I1
 * is sent by the identities with which they were met, rate-limited (RFC 7401, sections 6.16 and
 * 4.5.4). */
void hp_hip_unknown_spi(struct hp_hip *hip, const struct hp_path *path, uint32_t spi);

/* An ICMP error about HIP sent to addr: HP_WHY_NO_HIP, HP_WHY_PROHIBITED or HP_WHY_UNREACHABLE.
 * For an opportunistic exchange that waits for its R1 the first two are a hint to wait less long,
 * no more (RFC 7401, section 6.6.2); for a peer whose HIT is known it only becomes the reason that
 * is shown if nobody answers. */
void hp_hip_refused(struct hp_hip *hip, const struct hp_addr *addr, enum hp_hip_why why);

/* The last I1 that asked for a HIT which is none of ours, or came with one of ours.  Nothing of it
 * is authentic. */
enum hp_hip_strange { HP_STRANGE_WRONG_HIT, HP_STRANGE_OWN_HIT, HP_STRANGERS };
struct hp_hip_stranger {
	struct hp_addr addr, hit;
	uint64_t last_ms; /* 0: there was none */
};
const struct hp_hip_stranger *hp_hip_stranger(const struct hp_hip *hip, enum hp_hip_strange what);

struct hp_sadb *hp_hip_sadb(struct hp_hip *hip); /* inbound; sa->owner is the hp_assoc */
/* The association whose outbound SA has this SPI and whose peer is at this address, or NULL. */
struct hp_assoc *hp_hip_by_spi_out(struct hp_hip *hip, uint32_t spi, const struct hp_addr *peer_at);
/* NULL unless data may be sent now. */
struct hp_sa *hp_assoc_sa_out(const struct hp_assoc *a);
/* The newest inbound SA, or NULL. */
struct hp_sa *hp_assoc_sa_in(const struct hp_assoc *a);
/* The data path sent, or opened, ESP of this association. */
void hp_assoc_sent(struct hp_assoc *a, uint64_t now_ms);
void hp_assoc_received(struct hp_assoc *a, uint64_t now_ms);
/* A packet that was opened came on another path than hp_assoc_path (ports both 0: native).  If
 * one of them is UDP's, a NAT mapping may have changed: the peer is asked there, and must answer
 * before anything else is sent there (RFC 8046, section 5.5). */
void hp_assoc_seen(struct hp_assoc *a, const struct hp_path *path);
/* The pipeline's own pointer, NULL at the start; free what it leads to at HP_HIP_GONE. */
void **hp_assoc_udata(struct hp_assoc *a);
/* 0, or why E-FAILED: -ETIMEDOUT no answer, -ECONNREFUSED refused by NOTIFY, -EACCES
 * another HIT is pinned, -EKEYREVOKED the HIT is revoked, -EPROTO nothing in common, -EEXIST
 * the opportunistic exchange met a HIT (hp_assoc_peer_hit) that another association has,
 * -ENOMEM. */
int hp_assoc_error(const struct hp_assoc *a);
/* Why the last exchange failed, or during one what was heard so far; HP_WHY_NONE once it is up. */
enum hp_hip_why hp_assoc_why(const struct hp_assoc *a);
/* With HP_WHY_OTHER_HIT and HP_WHY_OTHER_KEY: the HIT that the address has.  Its R1's signature was
 * right. */
const struct hp_addr *hp_assoc_shown_hit(const struct hp_assoc *a);
bool hp_assoc_is_initiator(const struct hp_assoc *a);
/* It began without the peer's HIT (RFC 7401, section 4.1.8). */
bool hp_assoc_is_opportunistic(const struct hp_assoc *a);

/* For reports. */
struct hp_assoc_info {
	uint8_t dh_group;
	uint16_t cipher, esp_suite;
	const char *peer_key; /* "ECDSA-P-256"; "" unknown */
	const char *peer_di;  /* printable; "" none; as long as the association's keys */
	uint64_t created_ms, established_ms, last_in_ms, last_out_ms; /* 0: never */
	uint64_t unanswered_ms; /* since then packets went out and none came in; 0: not so */
	uint32_t spi_in, spi_out;				      /* 0: none */
	uint32_t exchange_us; /* I1 to R2 as Initiator; 0 otherwise */
	uint32_t rekeys;
};
void hp_assoc_info(const struct hp_assoc *a, struct hp_assoc_info *out);

const struct hp_counters *hp_hip_counters(const struct hp_hip *hip);
/* Rows from here on are drops. */
#define HP_HIPC_FIRST_DROP HP_HIPD_MALFORMED
const char *hp_hip_event_name(enum hp_hip_event ev);

#endif

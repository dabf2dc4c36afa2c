/* SPDX-License-Identifier: MIT
 *
 * Security associations of ESP in BEET mode, and sealing and opening packets with them
 * (RFC 7402, RFC 4303).  No I/O; one thread owns an SA.
 *
 * On the wire: SPI 4, sequence 4, IV, text (payload, padding 1 2 3 .., pad length, next
 * header), ICV.
 */
#ifndef HP_ESP_SA_H
#define HP_ESP_SA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

#include "crypto/espcipher.h"
#include "crypto/keymat.h"
#include "crypto/rand.h"
#include "esp/replay.h"
#include "util/hash.h"

/* Room a payload needs around it to be sealed in place, for any suite. */
#define HP_ESP_HEADROOM 24 /* SPI, sequence number, IV */
#define HP_ESP_TAILROOM 36 /* padding, two octets, ICV */

struct hp_sa_params {
	uint32_t spi; /* host order, above 255 */
	uint16_t suite;
	bool outbound;
	bool no_esn_icv;		      /* see struct hp_sa */
	const struct hp_keypair *keys;	      /* copied into the engine's context */
	struct hp_addr src_hit, dst_hit;      /* inner addresses of the packets */
	uint32_t replay_window;		      /* inbound: packets; 0 means 1024 */
	/* A rekeying is wanted from here on, or up to an eighth sooner; 0, or more than an SA
	 * can bear: that. */
	uint64_t soft_packets, soft_bytes;
	/* NULL: OpenSSL, which also does the suites that backend does not have. */
	const struct hp_esp_backend *backend;
	const struct hp_rand *rand;	      /* NULL: the system's */
	void *owner;
};

struct hp_sa {
	struct hp_hnode node; /* in its hp_sadb, if any */
	uint32_t spi;
	const struct hp_esp_suite *suite;
	bool outbound;
	/* RFC 7402, section 3.3: sequence numbers have 64 bits and the ICV covers the
	 * high half.  Some peers leave it out: then numbers are 32 bits and the SA ends
	 * there. */
	bool no_esn_icv;
	bool in_table;
	struct hp_addr src_hit, dst_hit;
	uint64_t seq;		 /* outbound: last number used */
	struct hp_replay replay; /* inbound */
	uint64_t packets, bytes; /* sealed or opened; octets of payload */
	uint64_t bad_icv, replayed, malformed;
	uint64_t soft_packets, soft_bytes;
	const struct hp_esp_backend *backend;
	void *ctx;		/* the engine's, holds the keys */
	struct hp_ivgen *ivgen; /* outbound CBC */
	void *owner;		/* the caller's */
};

/* 0; -EINVAL reserved SPI or key lengths that do not fit the suite; -ENOTSUP; -ENOMEM. */
int hp_sa_init(struct hp_sa *sa, const struct hp_sa_params *p);
/* Wipes the keys.  The SA must be out of its table. */
void hp_sa_fini(struct hp_sa *sa);
/* Has a soft limit been reached? */
bool hp_sa_rekey_due(const struct hp_sa *sa);
/* Are hardly any sequence numbers left for sending? */
bool hp_sa_exhausted(const struct hp_sa *sa);

/* ---- arithmetic: octets from SPI to ICV */

/* Size of the ESP packet less the payload. */
size_t hp_esp_overhead(const struct hp_esp_suite *suite, size_t payload_len);
/* The largest payload whose packet fits in room octets; 0 if none does. */
size_t hp_esp_max_payload(const struct hp_esp_suite *suite, size_t room);

/* ---- packets */

struct hp_esp_sealed {
	uint8_t *pkt; /* the SPI's first octet, before payload */
	size_t len;
	uint64_t seq;
};

/* Seals len octets of payload in place; HP_ESP_HEADROOM octets before and HP_ESP_TAILROOM
 * after it are the caller's to give.  0; -EOVERFLOW no sequence number is left; -EIO. */
int hp_esp_seal(struct hp_sa *sa, uint8_t next_header, uint8_t *payload, size_t len,
		struct hp_esp_sealed *out);
/* The same with the payload read elsewhere and the packet written to `to` (cap octets,
 * not overlapping payload).  Octets written; also -EMSGSIZE. */
int hp_esp_seal_copy(struct hp_sa *sa, uint8_t next_header, const uint8_t *payload,
		     size_t len, uint8_t *to, size_t cap);

struct hp_esp_opened {
	uint8_t *payload; /* within the packet, or where it was opened to */
	size_t len;
	uint64_t seq;
	uint8_t next_header;
};

/* Opens a packet (SPI to ICV) in place.  0, or, counted in sa:
 * -EBADMSG       too short, or a length that no packet of the suite has;
 * -EALREADY      seen before, or older than the replay window;
 * -EKEYREJECTED  ICV wrong;
 * -EPROTO        padding wrong (the sender knows the keys: a bug on its side).
 * After an error the octets of pkt are undefined. */
int hp_esp_open(struct hp_sa *sa, uint8_t *pkt, size_t len, struct hp_esp_opened *out);
/* The same with the payload written from dst on, which has room for len octets and does not
 * overlap pkt; some octets behind the payload are written too.  pkt is only read.  After an
 * error nothing that was not authenticated stands at dst. */
int hp_esp_open_to(struct hp_sa *sa, const uint8_t *pkt, size_t len, uint8_t *dst,
		   struct hp_esp_opened *out);

/* ---- inbound SAs by SPI */

struct hp_sadb {
	struct hp_htab tab;
	struct hp_hash_key key;
	const struct hp_rand *rand;
	/* The SA found last: packets come in trains. */
	struct hp_sa *latest;
};

/* limit: most SAs, 0 for none.  rand: NULL for the system's.  0, -ENOMEM, -EIO. */
int hp_sadb_init(struct hp_sadb *db, size_t limit, const struct hp_rand *rand);
/* The SAs belong to their owners and must have been removed. */
void hp_sadb_fini(struct hp_sadb *db);
/* 0, -EEXIST the SPI is taken, -ENOBUFS. */
int hp_sadb_add(struct hp_sadb *db, struct hp_sa *sa);
/* Harmless for an SA that is not in the table. */
void hp_sadb_del(struct hp_sadb *db, struct hp_sa *sa);
struct hp_sa *hp_sadb_find(struct hp_sadb *db, uint32_t spi);
/* A random SPI, above 255, that no SA of the table has.  0, or -EIO. */
int hp_sadb_new_spi(struct hp_sadb *db, uint32_t *spi);

#endif

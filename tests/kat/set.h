/* SPDX-License-Identifier: MIT
 *
 * One set of known answers: vectors.json, the two private keys, wire.pcap.
 */
#ifndef HP_TESTS_KAT_SET_H
#define HP_TESTS_KAT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <hipproxy/addr.h>

#include "crypto/dh.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "crypto/keymat.h"

struct octets {
	uint8_t *p;
	size_t len;
};

enum side { INITIATOR, RESPONDER };

struct set {
	const char *dir;
	json_t *json;
	unsigned int ok, failed;
	/* made by the checks, used by later ones */
	struct hp_addr hit[2];
	struct octets hi[2], i, j;
	struct hp_key *key[2];
	enum hp_rhash rhash;
	struct hp_keymat km;
	struct hp_keyset hip, esp; /* out: what the Initiator sends */
	bool have_keys, no_esn;
};

extern const char *const side_name[2];

/* Prints "ok   name" or "FAIL name: why" and counts; returns good. */
bool check(struct set *s, bool good, const char *why, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Hex, with or without 0x, odd length allowed; {NULL, 0} when absent or not hex. */
struct octets hex_of(const json_t *v);
struct octets hex_get(const json_t *obj, const char *name);
/* As above; absence is a failed check. */
struct octets hex_need(struct set *s, const char *name);
/* A number, or a hex string; fallback when absent. */
uint64_t number_get(const json_t *obj, const char *name, uint64_t fallback);
bool octets_eq(struct octets a, const void *b, size_t len);

void check_identities(struct set *s);
void check_keys(struct set *s);
void check_messages(struct set *s);
void check_esp(struct set *s);

/* ---- wire.pcap: classic format, Ethernet or raw IP */

struct wire_packet {
	unsigned int number; /* in the file, from 1 */
	struct hp_addr src, dst;
	uint8_t proto; /* HIP or ESP, also out of UDP port 10500 */
	bool in_udp;
	const uint8_t *p;
	size_t len;
};

/* Calls fn for each HIP and ESP packet.  False, after a failed check, if the file cannot
 * be read to its end. */
bool wire_each(struct set *s,
	       void (*fn)(struct set *s, const struct wire_packet *p, void *arg),
	       void *arg);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Host Identities, puzzle, Diffie-Hellman and keying material.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "set.h"

#include "crypto/hit.h"

/* The product refuses key files that others may read, as files of a source tree are: load
 * a private copy. */
static int load_copy(const char *path, struct hp_key **out)
{
	char copy[] = "/tmp/hipproxy-kat-XXXXXX", buf[8192];
	FILE *in = fopen(path, "r");
	size_t len;
	int fd, err;

	if (!in)
		return -2;
	len = fread(buf, 1, sizeof(buf), in);
	fclose(in);
	fd = mkstemp(copy);
	if (fd < 0)
		return -5;
	err = write(fd, buf, len) == (ssize_t)len ? 0 : -5;
	close(fd);
	if (!err)
		err = hp_key_load(copy, out);
	unlink(copy);
	return err;
}

static bool sign_and_verify(const struct hp_key *private, const struct hp_key *public)
{
	uint8_t sig[HP_KEY_SIG_MAX];
	size_t len;

	return !hp_key_sign(private, "known answer", 12, sig, &len) &&
	       !hp_key_verify(public, "known answer", 12, sig, len) &&
	       hp_key_verify(public, "known answeR", 12, sig, len);
}

static void check_identity(struct set *s, enum side who)
{
	const char *const hit_name[] = {"hit_i", "hit_r"}, *const hi_name[] = {"hi_i",
									       "hi_r"};
	struct octets hit = hex_need(s, hit_name[who]);
	struct hp_key *private = NULL;
	char path[4096];
	const uint8_t *hi;
	struct hp_addr made;
	size_t len;
	int err;

	s->hi[who] = hex_need(s, hi_name[who]);
	if (!s->hi[who].p || hit.len != 16) {
		free(hit.p);
		return;
	}
	s->hit[who] = hp_addr_from6(hit.p);
	free(hit.p);
	err = hp_hit_from_hi(hp_hit_suite(&s->hit[who]), s->hi[who].p, s->hi[who].len,
			     &made);
	check(s, !err && hp_addr_eq(&made, &s->hit[who]), "HI does not hash to it",
	      "HIT of the %s", side_name[who]);

	snprintf(path, sizeof(path), "%s/%s-private.pem", s->dir, side_name[who]);
	err = load_copy(path, &private);
	if (!check(s, !err, hp_key_load_error(err), "%s-private.pem", side_name[who]))
		return;
	hi = hp_key_hi(private, &len);
	check(s, octets_eq(s->hi[who], hi, len), "differs",
	      "HI of the %s's private key (%s)", side_name[who], hp_key_name(private));
	err = hp_key_from_hi(hp_key_algorithm(private), s->hi[who].p, s->hi[who].len,
			     &s->key[who]);
	if (check(s, !err, "refused", "public key of the %s from its HI", side_name[who]))
		check(s, sign_and_verify(private, s->key[who]), "no match",
		      "private and public key of the %s belong together", side_name[who]);
	hp_key_unref(private);
}

void check_identities(struct set *s)
{
	check_identity(s, INITIATOR);
	check_identity(s, RESPONDER);
}

/* "SHA-384" and "sha384" are one. */
static bool same_hash(const char *a, const char *b)
{
	for (; *a; a++) {
		if (*a == '-' || *a == '_')
			continue;
		if (tolower((unsigned char)*a) != *b++)
			return false;
	}
	return !*b;
}

static void check_puzzle(struct set *s)
{
	const char *name = json_string_value(json_object_get(s->json, "rhash"));
	size_t len;

	s->rhash = hp_rhash_of_suite(hp_hit_suite(&s->hit[RESPONDER]));
	if (name)
		check(s, same_hash(name, hp_rhash_name(s->rhash)), "not the HIT suite's",
		      "RHASH is %s", name);
	s->i = hex_need(s, "I");
	s->j = hex_need(s, "J");
	len = hp_rhash_len(s->rhash);
	if (!check(s, len && s->i.len == len && s->j.len == len, "not RHASH's length",
		   "lengths of I and J"))
		return;
	check(s,
	      hp_puzzle_check(s->rhash, (uint8_t)number_get(s->json, "K", 0xff), s->i.p,
			      s->hit[INITIATOR].b, s->hit[RESPONDER].b, s->j.p),
	      "not solved", "puzzle");
}

/* This side's own private value against the other's public one. */
static void check_dh_side(struct set *s, enum side who, uint8_t group, struct octets kij)
{
	const char *const priv_name[] = {"dh_private_i", "dh_private_r"};
	const char *const pub_name[] = {"dh_public_i", "dh_public_r"};
	struct octets priv = hex_get(s->json, priv_name[who]);
	struct octets pub = hex_need(s, pub_name[who]);
	struct octets peer = hex_need(s, pub_name[!who]);
	uint8_t shared[HP_DH_SHARED_MAX];
	struct hp_dh *d = NULL;

	if (priv.p && pub.p && peer.p &&
	    check(s, !hp_dh_import(group, priv.p, priv.len, &d), "refused",
		  "DH private value of the %s", side_name[who])) {
		check(s, octets_eq(pub, hp_dh_public(d), hp_dh_public_len(group)),
		      "differs", "DH public value of the %s", side_name[who]);
		check(s,
		      !hp_dh_derive(d, peer.p, peer.len, shared) &&
			      octets_eq(kij, shared, hp_dh_shared_len(group)),
		      "differs", "Kij as the %s computes it", side_name[who]);
	}
	hp_dh_unref(d);
	free(priv.p);
	free(pub.p);
	free(peer.p);
}

static void check_part(struct set *s, const char *name, const uint8_t *p, size_t len)
{
	struct octets want = hex_get(s->json, name);

	if (json_object_get(s->json, name))
		check(s, octets_eq(want, p, len), "differs", "%s", name);
	free(want.p);
}

static void check_pair(struct set *s, const char *enc, const char *mac,
		       const struct hp_keypair *k)
{
	check_part(s, enc, k->enc, k->enc_len);
	check_part(s, mac, k->mac, k->mac_len);
}

static void check_drawn(struct set *s)
{
	bool greater = hp_addr_cmp(&s->hit[INITIATOR], &s->hit[RESPONDER]) > 0;
	const char *g = json_string_value(json_object_get(s->json, "host_g"));
	size_t end = 0, index;
	int err;

	if (g)
		check(s, !strcmp(g, side_name[greater ? INITIATOR : RESPONDER]),
		      "the other", "host with the greater HIT is the %s", g);
	err = hp_keymat_hip(&s->km, (uint16_t)number_get(s->json, "hip_cipher", 0),
			    greater, &s->hip, &end);
	if (!check(s, !err, "unknown cipher", "HIP keys drawn"))
		return;
	check_pair(s, "hip_gl_enc", "hip_gl_mac", greater ? &s->hip.out : &s->hip.in);
	check_pair(s, "hip_lg_enc", "hip_lg_mac", greater ? &s->hip.in : &s->hip.out);
	index = (size_t)number_get(s->json, "keymat_index", end);
	check(s, index >= end, "overlaps the HIP keys", "KEYMAT index %zu", index);
	err = hp_keymat_esp(&s->km, index, (uint16_t)number_get(s->json, "esp_suite", 0),
			    greater, &s->esp, NULL);
	if (!check(s, !err, "unknown ESP suite", "ESP keys drawn"))
		return;
	s->have_keys = true;
	check_pair(s, "sa_gl_enc", "sa_gl_auth", greater ? &s->esp.out : &s->esp.in);
	check_pair(s, "sa_lg_enc", "sa_lg_auth", greater ? &s->esp.in : &s->esp.out);
	check_pair(s, "esp_i2r_enc", "esp_i2r_auth", &s->esp.out);
	check_pair(s, "esp_r2i_enc", "esp_r2i_auth", &s->esp.in);
}

static void check_keymat(struct set *s, struct octets kij)
{
	struct octets want = hex_get(s->json, "keymat");
	uint8_t *got = calloc(1, want.len + 1);
	int err;

	err = hp_keymat_init(&s->km, s->rhash, kij.p, kij.len, s->i.p, s->j.p,
			     &s->hit[INITIATOR], &s->hit[RESPONDER]);
	if (want.p)
		check(s,
		      !err && got && !hp_keymat_draw(&s->km, 0, got, want.len) &&
			      octets_eq(want, got, want.len),
		      "differs", "KEYMAT, %zu octets", want.len);
	free(got);
	free(want.p);
	if (!err)
		check_drawn(s);
}

void check_keys(struct set *s)
{
	uint8_t group = (uint8_t)number_get(s->json, "dh_group", 0);
	size_t rlen;
	struct octets kij;

	check_puzzle(s);
	kij = hex_need(s, "kij");
	if (check(s, hp_dh_supported(group), "unknown", "DH group %u", group) && kij.p) {
		check_dh_side(s, INITIATOR, group, kij);
		check_dh_side(s, RESPONDER, group, kij);
	}
	rlen = hp_rhash_len(s->rhash);
	if (kij.p && rlen && s->i.len == rlen && s->j.len == rlen)
		check_keymat(s, kij);
	free(kij.p);
}

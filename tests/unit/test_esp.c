/* SPDX-License-Identifier: MIT
 *
 * ESP: replay window, sealing and opening, the table of SAs.
 */
#include "../harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/wire.h>

#include "esp/sa.h"
#include "hex.h"

static const uint16_t suites[] = { 7, 8, 9, 12, 13 };
#define N_SUITES (sizeof(suites) / sizeof(suites[0]))

static struct hp_keypair keys_of(uint16_t suite)
{
	const struct hp_esp_suite *s = hp_esp_suite_find(suite);
	struct hp_keypair k = { .enc_len = s->enc_len, .mac_len = s->auth_len };

	memset(k.enc, 0x11, k.enc_len);
	memset(k.mac, 0x22, k.mac_len);
	return k;
}

static void pair_init(uint16_t suite, bool no_esn, struct hp_sa *out, struct hp_sa *in)
{
	struct hp_keypair k = keys_of(suite);
	struct hp_sa_params p = { .spi = 0x12345678, .suite = suite, .outbound = true,
				  .no_esn_icv = no_esn, .keys = &k };

	CU_ASSERT_FATAL(!hp_sa_init(out, &p));
	p.outbound = false;
	CU_ASSERT_FATAL(!hp_sa_init(in, &p));
}

static void pair_fini(struct hp_sa *out, struct hp_sa *in)
{
	hp_sa_fini(out);
	hp_sa_fini(in);
}

/* Seals len octets 0, 1, 2 .. in place within buf (2048 octets). */
static struct hp_esp_sealed seal(struct hp_sa *sa, uint8_t *buf, size_t len)
{
	struct hp_esp_sealed s = { NULL, 0, 0 };

	for (size_t i = 0; i < len; i++)
		buf[HP_ESP_HEADROOM + i] = (uint8_t)i;
	CU_ASSERT_FATAL(!hp_esp_seal(sa, 6, buf + HP_ESP_HEADROOM, len, &s));
	return s;
}

/* ---- replay window */

static void every_number_is_accepted_once(void)
{
	struct hp_replay r;

	CU_ASSERT_FATAL(!hp_replay_init(&r, 1024));
	CU_ASSERT(!hp_replay_test(&r, 0));
	for (uint64_t s = 1; s < 5000; s++) {
		CU_ASSERT(hp_replay_test(&r, s));
		hp_replay_record(&r, s);
		CU_ASSERT(!hp_replay_test(&r, s));
	}
	for (uint64_t s = 0; s < 5000; s++)
		CU_ASSERT(!hp_replay_test(&r, s));
	hp_replay_fini(&r);
}

static void the_window_has_its_size_to_the_packet(void)
{
	static const uint32_t sizes[] = { 64, 1024, 4096, 1000 };
	struct hp_replay r;

	for (int i = 0; i < 4; i++)
		for (uint64_t top = 10000; top < 10130; top++) {
			CU_ASSERT_FATAL(!hp_replay_init(&r, sizes[i]));
			hp_replay_record(&r, top);
			CU_ASSERT(!hp_replay_test(&r, top));
			CU_ASSERT(hp_replay_test(&r, top - r.size + 1));
			CU_ASSERT(!hp_replay_test(&r, top - r.size));
			hp_replay_record(&r, top - r.size + 1);
			CU_ASSERT(!hp_replay_test(&r, top - r.size + 1));
			CU_ASSERT(hp_replay_test(&r, top + 1));
			hp_replay_fini(&r);
		}
	CU_ASSERT_EQUAL(hp_replay_init(&r, 0), -EINVAL);
	CU_ASSERT_EQUAL(hp_replay_init(&r, HP_REPLAY_MAX + 1), -EINVAL);
}

/* Against the plainest implementation there is. */
static void random_order_agrees_with_a_table(void)
{
	static uint8_t seen[200000];
	struct hp_replay r;
	uint64_t top = 0, s, seed = 42;

	memset(seen, 0, sizeof(seen));
	CU_ASSERT_FATAL(!hp_replay_init(&r, 1024));
	for (int n = 0; n < 100000; n++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		s = top + (seed >> 33) % 1300;
		s = s > 1250 ? s - 1250 : 0;
		if (s >= sizeof(seen))
			break;
		bool want = s && !seen[s] && (s > top || top - s < 1024);

		CU_ASSERT_EQUAL(hp_replay_test(&r, s), want);
		if (!want)
			continue;
		hp_replay_record(&r, s);
		seen[s] = 1;
		top = s > top ? s : top;
	}
	CU_ASSERT(top > 5000);
	hp_replay_fini(&r);
}

static void a_jump_forgets_everything_before(void)
{
	struct hp_replay r;

	CU_ASSERT_FATAL(!hp_replay_init(&r, 1024));
	for (uint64_t s = 1; s <= 1024; s++)
		hp_replay_record(&r, s);
	hp_replay_record(&r, UINT64_C(1) << 40);
	for (uint64_t d = 1; d < 1024; d++)
		CU_ASSERT(hp_replay_test(&r, (UINT64_C(1) << 40) - d));
	hp_replay_record(&r, UINT64_MAX);
	CU_ASSERT(!hp_replay_test(&r, UINT64_MAX));
	CU_ASSERT(hp_replay_test(&r, UINT64_MAX - 1));
	hp_replay_fini(&r);
}

static uint64_t guess(const struct hp_replay *r, uint32_t low)
{
	uint64_t seq = 0;

	CU_ASSERT(!hp_replay_guess(r, low, &seq));
	return seq;
}

static void the_high_half_is_recovered_around_its_wrap(void)
{
	const uint64_t wrap = UINT64_C(1) << 32;
	struct hp_replay r;

	CU_ASSERT_FATAL(!hp_replay_init(&r, 1024));
	CU_ASSERT_EQUAL(guess(&r, 1), 1);
	CU_ASSERT_EQUAL(guess(&r, UINT32_MAX), UINT32_MAX);
	hp_replay_record(&r, wrap - 10);
	CU_ASSERT_EQUAL(guess(&r, UINT32_MAX), wrap - 1);
	CU_ASSERT_EQUAL(guess(&r, 0), wrap);
	CU_ASSERT_EQUAL(guess(&r, 5), wrap + 5);
	CU_ASSERT_EQUAL(guess(&r, (uint32_t)(wrap - 10 - 1023)), wrap - 10 - 1023);
	CU_ASSERT_EQUAL(guess(&r, (uint32_t)(wrap - 10 - 1024)), 2 * wrap - 10 - 1024);
	hp_replay_record(&r, wrap + 5);
	CU_ASSERT_EQUAL(guess(&r, UINT32_MAX), wrap - 1);
	CU_ASSERT_EQUAL(guess(&r, 6), wrap + 6);
	CU_ASSERT_EQUAL(guess(&r, 0), wrap);
	CU_ASSERT(hp_replay_test(&r, wrap - 1) && !hp_replay_test(&r, wrap - 10));
	hp_replay_record(&r, wrap + 1023);
	CU_ASSERT_EQUAL(guess(&r, 0), wrap);
	CU_ASSERT_EQUAL(guess(&r, UINT32_MAX), 2 * wrap - 1);
	hp_replay_record(&r, UINT64_MAX);
	CU_ASSERT_EQUAL(hp_replay_guess(&r, 0, &(uint64_t){ 0 }), -EALREADY);
	hp_replay_fini(&r);
}

/* ---- packets */

static void what_is_sealed_opens_at_every_length(void)
{
	uint8_t buf[2048], copy[2048], plain[512];
	struct hp_esp_opened o;
	struct hp_sa out, in;

	for (size_t i = 0; i < 512; i++)
		plain[i] = (uint8_t)i;
	for (size_t n = 0; n < 2 * N_SUITES; n++) {
		pair_init(suites[n / 2], n % 2, &out, &in);
		for (size_t len = 0; len <= 300; len++) {
			struct hp_esp_sealed s = seal(&out, buf, len);

			CU_ASSERT_EQUAL(s.len, len + hp_esp_overhead(out.suite, len));
			CU_ASSERT(s.pkt >= buf && s.pkt + s.len <=
				  buf + HP_ESP_HEADROOM + len + HP_ESP_TAILROOM);
			CU_ASSERT(!hp_esp_open(&in, s.pkt, s.len, &o));
			CU_ASSERT(o.len == len && o.next_header == 6 && o.seq == s.seq);
			CU_ASSERT(!memcmp(o.payload, plain, len));

			int total = hp_esp_seal_copy(&out, 17, plain, len, copy, sizeof(copy));

			CU_ASSERT_EQUAL((size_t)total, s.len);
			CU_ASSERT(!hp_esp_open(&in, copy, (size_t)total, &o));
			CU_ASSERT(o.len == len && o.next_header == 17);
			CU_ASSERT(!memcmp(o.payload, plain, len));
			CU_ASSERT_EQUAL(hp_esp_seal_copy(&out, 17, plain, len, copy,
							 (size_t)total - 1), -EMSGSIZE);
		}
		CU_ASSERT(in.packets == 602 && out.packets == 602 && in.bytes == out.bytes);
		pair_fini(&out, &in);
	}
}

static void every_truncation_and_every_flipped_bit_is_refused(void)
{
	uint8_t buf[2048];
	struct hp_esp_opened o;
	struct hp_sa out, in;

	for (size_t n = 0; n < N_SUITES; n++) {
		pair_init(suites[n], false, &out, &in);
		struct hp_esp_sealed s = seal(&out, buf, 70);
		uint8_t *exact = malloc(s.len);

		for (size_t len = 0; len < s.len; len++) {
			uint8_t *cut = malloc(len ? len : 1);

			memcpy(cut, s.pkt, len);
			CU_ASSERT(hp_esp_open(&in, cut, len, &o));
			free(cut);
		}
		/* The SPI is the table's to check, but GCM and the MAC cover it as well. */
		for (size_t bit = 0; bit < s.len * 8; bit++) {
			memcpy(exact, s.pkt, s.len);
			exact[bit / 8] ^= (uint8_t)(1 << bit % 8);
			int err = hp_esp_open(&in, exact, s.len, &o);

			CU_ASSERT(err == -EKEYREJECTED || err == -EALREADY);
		}
		memcpy(exact, s.pkt, s.len);
		CU_ASSERT(!hp_esp_open(&in, exact, s.len, &o));
		memcpy(exact, s.pkt, s.len);
		CU_ASSERT_EQUAL(hp_esp_open(&in, exact, s.len, &o), -EALREADY);
		CU_ASSERT_EQUAL(in.packets, 1);
		free(exact);
		pair_fini(&out, &in);
	}
}

static void esn_and_no_esn_do_not_understand_each_other(void)
{
	struct hp_sa out, in, out32, in32;
	struct hp_esp_opened o;
	struct hp_esp_sealed s;
	uint8_t buf[2048];

	for (size_t n = 0; n < N_SUITES; n++) {
		pair_init(suites[n], false, &out, &in);
		pair_init(suites[n], true, &out32, &in32);
		s = seal(&out, buf, 64);
		CU_ASSERT_EQUAL(hp_esp_open(&in32, s.pkt, s.len, &o), -EKEYREJECTED);
		s = seal(&out32, buf, 64);
		CU_ASSERT_EQUAL(hp_esp_open(&in, s.pkt, s.len, &o), -EKEYREJECTED);
		pair_fini(&out, &in);
		pair_fini(&out32, &in32);
	}
}

static void sequence_numbers_cross_32_bits(void)
{
	struct hp_sa out, in;
	struct hp_esp_opened o;
	uint8_t buf[2048];

	for (size_t n = 0; n < N_SUITES; n++) {
		pair_init(suites[n], false, &out, &in);
		out.seq = in.replay.top = UINT32_MAX - 5;
		for (int i = 0; i < 20; i++) {
			struct hp_esp_sealed s = seal(&out, buf, 20);

			CU_ASSERT(!hp_esp_open(&in, s.pkt, s.len, &o));
			CU_ASSERT_EQUAL(o.seq, UINT32_MAX - UINT64_C(4) + (uint64_t)i);
		}
		pair_fini(&out, &in);
	}
}

static void no_number_is_used_after_the_last(void)
{
	struct hp_sa out, in;
	struct hp_esp_sealed s;
	uint8_t buf[2048];

	pair_init(13, true, &out, &in);
	out.seq = UINT32_MAX - 1;
	seal(&out, buf, 8);
	CU_ASSERT_EQUAL(hp_esp_seal(&out, 6, buf + 24, 8, &s), -EOVERFLOW);
	CU_ASSERT_EQUAL(hp_esp_seal_copy(&out, 6, buf, 8, buf + 512, 512), -EOVERFLOW);
	CU_ASSERT(hp_sa_rekey_due(&out) && !hp_sa_rekey_due(&in));
	pair_fini(&out, &in);
	pair_init(13, false, &out, &in);
	out.seq = UINT64_MAX;
	CU_ASSERT_EQUAL(hp_esp_seal(&out, 6, buf + 24, 8, &s), -EOVERFLOW);
	pair_fini(&out, &in);
}

/* Opened in place and to elsewhere: the same payloads and refusals at every length, with memory
 * that ends where it may be touched. */
static void open_to_equals(struct hp_sa *out, struct hp_sa *in, struct hp_sa *to, size_t len)
{
	struct hp_esp_opened o, p;
	uint8_t buf[2048];
	struct hp_esp_sealed s = seal(out, buf, len);
	uint8_t *pkt = malloc(s.len), *dst = malloc(s.len);

	memcpy(pkt, s.pkt, s.len);
	pkt[s.len - 1] ^= 1;
	memset(dst, 0xee, s.len);
	CU_ASSERT_EQUAL(hp_esp_open_to(to, pkt, s.len, dst, &p), -EKEYREJECTED);
	for (size_t i = 0; i < len; i++)
		CU_ASSERT_FATAL(dst[i] == 0 || dst[i] == 0xee);
	pkt[s.len - 1] ^= 1;
	for (size_t cut = 0; cut < s.len; cut += len % 8 ? 7 : 1) {
		uint8_t *short_pkt = malloc(cut + 1);

		memcpy(short_pkt, pkt, cut);
		CU_ASSERT(hp_esp_open_to(to, short_pkt, cut, dst, &p) < 0);
		free(short_pkt);
	}
	CU_ASSERT_FATAL(!hp_esp_open_to(to, pkt, s.len, dst, &p));
	CU_ASSERT(!memcmp(pkt, s.pkt, s.len));
	CU_ASSERT_EQUAL(hp_esp_open_to(to, pkt, s.len, dst, &o), -EALREADY);
	CU_ASSERT_FATAL(!hp_esp_open(in, pkt, s.len, &o));
	CU_ASSERT(p.payload == dst && p.len == len && p.len == o.len && p.seq == o.seq &&
		  p.next_header == o.next_header);
	CU_ASSERT(!memcmp(dst, o.payload, len));
	free(pkt);
	free(dst);
}

static void opening_to_elsewhere_equals_opening_in_place(void)
{
	const struct hp_esp_backend *engines[] = { &hp_esp_openssl, hp_esp_ipsec_mb(),
						   &hp_esp_openssl_plain };

	for (size_t n = 0; n < N_SUITES * 6; n++) {
		uint16_t suite = suites[n / 6];
		struct hp_keypair k = keys_of(suite);
		struct hp_sa_params p = { .spi = 0x12345678, .suite = suite, .outbound = true,
					  .no_esn_icv = n & 1, .keys = &k,
					  .backend = engines[n % 6 / 2] };
		struct hp_sa out, in, to;

		if (!p.backend)
			continue;
		CU_ASSERT_FATAL(!hp_sa_init(&out, &p));
		p.outbound = false;
		CU_ASSERT_FATAL(!hp_sa_init(&in, &p) && !hp_sa_init(&to, &p));
		for (size_t len = 0; len <= 300; len++)
			open_to_equals(&out, &in, &to, len);
		open_to_equals(&out, &in, &to, 1400);
		CU_ASSERT(to.packets == in.packets && to.bytes == in.bytes);
		CU_ASSERT(to.bad_icv >= 302 && to.replayed == 302 && to.malformed > 0);
		pair_fini(&out, &in);
		hp_sa_fini(&to);
	}
}

/* Makes a packet whose ICV is right and whose trailer is as given. */
static int open_with_trailer(const uint8_t *text, size_t len)
{
	struct hp_sa out, in;
	struct hp_esp_opened o;
	uint8_t pkt[512] = { 0 };
	struct hp_esp_op op = { .pkt = pkt, .text_len = len, .esn = true };
	int err;

	pair_init(HP_ESPSUITE_NULL_SHA256, false, &out, &in);
	hp_put32(pkt, out.spi);
	hp_put32(pkt + 4, 1);
	memcpy(pkt + 8, text, len);
	CU_ASSERT(!out.backend->seal(out.ctx, &op));
	err = hp_esp_open(&in, pkt, 8 + len + 16, &o);
	pair_fini(&out, &in);
	return err;
}

static void padding_is_checked(void)
{
	static const uint8_t good[] = { 9, 9, 1, 2, 3, 4, 4, 6 };
	uint8_t bad[8];

	CU_ASSERT_EQUAL(open_with_trailer(good, 8), 0);
	for (int i = 2; i < 7; i++) {
		memcpy(bad, good, 8);
		bad[i] ^= 0x40;
		CU_ASSERT_EQUAL(open_with_trailer(bad, 8), -EPROTO);
	}
	memcpy(bad, good, 8);
	bad[6] = 7; /* more padding than packet */
	CU_ASSERT_EQUAL(open_with_trailer(bad, 8), -EPROTO);
}

static void the_largest_payload_fits_and_one_more_does_not(void)
{
	for (size_t n = 0; n < N_SUITES; n++) {
		const struct hp_esp_suite *s = hp_esp_suite_find(suites[n]);

		for (size_t room = 0; room < 1600; room++) {
			size_t max = hp_esp_max_payload(s, room);

			if (max)
				CU_ASSERT(max + hp_esp_overhead(s, max) <= room);
			CU_ASSERT(max + 1 + hp_esp_overhead(s, max + 1) > room);
		}
	}
}

/* draft-mcgrew-gcm-test-01: GCM as ESP uses it, with and without extended numbers. */
static void gcm_matches_published_esp_packets(void)
{
	static const struct {
		const char *key, *head, *hi, *text, *sealed;
	} cases[] = {
		{ "4c80cdefbb5d10da906ac73c3613a634 2e443b68",
		  "00004321 00000000 4956ed7e3b244cfe", "87654321",
		  "45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000"
		  "00000000045f736970045f756470037369700963796265726369747902646b00"
		  "0021000101020201",
		  "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34"
		  "cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce"
		  "61bc17d768fd9732459018148f6cbe722fd04796562dfdb4" },
		{ "feffe9928665731c6d6a8f9467308308 cafebabe",
		  "0000a5f8 0000000a facedbaddecaf888", NULL,
		  "4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d00100"
		  "0001000000000000037369700963796265726369747902646b00000100010001",
		  "deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c"
		  "3de81827c10e9a4f51330d0eec416642cfbb85a5b47e48a4ec3b9ba95d918bd1"
		  "83b70d3aa8bc6ee4c309e9d85a41ad4a" },
	};
	const struct hp_esp_suite *s = hp_esp_suite_find(13);
	uint8_t key[20], pkt[256], hi[4];

	for (int i = 0; i < 2; i++) {
		struct hp_esp_op op = { .pkt = pkt, .esn = cases[i].hi != NULL };
		void *out, *in;

		unhex(cases[i].key, key);
		unhex(cases[i].head, pkt);
		op.text_len = unhex(cases[i].text, pkt + 16);
		if (op.esn && unhex(cases[i].hi, hi))
			op.seq_hi = hp_get32(hi);
		CU_ASSERT_FATAL(!hp_esp_openssl.open_ctx(s, true, key, NULL, &out));
		CU_ASSERT_FATAL(!hp_esp_openssl.open_ctx(s, false, key, NULL, &in));
		CU_ASSERT(!hp_esp_openssl.seal(out, &op));
		CU_ASSERT(is_hex(pkt + 16, op.text_len + 16, cases[i].sealed));
		CU_ASSERT(!hp_esp_openssl.open(in, &op));
		CU_ASSERT(is_hex(pkt + 16, op.text_len, cases[i].text));
		hp_esp_openssl.close_ctx(out);
		hp_esp_openssl.close_ctx(in);
	}
}

static void cbc_ivs_do_not_repeat_or_count(void)
{
	uint8_t buf[2048], last[16] = { 0 };
	struct hp_sa out, in;

	pair_init(8, false, &out, &in);
	for (int i = 0; i < 100; i++) {
		struct hp_esp_sealed s = seal(&out, buf, 10);
		int same = 0;

		for (int b = 0; b < 16; b++)
			same += s.pkt[8 + b] == last[b];
		CU_ASSERT(same < 8);
		memcpy(last, s.pkt + 8, 16);
	}
	pair_fini(&out, &in);
}

static void unfit_parameters_are_refused(void)
{
	struct hp_keypair k = keys_of(13);
	struct hp_sa_params p = { .spi = 255, .suite = 13, .keys = &k };
	struct hp_sa sa;

	CU_ASSERT_EQUAL(hp_sa_init(&sa, &p), -EINVAL);
	p.spi = 256;
	p.suite = 10;
	CU_ASSERT_EQUAL(hp_sa_init(&sa, &p), -ENOTSUP);
	p.suite = 8;
	CU_ASSERT_EQUAL(hp_sa_init(&sa, &p), -EINVAL);
	p.suite = 13;
	p.replay_window = HP_REPLAY_MAX + 1;
	CU_ASSERT_EQUAL(hp_sa_init(&sa, &p), -EINVAL);
	CU_ASSERT_PTR_NULL(hp_esp_suite_by_name("none"));
	CU_ASSERT(hp_esp_suite_by_name("aes-128-gcm-16") == hp_esp_suite_find(13));
}

static void soft_limits_ask_for_a_rekey(void)
{
	struct hp_keypair k = keys_of(13);
	struct hp_sa_params p = { .spi = 999, .suite = 13, .keys = &k, .outbound = true,
				  .soft_packets = 3, .soft_bytes = 1000 };
	uint8_t buf[2048];
	struct hp_sa sa;

	CU_ASSERT_FATAL(!hp_sa_init(&sa, &p));
	seal(&sa, buf, 10);
	seal(&sa, buf, 10);
	CU_ASSERT(!hp_sa_rekey_due(&sa));
	seal(&sa, buf, 10);
	CU_ASSERT(hp_sa_rekey_due(&sa));
	hp_sa_fini(&sa);
	CU_ASSERT_FATAL(!hp_sa_init(&sa, &p));
	seal(&sa, buf, 1000);
	CU_ASSERT(hp_sa_rekey_due(&sa));
	hp_sa_fini(&sa);
}

/* Both ends have the same limits; they shall not begin at the same packet. */
static void limits_are_spread_and_within_what_an_sa_can_bear(void)
{
	struct hp_keypair k = keys_of(13);
	struct hp_sa_params p = { .spi = 999, .suite = 13, .keys = &k, .outbound = true,
				  .soft_packets = 800000, .soft_bytes = UINT64_MAX };
	uint64_t seen[2] = { 0, 0 };
	struct hp_sa sa;

	for (int i = 0; i < 20; i++) {
		CU_ASSERT_FATAL(!hp_sa_init(&sa, &p));
		CU_ASSERT(sa.soft_packets >= 700000 && sa.soft_packets <= 800000);
		CU_ASSERT(sa.soft_bytes <= UINT64_C(1) << 44);
		seen[sa.soft_packets > 750000]++;
		hp_sa_fini(&sa);
	}
	CU_ASSERT(seen[0] && seen[1]);
	/* 32 bits: new keys must come before the numbers end, whatever is configured. */
	p.no_esn_icv = true;
	p.soft_packets = UINT64_C(1) << 40;
	CU_ASSERT_FATAL(!hp_sa_init(&sa, &p));
	CU_ASSERT(sa.soft_packets <= 0xf0000000);
	sa.seq = 0xf0000000;
	CU_ASSERT(hp_sa_rekey_due(&sa) && !hp_sa_exhausted(&sa));
	sa.seq = 0xff000000;
	CU_ASSERT(hp_sa_exhausted(&sa));
	hp_sa_fini(&sa);
}

/* ---- table */

static void the_table_finds_by_spi(void)
{
	struct hp_sa *sas = calloc(1000, sizeof(*sas));
	struct hp_sadb db;
	uint32_t spi;

	CU_ASSERT_FATAL(!hp_sadb_init(&db, 1000, NULL));
	for (int i = 0; i < 1000; i++) {
		CU_ASSERT(!hp_sadb_new_spi(&db, &spi));
		CU_ASSERT(spi > 255);
		CU_ASSERT_PTR_NULL(hp_sadb_find(&db, spi));
		sas[i].spi = spi;
		CU_ASSERT(!hp_sadb_add(&db, &sas[i]));
		CU_ASSERT_EQUAL(hp_sadb_add(&db, &sas[i]), -EEXIST);
	}
	struct hp_sa more = { .spi = 1 };

	CU_ASSERT_EQUAL(hp_sadb_add(&db, &more), -ENOBUFS);
	hp_sadb_del(&db, &more);
	for (int i = 0; i < 1000; i++)
		CU_ASSERT(hp_sadb_find(&db, sas[i].spi) == &sas[i]);
	for (int i = 0; i < 1000; i++) {
		hp_sadb_del(&db, &sas[i]);
		hp_sadb_del(&db, &sas[i]);
		CU_ASSERT_PTR_NULL(hp_sadb_find(&db, sas[i].spi));
	}
	hp_sadb_fini(&db);
	free(sas);
}

/* ---- engines */

/* The same keys, numbers and payloads; CBC IVs are random, so GCM alone. */
static void engines_make_the_same(const struct hp_esp_backend *other, size_t s)
{
	static const uint16_t gcm[] = { 12, 13 };
	struct hp_keypair k = keys_of(gcm[s / 2]);
	struct hp_sa_params p = { .spi = 0x12345678, .suite = gcm[s / 2], .outbound = true,
				  .no_esn_icv = s & 1, .keys = &k };
	uint8_t x[2048], y[2048], text[1500];
	struct hp_esp_opened o;
	struct hp_sa a, b, in;

	CU_ASSERT_FATAL(!hp_sa_init(&a, &p));
	p.backend = other;
	CU_ASSERT_FATAL(!hp_sa_init(&b, &p));
	CU_ASSERT(b.backend == other);
	p.outbound = false;
	CU_ASSERT_FATAL(!hp_sa_init(&in, &p));
	memset(text, 0x5a, sizeof(text));
	for (size_t len = 0; len <= sizeof(text); len++) {
		int n = hp_esp_seal_copy(&a, 6, text, len, x, sizeof(x));

		CU_ASSERT_FATAL(n > 0);
		CU_ASSERT_EQUAL(hp_esp_seal_copy(&b, 6, text, len, y, sizeof(y)), n);
		CU_ASSERT_FATAL(!memcmp(x, y, (size_t)n));
		y[n - 1] ^= 1;
		CU_ASSERT_EQUAL(hp_esp_open(&in, y, (size_t)n, &o), -EKEYREJECTED);
		CU_ASSERT_FATAL(!hp_esp_open(&in, x, (size_t)n, &o));
		CU_ASSERT(o.len == len && !memcmp(o.payload, text, len));
	}
	pair_fini(&a, &in);
	hp_sa_fini(&b);
}

static void all_engines_make_the_same_packets(void)
{
	for (size_t s = 0; s < 4; s++) {
		engines_make_the_same(&hp_esp_openssl_plain, s);
		if (hp_esp_ipsec_mb()) /* not built in: the others are OpenSSL's anyway */
			engines_make_the_same(hp_esp_ipsec_mb(), s);
	}
}

/* Suites that libipsec-mb is not asked for. */
static void what_an_engine_does_not_have_openssl_does(void)
{
	const struct hp_esp_backend *mb = hp_esp_ipsec_mb();
	struct hp_keypair k = keys_of(8);
	struct hp_sa_params p = { .spi = 0x12345678, .suite = 8, .outbound = true, .keys = &k,
				  .backend = mb };
	struct hp_sa sa;

	CU_ASSERT_FATAL(!hp_sa_init(&sa, &p));
	CU_ASSERT_STRING_EQUAL(sa.backend->name, "openssl");
	hp_sa_fini(&sa);
}

static const struct hp_test tests[] = {
	HP_TEST(every_number_is_accepted_once),
	HP_TEST(the_window_has_its_size_to_the_packet),
	HP_TEST(random_order_agrees_with_a_table),
	HP_TEST(a_jump_forgets_everything_before),
	HP_TEST(the_high_half_is_recovered_around_its_wrap),
	HP_TEST(what_is_sealed_opens_at_every_length),
	HP_TEST(opening_to_elsewhere_equals_opening_in_place),
	HP_TEST(every_truncation_and_every_flipped_bit_is_refused),
	HP_TEST(esn_and_no_esn_do_not_understand_each_other),
	HP_TEST(sequence_numbers_cross_32_bits),
	HP_TEST(no_number_is_used_after_the_last),
	HP_TEST(padding_is_checked),
	HP_TEST(the_largest_payload_fits_and_one_more_does_not),
	HP_TEST(gcm_matches_published_esp_packets),
	HP_TEST(cbc_ivs_do_not_repeat_or_count),
	HP_TEST(unfit_parameters_are_refused),
	HP_TEST(soft_limits_ask_for_a_rekey),
	HP_TEST(limits_are_spread_and_within_what_an_sa_can_bear),
	HP_TEST(the_table_finds_by_spi),
	HP_TEST(all_engines_make_the_same_packets),
	HP_TEST(what_an_engine_does_not_have_openssl_does),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("esp", tests, argc, argv);
}

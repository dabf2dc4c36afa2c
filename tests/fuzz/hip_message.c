/* SPDX-License-Identifier: MIT
 *
 * Any octets as a HIP message and as a bare parameter list: every reader, every coverage, and
 * what was accepted must come out of the builder as it went in.
 */
#include "fuzz.h"

#include "wire/hip.h"
#include "wire/hip_di.h"

static unsigned sum;

static void touch(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += p[i];
}

static void read_lists(const struct hp_hip_tlv *t)
{
	struct hp_u8list l8;
	struct hp_u16list l16;
	struct hp_u32list l32;
	struct hp_addrlist la;
	struct hp_locator loc;
	struct hp_rd r;

	if (!hp_hip_read_u8list(t, &l8))
		touch(l8.p, l8.n);
	if (!hp_hip_read_u16list(t, &l16))
		touch(l16.p, 2 * l16.n);
	if (!hp_hip_read_ack(t, &l32))
		touch(l32.p, 4 * l32.n);
	if (!hp_hip_read_addrlist(t, &la))
		touch(la.p, 16 * la.n);
	if (!hp_hip_read_locators(t, &r))
		while (hp_hip_locator_next(&r, &loc))
			sum += loc.port;
}

/* Printable, and what came as labels comes back. */
static void read_di(const struct hp_host_id *h)
{
	char text[HP_DI_TEXT];

	hp_di_format(h->di_type, h->di, h->di_len, text, sizeof(text));
	for (const char *c = text; *c; c++)
		HP_FUZZ_HOLDS(*c > ' ' && *c <= '~');
}

static void read_blobs(const struct hp_hip_tlv *t)
{
	struct hp_puzzle pz;
	struct hp_solution so;
	struct hp_dh_value dh;
	struct hp_encrypted en;
	struct hp_host_id hi;
	struct hp_notification no;
	struct hp_signature sg;

	if (!hp_hip_read_puzzle(t, &pz))
		touch(pz.i, pz.rhash_len);
	if (!hp_hip_read_solution(t, &so))
		touch(so.i, 2 * so.rhash_len);
	if (!hp_hip_read_dh(t, &dh))
		touch(dh.pub, dh.pub_len);
	if (!hp_hip_read_encrypted(t, 16, &en))
		touch(en.data, en.len);
	if (!hp_hip_read_host_id(t, &hi)) {
		touch(hi.hi, hi.hi_len);
		touch(hi.di, hi.di_len);
		read_di(&hi);
	}
	if (!hp_hip_read_notification(t, &no))
		touch(no.data, no.len);
	if (!hp_hip_read_signature(t, &sg))
		touch(sg.sig, sg.len);
}

static void read_rest(const struct hp_hip_tlv *t)
{
	struct hp_esp_info ei;
	struct hp_reg_info ri;
	struct hp_reg rg;
	struct hp_transport_addr ta;
	uint64_t n64;
	uint32_t n32;

	if (!hp_hip_read_reg_info(t, &ri))
		touch(ri.types.p, ri.types.n);
	if (!hp_hip_read_reg(t, &rg))
		touch(rg.types.p, rg.types.n);
	hp_hip_read_esp_info(t, &ei);
	hp_hip_read_transport_addr(t, &ta);
	hp_hip_read_r1_counter(t, &n64);
	hp_hip_read_seq(t, &n32);
}

static void cover(const struct hp_hip_msg *m, const struct hp_hip_tlv *t)
{
	struct hp_bytes whole = hp_hip_tlv_whole(t);
	uint8_t scratch[HP_HIP_MAX];

	HP_FUZZ_HOLDS(hp_hip_covered(m->raw, m->len, t->off - 4u, scratch) == t->off - 4);
	HP_FUZZ_HOLDS(hp_hip_covered_sig2(m->raw, m->len, t->off - 4u, scratch) == t->off - 4);
	hp_hip_covered_mac2(m->raw, m->len, t->off - 4u, &whole, scratch);
}

static void rebuild(const struct hp_hip_msg *m)
{
	struct hp_hip_builder b;
	struct hp_hip_msg again;
	uint8_t buf[HP_HIP_MAX];

	hp_hip_begin(&b, buf, sizeof(buf), m->type, m->controls, &m->src_hit, &m->dst_hit);
	for (unsigned i = 0; i < m->params.n; i++)
		hp_hip_param(&b, m->params.tlv[i].type, m->params.tlv[i].data,
			     m->params.tlv[i].len);
	HP_FUZZ_HOLDS(hp_hip_finish(&b) == (int)m->len);
	HP_FUZZ_HOLDS(!hp_hip_parse(buf, m->len, &again));
	HP_FUZZ_HOLDS(again.params.n == m->params.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hp_hip_msg m;
	struct hp_hip_list list;
	int ret = hp_hip_parse(data, size, &m);

	if (!ret || ret == -EOPNOTSUPP) {
		for (unsigned i = 0; i < m.params.n; i++) {
			read_lists(&m.params.tlv[i]);
			read_blobs(&m.params.tlv[i]);
			read_rest(&m.params.tlv[i]);
			cover(&m, &m.params.tlv[i]);
		}
		hp_hip_checksum_ok(data, m.len, &m.src_hit, &m.dst_hit, true);
	}
	if (!ret)
		rebuild(&m);
	hp_hip_parse_list(data, size, &list);
	return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Every ESP packet, of vectors.json and of wire.pcap, opened and compared.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/wire.h>

#include "set.h"

#include "esp/sa.h"
#include "wire/checksum.h"
#include "wire/ip.h"

struct sas {
	struct hp_sa sa[2]; /* by sender */
	bool ready[2];
	unsigned int opened;
};

static const char *const spi_name[2] = {"spi_i2r", "spi_r2i"};

static int sa_make(struct set *s, struct hp_sa *sa, enum side from, bool no_esn)
{
	struct hp_sa_params p = {
		.spi = (uint32_t)number_get(s->json, spi_name[from], 0),
		.suite = (uint16_t)number_get(s->json, "esp_suite", 0),
		.no_esn_icv = no_esn,
		.keys = from == INITIATOR ? &s->esp.out : &s->esp.in,
		.src_hit = s->hit[from],
		.dst_hit = s->hit[!from],
	};

	return hp_sa_init(sa, &p);
}

/* The packet put together from its parts. */
static struct octets assemble(const json_t *e)
{
	static const char *const parts[] = {"spi", NULL, "iv", "ciphertext", "icv"};
	struct octets o = {NULL, 0}, part;
	uint8_t seq[4];

	o.p = calloc(1, 65536 + 64);
	for (size_t i = 0; o.p && i < sizeof(parts) / sizeof(parts[0]); i++) {
		hp_put32(seq, (uint32_t)number_get(e, "seq", 0));
		part = parts[i] ? hex_get(e, parts[i]) : (struct octets){seq, 4};
		if (part.p && o.len + part.len <= 65536) {
			memcpy(o.p + o.len, part.p, part.len);
			o.len += part.len;
		}
		if (parts[i])
			free(part.p);
	}
	return o;
}

/* As recorded, or else put together. */
static struct octets packet_of(const json_t *e)
{
	struct octets o = hex_get(e, "packet");

	return o.p ? o : assemble(e);
}

/* If both the packet and its parts were recorded they agree. */
static bool parts_agree(const json_t *e, struct octets pkt)
{
	struct octets o = assemble(e);
	bool good = !json_object_get(e, "ciphertext") || octets_eq(o, pkt.p, pkt.len);

	free(o.p);
	return good;
}

/* Was the payload seen at a HIT interface, between these HITs?  (Some hosts show a packet
 * there twice, once without its checksum.) */
static bool seen_inside(struct set *s, enum side from, const json_t *e,
			const struct hp_esp_opened *o)
{
	const json_t *list = json_object_get(e, "inner_seen_on_hip0"), *v;
	bool found = !json_array_size(list);
	size_t n;

	json_array_foreach(list, n, v)
	{
		struct octets in = hex_of(v);

		found |= in.p && in.len == 40 + o->len &&
			 !memcmp(in.p + 8, s->hit[from].b, 16) &&
			 !memcmp(in.p + 24, s->hit[!from].b, 16) &&
			 !memcmp(in.p + 40, o->payload, o->len);
		free(in.p);
	}
	return found;
}

static bool from_of(const json_t *e, enum side *from)
{
	const char *dir = json_string_value(json_object_get(e, "dir"));

	*from = dir && !strcmp(dir, "r2i") ? RESPONDER : INITIATOR;
	return dir && (!strcmp(dir, "i2r") || !strcmp(dir, "r2i"));
}

/* Does a fresh SA of this kind open the packet? */
static bool opens(struct set *s, enum side from, const json_t *e, bool no_esn)
{
	struct octets pkt = packet_of(e);
	struct hp_esp_opened out;
	struct hp_sa sa;
	bool good = false;

	if (!sa_make(s, &sa, from, no_esn)) {
		good = pkt.p && !hp_esp_open(&sa, pkt.p, pkt.len, &out);
		hp_sa_fini(&sa);
	}
	free(pkt.p);
	return good;
}

/* RFC 7402, section 3.2: the transport checksum is over the HITs. */
static bool transport_ok(struct set *s, enum side from, const struct hp_esp_opened *o)
{
	if (o->next_header != HP_PROTO_TCP && o->next_header != HP_PROTO_UDP &&
	    o->next_header != HP_PROTO_ICMP6)
		return true;
	return !hp_csum_l4(&s->hit[from], &s->hit[!from], o->next_header, o->payload,
			   o->len);
}

static bool same_if_there(const json_t *e, const char *name, const uint8_t *p, size_t len)
{
	struct octets want = hex_get(e, name);
	bool good = !json_object_get(e, name) || octets_eq(want, p, len);

	free(want.p);
	return good;
}

static void compare(struct set *s, enum side from, const json_t *e,
		    const struct hp_esp_opened *o, const char *name)
{
	size_t pad = o->payload[o->len] ? 1 : 0;
	uint64_t want_pad = number_get(e, "pad_len", UINT64_MAX);

	/* Padding 1 2 3 .. n is followed by n; without padding n is 0. */
	while (pad && o->payload[o->len + pad - 1] == pad &&
	       o->payload[o->len + pad] == pad + 1)
		pad++;
	check(s,
	      json_object_get(e, "plaintext") &&
		      same_if_there(e, "plaintext", o->payload, o->len),
	      "differs", "%s plaintext", name);
	check(s,
	      same_if_there(e, "padded_plaintext", o->payload, o->len + pad + 2) &&
		      (want_pad == UINT64_MAX || want_pad == pad),
	      "differs", "%s padding", name);
	check(s,
	      number_get(e, "next_header", o->next_header) == o->next_header &&
		      number_get(e, "seq", o->seq) == o->seq,
	      "differ", "%s sequence number and next header", name);
	check(s, seen_inside(s, from, e, o), "not there", "%s seen at the HIT interface",
	      name);
	check(s, transport_ok(s, from, o), "wrong", "%s transport checksum over the HITs",
	      name);
}

static void check_recorded(struct set *s, struct sas *sas, size_t n, const json_t *e)
{
	struct octets pkt = packet_of(e);
	struct hp_esp_opened o;
	enum side from;
	char name[64];
	int err;

	snprintf(name, sizeof(name), "ESP %zu:", n);
	if (check(s, from_of(e, &from) && pkt.p && sas->ready[from],
		  "no direction or packet", "%s is complete", name)) {
		check(s, parts_agree(e, pkt), "differ", "%s packet and its parts", name);
		err = hp_esp_open(&sas->sa[from], pkt.p, pkt.len, &o);
		if (check(s, !err, strerror(-err), "%s opens", name))
			compare(s, from, e, &o, name);
	}
	free(pkt.p);
}

static void check_wire(struct set *s, const struct wire_packet *w, void *arg)
{
	struct sas *sas = arg;
	struct hp_esp_opened o;
	uint8_t *copy;
	int who = -1, err = -ENOENT;

	if (w->proto != HP_PROTO_ESP)
		return;
	for (int i = 0; i < 2 && w->len >= 4; i++)
		if (sas->ready[i] && sas->sa[i].spi == hp_get32(w->p))
			who = i;
	copy = malloc(w->len + 1);
	if (who >= 0 && copy) {
		memcpy(copy, w->p, w->len);
		err = hp_esp_open(&sas->sa[who], copy, w->len, &o);
	}
	if (check(s, !err, who < 0 ? "unknown SPI" : strerror(-err),
		  "packet %u, ESP opens", w->number)) {
		sas->opened++;
		check(s, transport_ok(s, (enum side)who, &o), "wrong",
		      "packet %u, ESP: transport checksum over the HITs", w->number);
	}
	free(copy);
}

static void sas_init(struct set *s, struct sas *sas)
{
	memset(sas, 0, sizeof(*sas));
	for (int i = 0; i < 2; i++)
		sas->ready[i] =
			check(s, !sa_make(s, &sas->sa[i], (enum side)i, s->no_esn),
			      "SPI, suite or keys refused", "SA of the %s", side_name[i]);
}

static void sas_fini(struct sas *sas)
{
	for (int i = 0; i < 2; i++)
		if (sas->ready[i])
			hp_sa_fini(&sas->sa[i]);
}

void check_esp(struct set *s)
{
	const json_t *list = json_object_get(s->json, "esp"), *e;
	enum side from = INITIATOR;
	struct sas sas;
	bool esn;
	size_t n;

	e = json_array_get(list, 0);
	if (!check(s, e && s->have_keys && from_of(e, &from), "none, or no keys",
		   "vectors.json has ESP packets"))
		return;
	esn = opens(s, from, e, false);
	s->no_esn = !esn && opens(s, from, e, true);
	check(s, esn || s->no_esn, "opens neither way",
	      "ICV with the high half of the sequence number %s",
	      esn ? "included" : "left out");

	sas_init(s, &sas);
	json_array_foreach(list, n, e) check_recorded(s, &sas, n + 1, e);
	sas_fini(&sas);

	sas_init(s, &sas);
	if (wire_each(s, check_wire, &sas))
		check(s, sas.opened >= json_array_size(list), "fewer",
		      "%u ESP packets on the wire", sas.opened);
	sas_fini(&sas);
}

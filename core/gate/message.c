/* SPDX-License-Identifier: MIT
 *
 * Messages between hipproxyd and hipproxy-gate (see message.h).
 */
#include "gate/message.h"

#include <errno.h>
#include <string.h>

#define HEADER 12
#define PREFIX 17

static const struct {
	const char *name;
	size_t max_prefixes, min_prefixes, text, max_numbers, min_numbers;
} types[HP_GATE_MSG_TYPES] = {
	[HP_GM_NONE] = { .name = "NONE" },
#define X(e, p, q, t, n, m) [HP_GM_##e] = { #e, p, q, t, n, m },
	HP_GATE_MESSAGES(X)
#undef X
};

const char *hp_gate_msg_name(enum hp_gate_msg_type type)
{
	return (unsigned int)type < HP_GATE_MSG_TYPES ? types[type].name : "UNKNOWN";
}

static bool is_prefix(const struct hp_prefix *p)
{
	if (p->bits > 128 || (hp_addr_is4(&p->addr) && p->bits < 96))
		return false;
	for (unsigned int i = p->bits; i < 128; i++)
		if (p->addr.b[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

static bool is_text(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return true;
}

/* What a type must have and may have. */
static bool fits(const struct hp_gate_msg *m)
{
	size_t text = strlen(m->text);

	if (m->type <= HP_GM_NONE || m->type >= HP_GATE_MSG_TYPES ||
	    m->flags & ~(HP_GATE_BEGIN | HP_GATE_ON))
		return false;
	if (m->n_prefixes > types[m->type].max_prefixes ||
	    m->n_prefixes < types[m->type].min_prefixes ||
	    m->n_numbers > types[m->type].max_numbers ||
	    m->n_numbers < types[m->type].min_numbers)
		return false;
	if ((text && !types[m->type].text) || (!text && types[m->type].text == 2))
		return false;
	for (size_t i = 0; i < m->n_prefixes; i++)
		if (!is_prefix(&m->prefixes[i]))
			return false;
	return is_text(m->text, text);
}

static size_t size_of(size_t prefixes, size_t text, size_t numbers)
{
	return HEADER + prefixes * PREFIX + text + numbers * sizeof(uint64_t);
}

static uint16_t u16_at(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

int hp_gate_msg_parse(const uint8_t *p, size_t len, struct hp_gate_msg *out)
{
	size_t prefixes, text, numbers;

	if (len < HEADER)
		return -EBADMSG;
	prefixes = u16_at(p + 2);
	text = u16_at(p + 8);
	numbers = u16_at(p + 10);
	if (prefixes > HP_GATE_MSG_PREFIXES || text >= HP_GATE_MSG_TEXT ||
	    numbers > HP_GATE_MSG_NUMBERS || len != size_of(prefixes, text, numbers))
		return -EBADMSG;
	out->type = p[0];
	out->flags = p[1];
	memcpy(&out->seq, p + 4, sizeof(out->seq));
	out->n_prefixes = prefixes;
	out->n_numbers = numbers;
	p += HEADER;
	for (size_t i = 0; i < prefixes; i++, p += PREFIX) {
		memcpy(out->prefixes[i].addr.b, p, 16);
		out->prefixes[i].bits = p[16];
	}
	memcpy(out->text, p, text);
	out->text[text] = '\0';
	memcpy(out->numbers, p + text, numbers * sizeof(uint64_t));
	return strlen(out->text) == text && fits(out) ? 0 : -EBADMSG;
}

static uint8_t *put_u16(uint8_t *p, size_t v)
{
	uint16_t n = (uint16_t)v;

	memcpy(p, &n, sizeof(n));
	return p + sizeof(n);
}

int hp_gate_msg_build(const struct hp_gate_msg *m, uint8_t *out, size_t cap)
{
	size_t text, len;
	uint8_t *p = out;

	if (!memchr(m->text, '\0', sizeof(m->text)) || !fits(m))
		return -EINVAL;
	text = strlen(m->text);
	len = size_of(m->n_prefixes, text, m->n_numbers);
	if (len > cap)
		return -ENOSPC;
	*p++ = (uint8_t)m->type;
	*p++ = m->flags;
	p = put_u16(p, m->n_prefixes);
	memcpy(p, &m->seq, sizeof(m->seq));
	p = put_u16(p + sizeof(m->seq), text);
	p = put_u16(p, m->n_numbers);
	for (size_t i = 0; i < m->n_prefixes; i++, p += PREFIX) {
		memcpy(p, m->prefixes[i].addr.b, 16);
		p[16] = m->prefixes[i].bits;
	}
	memcpy(p, m->text, text);
	memcpy(p + text, m->numbers, m->n_numbers * sizeof(uint64_t));
	return (int)len;
}

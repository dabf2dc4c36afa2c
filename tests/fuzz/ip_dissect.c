/* SPDX-License-Identifier: MIT
 *
 * Any octets as an IP packet, with what is done to packets in place: TTL, MSS, ICMP errors.
 */
#include "fuzz.h"

#include "wire/checksum.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include "wire/udp.h"

static void transport(uint8_t *p, const struct hp_ip *ip)
{
	uint8_t *l4 = p + ip->l4_off;
	struct hp_tcp_optinfo opts;
	struct hp_tcp tcp;
	struct hp_udp udp;
	struct hp_icmp icmp;
	uint32_t left, right;

	hp_udp_parse(l4, ip->l4_len, &udp);
	hp_icmp_parse(ip->family, l4, ip->l4_len, &icmp);
	if (hp_tcp_parse(l4, ip->l4_len, &tcp))
		return;
	hp_tcp_optinfo(l4, tcp.hlen, &opts);
	for (unsigned i = 0; i < opts.sack_blocks; i++) {
		hp_tcp_sack_get(l4 + opts.sack_off, i, &left, &right);
		hp_tcp_sack_set(l4, opts.sack_off, i, left + 1, right + 1);
	}
	hp_tcp_mss_clamp(l4, ip->l4_len, 1220, false);
}

static void answer(const uint8_t *p, size_t len, const struct hp_ip *ip)
{
	struct hp_addr from = ip->family == 4 ? hp_addr_from4(0x0100000a)
					      : (struct hp_addr){ { 0x20, 1 } };
	uint8_t out[HP_ICMP6_ERR_MAX];
	struct hp_ip made;

	for (int e = 0; e < HP_ICMP_ERRORS; e++) {
		size_t n = hp_icmp_error_build(out, sizeof(out), (enum hp_icmp_error)e, 1280,
					       &from, ip, p, len);

		if (!n)
			continue;
		HP_FUZZ_HOLDS(!hp_ip_parse(out, n, &made) && made.total_len == n);
		/* An error is never answered by another. */
		HP_FUZZ_HOLDS(!hp_icmp_may_answer(&made, out, 3));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t p[65536 + 64];
	struct hp_ip ip;
	bool good;

	if (size > 65575 || hp_ip_parse(data, size, &ip))
		return 0;
	HP_FUZZ_HOLDS(ip.total_len <= size && ip.l4_off <= ip.total_len);
	HP_FUZZ_HOLDS(ip.l4_off + ip.l4_len == ip.total_len);
	memcpy(p, data, size);
	answer(p, size, &ip);
	good = ip.family == 4 && hp_ip4_csum_ok(p);
	hp_ip_ttl_dec(p);
	HP_FUZZ_HOLDS(!good || hp_ip4_csum_ok(p));
	transport(p, &ip);
	return 0;
}

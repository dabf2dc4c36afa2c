/* SPDX-License-Identifier: MIT
 *
 * ESP packets as ICMP errors quote them, made here octet by octet.
 */
#include "../harness.h"
#include "packets.h"
#include "wire/quote.h"

#include <errno.h>

struct made {
	uint8_t octets[128];
	size_t len, need; /* need: octets without which the quote says nothing */
};

static void put(struct made *m, const void *p, size_t n)
{
	memcpy(m->octets + m->len, p, n);
	m->len += n;
}

static void put_esp(struct made *m)
{
	static const uint8_t esp[] = { 0xc0, 0xff, 0xee, 0x01, 0, 0, 1, 2, 9, 9, 9, 9 };

	m->need = m->len + 8;
	put(m, esp, sizeof(esp));
}

static void put_udp(struct made *m)
{
	static const uint8_t udp[] = { 0x29, 0x04, 0x9c, 0x40, 5, 0x80, 0, 0 };

	put(m, udp, sizeof(udp));
}

/* opts: octets of options. */
static struct made ip4(uint8_t proto, unsigned opts, uint16_t frag)
{
	struct made m = { .len = 0 };
	uint8_t h[60] = { (uint8_t)(0x45 + opts / 4), 0, 0x05, 0xdc, 0, 7, (uint8_t)(frag >> 8),
			  (uint8_t)frag, 63, proto, 0, 0, 192, 0, 2, 1, 198, 51, 100, 9 };

	put(&m, h, 20 + opts);
	return m;
}

static struct made ip6(uint8_t next)
{
	struct hp_addr a = test_addr("2001:db8::1"), b = test_addr("2001:db8::2");
	uint8_t h[8] = { 0x60, 0, 0, 0, 0x05, 0xb4, next, 63 };
	struct made m = { .len = 0 };

	put(&m, h, 8);
	put(&m, a.b, 16);
	put(&m, b.b, 16);
	return m;
}

static int read_made(const struct made *m, size_t len, struct hp_quote *q)
{
	/* Memory of its own, so that a sanitizer sees who reads on. */
	uint8_t *copy = malloc(len ? len : 1);
	int err;

	memcpy(copy, m->octets, len);
	err = hp_quote_esp(m->octets[0] >> 4 == 4 ? 4 : 6, copy, len, q);
	free(copy);
	return err;
}

static void every_length(const struct made *m, struct hp_quote *q)
{
	for (size_t len = 0; len < m->need; len++)
		CU_ASSERT_EQUAL(read_made(m, len, q), -EBADMSG);
	for (size_t len = m->need; len <= m->len; len++)
		CU_ASSERT_EQUAL(read_made(m, len, q), 0);
	CU_ASSERT_EQUAL(q->spi, 0xc0ffee01);
	CU_ASSERT_EQUAL(q->seq, 0x102);
	CU_ASSERT_EQUAL(q->total_len, 1500);
}

static void native_esp_is_read(void)
{
	struct hp_addr src = test_addr("192.0.2.1"), dst = test_addr("198.51.100.9");
	struct hp_quote q;
	struct made m;

	for (unsigned opts = 0; opts <= 40; opts += 4) {
		m = ip4(50, opts, 0x4000);
		put_esp(&m);
		every_length(&m, &q);
		CU_ASSERT(hp_addr_eq(&q.src, &src) && hp_addr_eq(&q.dst, &dst));
		CU_ASSERT_EQUAL(q.sport | q.dport, 0);
	}
	m = ip6(50);
	put_esp(&m);
	every_length(&m, &q);
	src = test_addr("2001:db8::1");
	dst = test_addr("2001:db8::2");
	CU_ASSERT(hp_addr_eq(&q.src, &src) && hp_addr_eq(&q.dst, &dst));
}

static void esp_in_udp_is_read(void)
{
	struct hp_quote q;
	struct made m;

	for (int v6 = 0; v6 < 2; v6++) {
		m = v6 ? ip6(17) : ip4(17, 0, 0x4000);
		put_udp(&m);
		put_esp(&m);
		every_length(&m, &q);
		CU_ASSERT_EQUAL(q.sport, 10500);
		CU_ASSERT_EQUAL(q.dport, 40000);
	}
}

static void only_first_fragments_have_the_header(void)
{
	static const uint8_t first[] = { 50, 0, 0, 1, 0, 0, 0, 1 }, later[] = { 50, 0, 0, 9, 0, 0, 0, 1 };
	struct hp_quote q;
	struct made m = ip4(50, 0, 0x2000);

	put_esp(&m);
	every_length(&m, &q);
	m = ip4(50, 0, 0x2001);
	put_esp(&m);
	CU_ASSERT_EQUAL(read_made(&m, m.len, &q), -ENOMSG);
	m = ip6(44);
	put(&m, first, 8);
	put_esp(&m);
	every_length(&m, &q);
	m = ip6(44);
	put(&m, later, 8);
	put_esp(&m);
	CU_ASSERT_EQUAL(read_made(&m, m.len, &q), -ENOMSG);
}

static void what_is_no_esp_is_refused(void)
{
	static const uint8_t zeros[40];
	struct hp_quote q;
	struct made m;

	for (unsigned proto = 0; proto < 256; proto++) {
		m = ip4((uint8_t)proto, 0, 0);
		put_esp(&m);
		put(&m, zeros, 16);
		CU_ASSERT_EQUAL(read_made(&m, m.len, &q), proto == 50 || proto == 17 ? 0 : -ENOMSG);
	}
	/* HIP in UDP has zeros where ESP has its SPI. */
	m = ip4(17, 0, 0);
	put_udp(&m);
	put(&m, zeros, 40);
	CU_ASSERT_EQUAL(read_made(&m, m.len, &q), -ENOMSG);
	m = ip4(50, 0, 0);
	put_esp(&m);
	m.octets[0] = 0x44;
	CU_ASSERT_EQUAL(read_made(&m, m.len, &q), -EBADMSG);
	CU_ASSERT_EQUAL(hp_quote_esp(6, m.octets, m.len, &q), -EBADMSG);
}

static const struct hp_test tests[] = {
	HP_TEST(native_esp_is_read),
	HP_TEST(esp_in_udp_is_read),
	HP_TEST(only_first_fragments_have_the_header),
	HP_TEST(what_is_no_esp_is_refused),
	HP_TEST_END
};

int main(int argc, char **argv)
{
	return hp_test_main("quote", tests, argc, argv);
}

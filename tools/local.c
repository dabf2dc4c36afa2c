/* SPDX-License-Identifier: MIT
 *
 * The addresses of this machine: see local.h.
 */
#include "tools/local.h"

#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* The kernel's flags of an IPv6 address; getifaddrs does not give them. */
static unsigned flags_of(const struct hp_addr *a)
{
	FILE *f = fopen("/proc/net/if_inet6", "re");
	char hex[33], line[128], want[33];
	unsigned flags = 0, found;

	for (int i = 0; i < 16; i++)
		snprintf(want + 2 * i, 3, "%02x", a->b[i]);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%32s %*x %*x %*x %x", hex, &found) == 2 && !strcmp(hex, want))
			flags = found;
	if (f)
		fclose(f);
	return flags;
}

static bool read_addr(const struct sockaddr *sa, struct hp_addr *out)
{
	if (sa && sa->sa_family == AF_INET) {
		*out = (struct hp_addr){ .b = { [10] = 0xff, [11] = 0xff } };
		memcpy(out->b + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
		return true;
	}
	if (sa && sa->sa_family == AF_INET6) {
		memcpy(out->b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
		return true;
	}
	return false;
}

/* No loopback, no link-local address, no HIT, no Teredo, none that is about to go. */
static bool is_usable(const struct ifaddrs *i, const struct hp_addr *a)
{
	static const unsigned unfit = IFA_F_TEMPORARY | IFA_F_DEPRECATED | IFA_F_TENTATIVE |
				      IFA_F_DADFAILED;

	if ((i->ifa_flags & IFF_LOOPBACK) || hp_addr_is_hit(a) || hp_addr_is_teredo(a))
		return false;
	if (hp_addr_is4(a))
		return a->b[12] != 169 || a->b[13] != 254;
	return !(a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80) && !(flags_of(a) & unfit);
}

size_t hp_local_addresses(struct hp_local *list, size_t max, bool all)
{
	struct ifaddrs *first, *i;
	size_t n = 0;

	if (getifaddrs(&first))
		return 0;
	for (i = first; i && n < max; i = i->ifa_next) {
		struct hp_addr a;

		if (!(i->ifa_flags & IFF_UP) || !read_addr(i->ifa_addr, &a) ||
		    (!all && !is_usable(i, &a)))
			continue;
		list[n].addr = a;
		snprintf(list[n++].iface, sizeof(list->iface), "%s", i->ifa_name);
	}
	freeifaddrs(first);
	return n;
}

/* SPDX-License-Identifier: MIT
 *
 * Services that no HIT reaches, because they listen on IPv4 only (see peers.h).
 */
#include "doctor/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TCP_LISTEN 0x0a /* state in /proc/net/tcp */

static void note(struct hp_listeners *l, uint16_t port, int family)
{
	size_t i = 0;

	while (i < l->n && l->at[i].port != port)
		i++;
	if (i == HP_LISTENERS_MAX)
		return;
	if (i == l->n) {
		l->at[i].port = port;
		l->at[i].v4 = l->at[i].v6 = false;
		l->n++;
	}
	if (family == 4)
		l->at[i].v4 = true;
	else
		l->at[i].v6 = true;
}

/* /proc writes addresses as numbers of the processor's own order. */
static bool is_loopback(int family, const char *hex)
{
	uint32_t word = (uint32_t)strtoul(hex, NULL, 16);
	uint8_t first;

	memcpy(&first, &word, 1);
	if (family == 4)
		return first == 127;
	return !strncmp(hex, "000000000000000000000000", 24) && strncmp(hex + 24, "00000000", 8);
}

void hp_listeners_read(struct hp_listeners *l, int family, const char *text)
{
	char addr[40];
	unsigned int port, state;

	for (const char *s = strchr(text, '\n'); s && *s; s = strchr(s + 1, '\n')) {
		if (sscanf(s, " %*d: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", addr, &port,
			   &state) != 3 ||
		    state != TCP_LISTEN || port > 65535)
			continue;
		if (!is_loopback(family, addr))
			note(l, (uint16_t)port, family);
	}
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t cap = 0;
	ssize_t n = f ? getdelim(&text, &cap, '\0', f) : -1;

	if (f)
		fclose(f);
	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

void hp_listeners_gather(struct hp_listeners *l)
{
	static const struct {
		const char *path;
		int family;
	} files[] = { { "/proc/self/net/tcp", 4 }, { "/proc/self/net/tcp6", 6 } };

	l->n = 0;
	for (size_t i = 0; i < 2; i++) {
		char *text = read_file(files[i].path);

		if (text)
			hp_listeners_read(l, files[i].family, text);
		free(text);
	}
}

static void only4(uint16_t port, enum hp_severity s, const char *asked, struct hp_findings *out)
{
	struct hp_finding *f = hp_find(out, HP_CAUSE_IPV4_ONLY, s,
				       "TCP port %u: the service listens on IPv4 only, and a HIT is "
				       "an IPv6 address, so peers cannot reach it by HIT%s", port,
				       asked);

	hp_cure(f, "let the service listen on [::]:%u   # nginx: listen [::]:%u ipv6only=off;", port,
		port);
}

void hp_judge_asked(const struct hp_listeners *l, uint16_t port, struct hp_findings *out)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->at[i].port == port && l->at[i].v4 && !l->at[i].v6)
			only4(port, HP_SEV_WARNING, "; one has tried", out);
}

void hp_judge_listeners(const struct hp_listeners *l, struct hp_findings *out)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->at[i].v4 && !l->at[i].v6)
			only4(l->at[i].port, HP_SEV_NOTE, "", out);
}

/* SPDX-License-Identifier: MIT
 *
 * hipproxyctl doctor: asks peers by HIP (see doctor.h and hip/inquiry.h).
 *
 * Two I1s at most to each address of a peer without an association: one to its HIT, and if that is
 * not answered one to whoever is there.  Answers are verified and shown; nothing follows from them.
 */
#include "tools/doctor.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hip/inquiry.h"
#include "io/raw.h"
#include "io/rtnlask.h"
#include "tools/ask.h"
#include "util/clock.h"
#include "wire/hip.h"
#include "../plugins/natudp/encap.h"

#define TARGETS_MAX 32   /* addresses that are asked */
#define ROUND_MS    1700 /* an answer is waited for; two rounds outlast ARP's attempts */
#define ROOM	    4096

struct target {
	const struct hp_conf_peer *peer;
	struct hp_addr addr, own;
	bool answered; /* by the peer itself */
	enum hp_hip_why why;
	struct hp_addr shown;
};

struct probe {
	struct hp_doctor *d;
	struct hp_addr local_hit;
	int raw4, raw6, udp4, udp6; /* -1: none */
	struct target at[TARGETS_MAX];
	size_t n;
};

/* ---- sockets */

union any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int open_socket(int family, int type, int proto)
{
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, proto), on = 1;

	if (fd >= 0 && family == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	else if (fd >= 0)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	return fd;
}

static void close_socket(int fd)
{
	if (fd >= 0)
		close(fd);
}

static socklen_t to_sockaddr(const struct hp_addr *a, uint16_t port, union any *out)
{
	memset(out, 0, sizeof(*out));
	if (hp_addr_is4(a)) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(port);
		out->in.sin_addr.s_addr = hp_addr_to4(a);
		return sizeof(out->in);
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons(port);
	memcpy(&out->in6.sin6_addr, a->b, 16);
	return sizeof(out->in6);
}

static struct hp_addr from_sockaddr(const union any *a)
{
	return a->sa.sa_family == AF_INET ? hp_addr_from4(a->in.sin_addr.s_addr) :
					    hp_addr_from6(&a->in6.sin6_addr);
}

/* ---- the questions */

static void note_error(struct target *t, int err)
{
	if (err == ENETUNREACH || err == EHOSTUNREACH)
		t->why = HP_WHY_UNREACHABLE;
}

static void send_native(const struct probe *p, struct target *t, uint8_t *msg, size_t len)
{
	int fd = hp_addr_is4(&t->addr) ? p->raw4 : p->raw6;
	union any to;
	socklen_t n = to_sockaddr(&t->addr, 0, &to);

	if (fd < 0)
		return;
	hp_hip_checksum_set(msg, len, &t->own, &t->addr);
	if (sendto(fd, msg, len, 0, &to.sa, n) < 0)
		note_error(t, errno);
}

/* RFC 5770, section 5.1: behind four octets of zero, without a checksum. */
static void send_udp(const struct probe *p, const struct target *t, const uint8_t *msg, size_t len)
{
	int fd = hp_addr_is4(&t->addr) ? p->udp4 : p->udp6;
	uint8_t buf[NATUDP_MARKER + HP_INQUIRY_MAX] = { 0 };
	union any to;
	socklen_t n = to_sockaddr(&t->addr, NATUDP_PORT, &to);

	if (fd < 0)
		return;
	memcpy(buf + NATUDP_MARKER, msg, len);
	memset(buf + NATUDP_MARKER + HP_HIP_OFF_CSUM, 0, 2);
	if (sendto(fd, buf, NATUDP_MARKER + len, 0, &to.sa, n) < 0)
		return; /* the native one tells enough */
}

static void ask(const struct probe *p, struct target *t, const struct hp_addr *hit)
{
	struct hp_rtnl_ask q = { .dst = t->addr };
	struct hp_rtnl_way way;
	uint8_t msg[HP_INQUIRY_MAX];
	int len = hp_inquiry_build(msg, &p->local_hit, hit);

	if (len < 0 || hp_rtnl_ask(&q, &way)) {
		t->why = HP_WHY_NO_ROUTE;
		return;
	}
	t->own = way.src;
	send_udp(p, t, msg, (size_t)len);
	send_native(p, t, msg, (size_t)len);
}

/* ---- the answers */

static bool was_met_there(const struct probe *p, const struct target *t)
{
	char hit[HP_ADDR_STRLEN], addr[HP_ADDR_STRLEN];
	const char *at;

	at = json_string_value(json_object_get(json_object_get(p->d->daemon, "met"),
					       hp_addr_format(&t->peer->hit, hit)));
	return at && !strcmp(at, hp_addr_format(&t->addr, addr));
}

static void take_answer(const struct probe *p, struct target *t,
			const struct hp_inquiry_answer *a)
{
	bool same = hp_addr_eq(&a->hit, &t->peer->hit);

	if (same && !a->notify) {
		t->answered = true;
	} else if (same && a->notify == HP_NOTIFY_BLOCKED_BY_POLICY) {
		t->why = HP_WHY_POLICY;
	} else if (same) {
		t->why = HP_WHY_REFUSED;
	} else if (!a->notify) {
		t->why = was_met_there(p, t) ? HP_WHY_OTHER_KEY : HP_WHY_OTHER_HIT;
		t->shown = a->hit;
	}
}

static struct target *target_at(struct probe *p, const struct hp_addr *addr)
{
	for (size_t i = 0; i < p->n; i++)
		if (hp_addr_eq(&p->at[i].addr, addr) && !p->at[i].answered)
			return &p->at[i];
	return NULL;
}

/* One message, without IP header.  Several peers may be behind one address. */
static void message(struct probe *p, const struct hp_addr *from, bool in_udp, const uint8_t *msg,
		    size_t len)
{
	struct target *first = target_at(p, from);
	struct hp_inquiry_answer a;
	struct hp_path path = { .dst = *from, .dport = in_udp ? NATUDP_PORT : 0 };

	if (!first)
		return;
	path.src = first->own;
	if (hp_inquiry_read(msg, len, &path, &p->local_hit, &a))
		return;
	for (size_t i = 0; i < p->n; i++)
		if (hp_addr_eq(&p->at[i].addr, from) && !p->at[i].answered)
			take_answer(p, &p->at[i], &a);
}

/* False: there was nothing. */
static bool receive(struct probe *p, int fd, bool v4, bool in_udp)
{
	uint8_t buf[ROOM], *msg = buf;
	union any from;
	socklen_t n = sizeof(from);
	struct hp_addr addr;
	ssize_t len = recvfrom(fd, buf, sizeof(buf), 0, &from.sa, &n);
	size_t skip = 0;

	if (len < 0)
		return errno != EAGAIN; /* an error about what was sent: see the queue */
	addr = from_sockaddr(&from);
	if (in_udp)
		skip = natudp_kind(buf, (size_t)len) == NATUDP_HIP ? NATUDP_MARKER :
									       (size_t)len;
	else if (v4 && len >= 20)
		skip = (buf[0] & 15) * 4u;
	if (skip < (size_t)len)
		message(p, &addr, in_udp, msg + skip, (size_t)len - skip);
	return true;
}

static bool receive_error(struct probe *p, int fd)
{
	static const enum hp_hip_why whys[] = {
		[HP_RAW_ACCEPTED] = HP_WHY_NONE, [HP_RAW_NO_PROTO] = HP_WHY_NO_HIP,
		[HP_RAW_PROHIBITED] = HP_WHY_PROHIBITED, [HP_RAW_UNREACHABLE] = HP_WHY_UNREACHABLE,
	};
	_Alignas(struct cmsghdr) uint8_t ctrl[512];
	union any to = { .sa = { .sa_family = AF_UNSPEC } };
	uint8_t byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov,
			    .msg_iovlen = 1, .msg_control = ctrl, .msg_controllen = sizeof(ctrl) };
	struct sock_extended_err e;
	struct hp_addr addr;
	struct target *t;

	if (recvmsg(fd, &m, MSG_ERRQUEUE) < 0)
		return false;
	addr = from_sockaddr(&to);
	t = target_at(p, &addr);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); t && c; c = CMSG_NXTHDR(&m, c)) {
		if (((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		     (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) &&
		    c->cmsg_len >= CMSG_LEN(sizeof(e))) {
			memcpy(&e, CMSG_DATA(c), sizeof(e));
			if (whys[hp_raw_refusal(&e)])
				t->why = whys[hp_raw_refusal(&e)];
		}
	}
	return true;
}

/* Errors about UDP say nothing of HIP: the port is closed where natudp is not loaded. */
static void drain(struct probe *p, int fd, bool v4, bool in_udp)
{
	while (fd >= 0 && !in_udp && receive_error(p, fd))
		;
	for (int i = 0; fd >= 0 && i < 64 && receive(p, fd, v4, in_udp); i++)
		;
}

static bool all_settled(const struct probe *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->at[i].answered && p->at[i].why == HP_WHY_NONE)
			return false;
	return true;
}

static void wait_round(struct probe *p)
{
	uint64_t end = hp_clock_ms(&hp_clock_monotonic) + ROUND_MS, now;
	struct pollfd fds[] = { { p->raw4, POLLIN, 0 }, { p->raw6, POLLIN, 0 },
				{ p->udp4, POLLIN, 0 }, { p->udp6, POLLIN, 0 } };

	while (!all_settled(p) && (now = hp_clock_ms(&hp_clock_monotonic)) < end) {
		if (poll(fds, 4, (int)(end - now)) < 0 && errno != EINTR)
			return;
		drain(p, p->raw4, true, false);
		drain(p, p->raw6, false, false);
		drain(p, p->udp4, true, true);
		drain(p, p->udp6, false, true);
	}
}

/* ---- who is asked */

/* HITs with which the daemon has an association. */
static json_t *up_peers(const struct hp_doctor *d)
{
	json_t *request = json_pack("{s:s}", "cmd", "associations"), *reply = NULL;
	json_t *up = json_object();
	const json_t *a;
	size_t i;

	if (d->daemon)
		hp_ask(d->ctl, request, true, &reply);
	json_decref(request);
	json_array_foreach(json_object_get(reply, "associations"), i, a) {
		const char *state = json_string_value(json_object_get(a, "state"));
		const char *hit = json_string_value(json_object_get(a, "peer_hit"));

		if (state && hit && (!strcmp(state, "ESTABLISHED") || !strcmp(state, "R2-SENT")))
			json_object_set_new(up, hit, json_true());
	}
	json_decref(reply);
	return up;
}

static void choose(struct probe *p)
{
	const struct hp_conf_peers *peers = &p->d->conf->peers;
	json_t *up = up_peers(p->d);
	char hit[HP_ADDR_STRLEN];

	for (size_t i = 0; i < peers->n; i++) {
		const struct hp_conf_peer *c = &peers->at[i];

		if (json_object_get(up, hp_addr_format(&c->hit, hit)) || hp_doctor_is_own(p->d, &c->hit))
			continue;
		for (size_t k = 0; k < c->addresses.n && p->n < TARGETS_MAX; k++)
			p->at[p->n++] = (struct target){ .peer = c, .addr = c->addresses.at[k] };
	}
	json_decref(up);
}

static const struct hp_key *local_key(const struct hp_doctor *d)
{
	const char *name = d->conf->client.enabled ? d->conf->client.identity :
						     d->conf->host.identity;
	const struct hp_conf_identity *id = hp_conf_identity_find(d->conf, name);

	return id ? d->keys[id - d->conf->identities.at] : NULL;
}

/* ---- what it means */

static void judge(struct probe *p, const struct target *t, bool another_answers)
{
	struct hp_seen_peer s = hp_doctor_seen(t->peer);
	size_t before = p->d->found.n;

	s.addr = t->addr;
	s.shown = t->shown;
	s.why = t->why ? t->why : HP_WHY_SILENT;
	hp_judge_peer(&s, &p->d->found);
	for (size_t i = before; another_answers && i < p->d->found.n; i++)
		p->d->found.at[i].severity = HP_SEV_NOTE;
}

/* The addresses of one peer, n of them.  If one answers, the others are only worth a note. */
static void judge_peer(struct probe *p, const struct target *t, size_t n)
{
	bool answers = false;

	for (size_t i = 0; i < n; i++)
		answers |= t[i].answered;
	hp_findings_forget_peer(&p->d->found, &t->peer->hit);
	for (size_t i = 0; i < n; i++)
		if (!t[i].answered)
			judge(p, &t[i], answers);
}

static void judge_all(struct probe *p)
{
	for (size_t i = 0, n; i < p->n; i += n) {
		for (n = 1; i + n < p->n && p->at[i + n].peer == p->at[i].peer; n++)
			;
		judge_peer(p, &p->at[i], n);
	}
}

static void run(struct probe *p)
{
	for (size_t i = 0; i < p->n; i++)
		ask(p, &p->at[i], &p->at[i].peer->hit);
	wait_round(p);
	for (size_t i = 0; i < p->n; i++)
		if (!p->at[i].answered && p->at[i].why == HP_WHY_NONE)
			ask(p, &p->at[i], NULL);
	wait_round(p);
	judge_all(p);
}

void hp_doctor_peers(struct hp_doctor *d)
{
	struct probe *p = calloc(1, sizeof(*p));
	const struct hp_key *key = local_key(d);
	bool only, in_udp = hp_doctor_uses_udp(d, &only);

	if (!p || !key) {
		free(p);
		return;
	}
	p->d = d;
	p->local_hit = *hp_key_hit(key);
	choose(p);
	p->raw4 = open_socket(AF_INET, SOCK_RAW, 139);
	p->raw6 = open_socket(AF_INET6, SOCK_RAW, 139);
	p->udp4 = in_udp ? open_socket(AF_INET, SOCK_DGRAM, 0) : -1;
	p->udp6 = in_udp ? open_socket(AF_INET6, SOCK_DGRAM, 0) : -1;
	if (p->n && p->raw4 < 0 && p->raw6 < 0)
		hp_find(&d->found, HP_CAUSE_NOT_LOOKED, HP_SEV_NOTE,
			"peers were not asked: no raw socket: %s", strerror(errno));
	else if (p->n)
		run(p);
	close_socket(p->raw4);
	close_socket(p->raw6);
	close_socket(p->udp4);
	close_socket(p->udp6);
	free(p);
}

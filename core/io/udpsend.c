/* SPDX-License-Identifier: MIT
 *
 * Sending HIP and ESP in UDP (see udp.h).
 */
#include "io/udp_internal.h"

#include <errno.h>
#include <string.h>

#include "wire/udpencap.h"

/* Where to, and the control messages; shared by all messages of one call. */
struct target {
	struct encap_family *family;
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;
	size_t ctrl_len;
	_Alignas(struct cmsghdr) uint8_t ctrl[ENCAP_CTRL_ROOM];
};

static void ctrl_add(struct target *t, int level, int type, const void *data, size_t len)
{
	struct cmsghdr c = { .cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type };
	uint8_t *at = t->ctrl + t->ctrl_len;

	memset(at, 0, CMSG_SPACE(len));
	memcpy(at, &c, sizeof(c));
	memcpy(at + CMSG_LEN(0), data, len);
	t->ctrl_len += CMSG_SPACE(len);
}

static void ctrl_source(struct target *t, const struct hp_addr *src)
{
	struct in_pktinfo four = { 0 };
	struct in6_pktinfo six = { 0 };

	if (hp_addr_is_zero(src))
		return;
	if (t->family->family == AF_INET) {
		four.ipi_spec_dst.s_addr = hp_addr_to4(src);
		ctrl_add(t, IPPROTO_IP, IP_PKTINFO, &four, sizeof(four));
	} else {
		memcpy(&six.ipi6_addr, src->b, 16);
		ctrl_add(t, IPPROTO_IPV6, IPV6_PKTINFO, &six, sizeof(six));
	}
}

static void ctrl_header(struct target *t, uint8_t tos, uint8_t ttl)
{
	bool v4 = t->family->family == AF_INET;
	int level = v4 ? IPPROTO_IP : IPPROTO_IPV6, v = tos;

	if (tos)
		ctrl_add(t, level, v4 ? IP_TOS : IPV6_TCLASS, &v, sizeof(v));
	v = ttl;
	if (ttl)
		ctrl_add(t, level, v4 ? IP_TTL : IPV6_HOPLIMIT, &v, sizeof(v));
}

static int target_init(struct target *t, struct hp_encap *e, const struct hp_path *path,
		       uint8_t tos, uint8_t ttl)
{
	bool v4 = hp_addr_is4(&path->dst);

	if (!path->dport || (!hp_addr_is_zero(&path->src) && hp_addr_is4(&path->src) != v4))
		return -EINVAL;
	memset(t, 0, offsetof(struct target, ctrl));
	t->family = v4 ? &e->v4 : &e->v6;
	if (t->family->fd < 0)
		return -EAFNOSUPPORT;
	t->sin.sin_family = AF_INET;
	t->sin.sin_port = htons(path->dport);
	t->sin.sin_addr.s_addr = hp_addr_to4(&path->dst);
	t->sin6.sin6_family = AF_INET6;
	t->sin6.sin6_port = htons(path->dport);
	memcpy(&t->sin6.sin6_addr, path->dst.b, 16);
	ctrl_source(t, &path->src);
	ctrl_header(t, tos, ttl);
	return 0;
}

static struct msghdr header_for(struct target *t, struct iovec *iov, size_t n)
{
	bool v4 = t->family->family == AF_INET;

	return (struct msghdr){
		.msg_name = v4 ? (void *)&t->sin : (void *)&t->sin6,
		.msg_namelen = v4 ? sizeof(t->sin) : sizeof(t->sin6),
		.msg_iov = iov,
		.msg_iovlen = n,
		.msg_control = t->ctrl_len ? t->ctrl : NULL,
		.msg_controllen = t->ctrl_len,
	};
}

/* What has left. */
struct sent {
	uint32_t packets;
	size_t octets;
};

static void sent_add(struct sent *s, uint32_t packets, size_t octets)
{
	s->packets += packets;
	s->octets += octets;
}

static bool queue_full(int err)
{
	return err == EAGAIN || err == ENOBUFS;
}

/* Counts n packets that were not sent, err being the errno value; -errno. */
static int failed(struct hp_encap *e, int err, uint32_t n)
{
	if (queue_full(err)) {
		e->counts.full += n;
		return -EAGAIN;
	}
	if (err != EMSGSIZE)
		e->counts.errors += n;
	return -err;
}

int hp_encap_hip_send(struct hp_encap *e, const struct hp_path *path, const void *msg,
		      size_t len)
{
	static const uint8_t marker[HP_UDPENCAP_MARKER];
	struct iovec iov[2] = { { (void *)(uintptr_t)marker, sizeof(marker) },
				{ (void *)(uintptr_t)msg, len } };
	struct target t;
	struct msghdr m;
	int err = target_init(&t, e, path, 0, 0);

	if (!err)
		err = encap_discover(t.family, ENCAP_CUT_MORE);
	if (err)
		return err;
	m = header_for(&t, iov, 2);
	if (sendmsg(t.family->fd, &m, MSG_DONTWAIT) < 0)
		return failed(e, errno, 1);
	e->counts.hip_out++;
	return 0;
}

/* ---- ESP */

static int send_piece(struct target *t, const uint8_t *data, size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr m = header_for(t, &iov, 1);

	return sendmsg(t->family->fd, &m, MSG_DONTWAIT) < 0 ? errno : 0;
}

/* n packets by one call; errno's value. */
static int send_segments(struct target *t, const uint8_t *data, size_t len, uint16_t seg)
{
	size_t plain = t->ctrl_len;
	int err;

	ctrl_add(t, SOL_UDP, UDP_SEGMENT, &seg, sizeof(seg));
	err = send_piece(t, data, len);
	t->ctrl_len = plain;
	return err;
}

/* One packet a call.  A packet that the kernel refuses does not take the ones behind it along;
 * only a full queue ends the run.  The errno value of the first refusal, *sent counts. */
static int send_each(struct target *t, const uint8_t *data, size_t len, size_t seg,
		     struct sent *sent)
{
	int first = 0;

	for (; len; data += seg, len -= seg) {
		int err;

		if (seg > len)
			seg = len;
		err = send_piece(t, data, seg);
		if (!err)
			sent_add(sent, 1, seg);
		else if (!first)
			first = err;
		if (queue_full(err))
			break;
	}
	return first;
}

/* Packets that fit one call.  UDP_SEGMENT never fragments.  For segments longer than the path's
 * MTU kernels before 6.2 answer EINVAL and later ones EMSGSIZE; for devices without checksum
 * offload the answer is EIO.  So every refusal but a full queue is asked again packet by packet:
 * only that says whether the packet itself is at fault. */
static int send_some(struct hp_encap *e, struct target *t, const uint8_t *data, size_t len,
		     uint16_t seg, struct sent *sent)
{
	int err;

	if (e->no_segment || len <= seg)
		return send_each(t, data, len, seg, sent);
	err = send_segments(t, data, len, seg);
	if (!err)
		sent_add(sent, (uint32_t)((len + seg - 1) / seg), len);
	if (!err || queue_full(err))
		return err;
	e->no_segment = e->no_segment || err == EIO;
	return send_each(t, data, len, seg, sent);
}

static uint32_t per_call(const struct hp_raw_run *run)
{
	uint32_t n = HP_UDPENCAP_BYTES / run->seg;

	return n < 1 ? 1 : n > HP_UDPENCAP_SEGMENTS ? HP_UDPENCAP_SEGMENTS : n;
}

int hp_encap_esp_send(struct hp_encap *e, const struct hp_path *path,
		      const struct hp_raw_run *run, uint32_t *lost)
{
	struct sent sent = { 0 };
	struct target t;
	uint32_t done, n, most;
	int first = 0, err = target_init(&t, e, path, run->tos, run->ttl);

	if (!err && run->n && (!run->seg || run->seg > UINT16_MAX))
		err = -EINVAL;
	if (!err && run->n)
		err = encap_discover(t.family, run->df ? ENCAP_WHOLE : ENCAP_CUT);
	*lost = run->n;
	if (err || !run->n)
		return err;
	most = per_call(run);
	for (done = 0; done < run->n; done += n) {
		size_t len;

		n = run->n - done < most ? run->n - done : most;
		len = (size_t)(n - 1) * run->seg + (done + n == run->n ? run->last : run->seg);
		err = send_some(e, &t, run->data + (size_t)done * run->seg, len,
				(uint16_t)run->seg, &sent);
		if (!first)
			first = err;
		if (queue_full(err))
			break;
	}
	*lost -= sent.packets;
	e->counts.esp_out += sent.packets;
	e->counts.esp_out_bytes += sent.octets;
	return first ? failed(e, first, *lost) : 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Sending HIP and ESP (see raw.h).
 */
#include "io/raw_internal.h"

#include <errno.h>
#include <string.h>

/* Where to, and the control messages; shared by all messages of one call. */
struct target {
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;
	struct raw_family *family;
	size_t ctrl_len;
	_Alignas(struct cmsghdr) uint8_t ctrl[RAW_CTRL_ROOM];
};

static void ctrl_add(struct target *t, int level, int type, const void *data, size_t len)
{
	struct cmsghdr c = {
		.cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type};
	uint8_t *at = t->ctrl + t->ctrl_len;

	memset(at, 0, CMSG_SPACE(len));
	memcpy(at, &c, sizeof(c));
	memcpy(at + CMSG_LEN(0), data, len);
	t->ctrl_len += CMSG_SPACE(len);
}

static void ctrl_source(struct target *t, const struct hp_addr *src)
{
	struct in_pktinfo four = {0};
	struct in6_pktinfo six = {0};

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

static int target_init(struct target *t, struct hp_raw *raw, const struct hp_path *path,
		       uint8_t tos, uint8_t ttl)
{
	bool v4 = hp_addr_is4(&path->dst);

	if (path->dport)
		return -EINVAL;
	if (!hp_addr_is_zero(&path->src) && hp_addr_is4(&path->src) != v4)
		return -EINVAL;
	*t = (struct target){.family = v4 ? &raw->v4 : &raw->v6};
	if (t->family->hip < 0)
		return -EAFNOSUPPORT;
	t->sin.sin_family = AF_INET;
	t->sin.sin_addr.s_addr = hp_addr_to4(&path->dst);
	t->sin6.sin6_family = AF_INET6;
	memcpy(&t->sin6.sin6_addr, path->dst.b, 16);
	ctrl_source(t, &path->src);
	ctrl_header(t, tos, ttl);
	return 0;
}

static struct msghdr header_for(struct target *t, struct iovec *iov)
{
	bool v4 = t->family->family == AF_INET;

	return (struct msghdr){
		.msg_name = v4 ? (void *)&t->sin : (void *)&t->sin6,
		.msg_namelen = v4 ? sizeof(t->sin) : sizeof(t->sin6),
		.msg_iov = iov,
		.msg_iovlen = 1,
		.msg_control = t->ctrl_len ? t->ctrl : NULL,
		.msg_controllen = t->ctrl_len,
	};
}

static bool queue_full(int err)
{
	return err == EAGAIN || err == ENOBUFS;
}

/* Counts n packets that were not sent, err being the errno value; -errno. */
static int failed(struct hp_raw *raw, int err, uint32_t n)
{
	if (queue_full(err)) {
		raw->counts.full += n;
		return -EAGAIN;
	}
	if (err != EMSGSIZE)
		raw->counts.errors += n;
	return -err;
}

int hp_raw_hip_send(struct hp_raw *raw, const struct hp_path *path, const void *msg,
		    size_t len)
{
	struct iovec iov = {(void *)(uintptr_t)msg, len};
	struct target t;
	struct msghdr m;
	int err = target_init(&t, raw, path, 0, 0);

	if (err)
		return err;
	m = header_for(&t, &iov);
	if (sendmsg(t.family->hip, &m, MSG_DONTWAIT) < 0)
		return failed(raw, errno, 1);
	raw->counts.hip_out++;
	return 0;
}

int raw_icmp_send(struct hp_raw *raw, const struct hp_path *path, const void *msg, size_t len)
{
	struct iovec iov = {(void *)(uintptr_t)msg, len};
	struct target t;
	struct msghdr m;
	int err = target_init(&t, raw, path, 0, 0);

	if (err)
		return err;
	m = header_for(&t, &iov);
	return sendmsg(t.family->icmp, &m, MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* The messages of packets from .. from + n. */
static void run_messages(struct target *t, const struct hp_raw_run *run, uint32_t from,
			 unsigned int n, struct mmsghdr *m, struct iovec *iov)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		bool last = from + i == run->n - 1;

		iov[i].iov_base =
			(void *)(uintptr_t)(run->data + (size_t)(from + i) * run->seg);
		iov[i].iov_len = last ? run->last : run->seg;
		m[i].msg_hdr = header_for(t, &iov[i]);
	}
}

/* Sends packets from .. from + n of the run; how many were sent, or 0 and the errno value why the
 * first was not. */
static unsigned int send_batch(struct hp_raw *raw, struct target *t, const struct hp_raw_run *run,
			       uint32_t from, unsigned int n, int *err)
{
	struct mmsghdr m[RAW_BATCH];
	struct iovec iov[RAW_BATCH];
	int sent;

	run_messages(t, run, from, n, m, iov);
	sent = sendmmsg(run->df ? t->family->esp_df : t->family->esp_frag, m, n, MSG_DONTWAIT);
	*err = sent < 0 ? errno : 0;
	if (sent <= 0)
		return 0;
	raw->counts.esp_out += (unsigned int)sent;
	for (n = 0; n < (unsigned int)sent; n++)
		raw->counts.esp_out_bytes += iov[n].iov_len;
	return (unsigned int)sent;
}

int hp_raw_esp_send(struct hp_raw *raw, const struct hp_path *path,
		    const struct hp_raw_run *run, uint32_t *lost)
{
	struct target t;
	uint32_t done = 0, left, sent;
	int first = 0, why, err = target_init(&t, raw, path, run->tos, run->ttl);

	*lost = run->n;
	if (err)
		return err;
	while (done < run->n) {
		left = run->n - done;
		sent = send_batch(raw, &t, run, done, left < RAW_BATCH ? left : RAW_BATCH, &why);
		*lost -= sent;
		/* A refused packet is passed over. */
		done += sent ? sent : 1;
		if (why && !first)
			first = why;
		if (queue_full(why))
			break;
	}
	return first ? failed(raw, first, *lost) : 0;
}

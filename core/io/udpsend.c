/* SPDX-License-Identifier: MIT
 *
 * Sending by a plugin's UDP port (see udp.h).
 */
#include "io/udp_internal.h"

#include <errno.h>

#include "io/target.h"

/* Where to, and by which socket. */
struct target {
	struct hp_target to;
	struct encap_family *family;
};

static int target_init(struct target *t, struct hp_outer_port *e, const struct hp_path *path,
		       uint8_t tos, uint8_t ttl)
{
	if (!path->dport || hp_target_init(&t->to, path, tos, ttl))
		return -EINVAL;
	t->family = t->to.v4 ? &e->v4 : &e->v6;
	return t->family->fd < 0 ? -EAFNOSUPPORT : 0;
}

/* What has been sent. */
struct sent {
	uint32_t packets;
	size_t octets;
};

static void sent_add(struct sent *s, uint32_t packets, size_t octets)
{
	s->packets += packets;
	s->octets += octets;
}

/* Counts n packets that were not sent, err being the errno value; -errno. */
static int failed(struct hp_outer_port *e, int err, uint32_t n)
{
	if (hp_target_full(err)) {
		e->counts.full += n;
		return -EAGAIN;
	}
	if (err != EMSGSIZE)
		e->counts.errors += n;
	return -err;
}

int hp_encap_control_send(struct hp_outer_port *e, const struct hp_path *path, const void *data,
			  size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct target t;
	struct msghdr m;
	int err = target_init(&t, e, path, 0, 0);

	if (!err)
		err = encap_discover(t.family, ENCAP_CUT_MORE);
	if (err)
		return err;
	m = hp_target_message(&t.to, &iov, 1);
	if (sendmsg(t.family->fd, &m, MSG_DONTWAIT) < 0)
		return failed(e, errno, 1);
	e->counts.out++;
	e->counts.out_bytes += len;
	return 0;
}

/* ---- runs */

static int send_piece(struct target *t, const uint8_t *data, size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr m = hp_target_message(&t->to, &iov, 1);

	return sendmsg(t->family->fd, &m, MSG_DONTWAIT) < 0 ? errno : 0;
}

/* n packets by one call; errno's value. */
static int send_segments(struct target *t, const uint8_t *data, size_t len, uint16_t seg)
{
	size_t plain = t->to.ctrl_len;
	int err;

	hp_target_ctrl(&t->to, SOL_UDP, UDP_SEGMENT, &seg, sizeof(seg));
	err = send_piece(t, data, len);
	t->to.ctrl_len = plain;
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
		if (hp_target_full(err))
			break;
	}
	return first;
}

/* Packets that fit one call.  UDP_SEGMENT never fragments.  For segments longer than the path's
 * MTU kernels before 6.2 answer EINVAL and later ones EMSGSIZE; for devices without checksum
 * offload the answer is EIO.  So every refusal but a full queue is asked again packet by packet:
 * only that says whether the packet itself is at fault. */
static int send_some(struct hp_outer_port *e, struct target *t, const uint8_t *data, size_t len,
		     uint16_t seg, struct sent *sent)
{
	int err;

	if (e->no_segment || len <= seg)
		return send_each(t, data, len, seg, sent);
	err = send_segments(t, data, len, seg);
	if (!err)
		sent_add(sent, (uint32_t)((len + seg - 1) / seg), len);
	if (!err || hp_target_full(err))
		return err;
	e->no_segment = e->no_segment || err == EIO;
	return send_each(t, data, len, seg, sent);
}

static uint32_t per_call(const struct hp_raw_run *run)
{
	uint32_t n = ENCAP_BYTES / run->seg;

	return n < 1 ? 1 : n > ENCAP_SEGMENTS ? ENCAP_SEGMENTS : n;
}

int hp_encap_run_send(struct hp_outer_port *e, const struct hp_path *path,
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
		if (hp_target_full(err))
			break;
	}
	*lost -= sent.packets;
	e->counts.out += sent.packets;
	e->counts.out_bytes += sent.octets;
	return first ? failed(e, first, *lost) : 0;
}

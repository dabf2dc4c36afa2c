/* SPDX-License-Identifier: MIT
 *
 * Sending HIP and ESP (see raw.h).
 */
#include "io/raw_internal.h"

#include <errno.h>

#include "io/target.h"

/* Where to, and by which sockets. */
struct target {
	struct hp_target to;
	struct raw_family *family;
};

static int target_init(struct target *t, struct hp_raw *raw, const struct hp_path *path,
		       uint8_t tos, uint8_t ttl)
{
	if (path->dport || hp_target_init(&t->to, path, tos, ttl))
		return -EINVAL;
	t->family = t->to.v4 ? &raw->v4 : &raw->v6;
	return t->family->hip < 0 ? -EAFNOSUPPORT : 0;
}

/* Counts n packets that were not sent, err being the errno value; -errno. */
static int failed(struct hp_raw *raw, int err, uint32_t n)
{
	if (hp_target_full(err)) {
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
	m = hp_target_message(&t.to, &iov, 1);
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
	m = hp_target_message(&t.to, &iov, 1);
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
		m[i].msg_hdr = hp_target_message(&t->to, &iov[i], 1);
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
		if (hp_target_full(why))
			break;
	}
	return first ? failed(raw, first, *lost) : 0;
}

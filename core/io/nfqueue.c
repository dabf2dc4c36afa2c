/* SPDX-License-Identifier: MIT
 *
 * Captured packets by NFQUEUE (see nfqueue.h): queues, receiving.  Verdicts: nfverdict.c.
 *
 * One message brings one packet.  It is received straight into a pool packet; the netlink
 * header and attributes in front of the payload become headroom.
 */
#include "io/nfqueue_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hipproxy/log.h>
#include <hipproxy/wire.h>

/* A message begins here in the buffer: what is before it is headroom for sure. */
#define RX_OFF	   128
#define RX_BUFSIZE (64 << 20)
#define MAX_LEN	   16384

/* What one message says about its packet. */
struct nf_packet {
	uint32_t id, kmark, info, cap_len;
	const uint8_t *payload;
	size_t len;
	bool has_id;
};

/* ---- reading messages */

static uint32_t get_be32(const uint8_t *p, size_t len)
{
	return len >= 4 ? hp_get32(p) : 0;
}

static void attr_read(struct nf_packet *np, uint16_t type, const uint8_t *p, size_t len)
{
	switch (type) {
	case NFQA_PACKET_HDR:
		np->has_id = len >= sizeof(struct nfqnl_msg_packet_hdr);
		np->id = get_be32(p, len);
		break;
	case NFQA_MARK:
		np->kmark = get_be32(p, len);
		break;
	case NFQA_SKB_INFO:
		np->info = get_be32(p, len);
		break;
	case NFQA_CAP_LEN:
		np->cap_len = get_be32(p, len);
		break;
	case NFQA_PAYLOAD:
		np->payload = p;
		np->len = len;
		break;
	default:
		break;
	}
}

/* Attributes are in host order and padded to 4; the last one may be cut short by the end.
 */
static void attrs_read(struct nf_packet *np, const uint8_t *p, size_t left)
{
	struct nlattr a;
	size_t step;

	while (left >= sizeof(a)) {
		memcpy(&a, p, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > left)
			return;
		attr_read(np, a.nla_type & NLA_TYPE_MASK, p + sizeof(a),
			  a.nla_len - sizeof(a));
		step = NLA_ALIGN(a.nla_len);
		if (step > left)
			return;
		p += step;
		left -= step;
	}
}

/* 1: a packet; 0: something else; the error of an NLMSG_ERROR otherwise. */
static int message_read(struct nf_packet *np, const uint8_t *p, size_t len)
{
	struct nlmsghdr h;
	struct nlmsgerr e;

	memset(np, 0, sizeof(*np));
	if (len < sizeof(h))
		return 0;
	memcpy(&h, p, sizeof(h));
	if (h.nlmsg_type == NLMSG_ERROR && len >= sizeof(h) + sizeof(e)) {
		memcpy(&e, p + sizeof(h), sizeof(e));
		return e.error < 0 ? e.error : 0;
	}
	if (h.nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
		return 0;
	if (len < sizeof(h) + sizeof(struct nfgenmsg))
		return 0;
	if (h.nlmsg_len < len)
		len = h.nlmsg_len;
	attrs_read(np, p + sizeof(h) + sizeof(struct nfgenmsg),
		   len - sizeof(h) - sizeof(struct nfgenmsg));
	return np->has_id;
}

/* ---- receiving */

/* Drops what cannot go to the callback. */
static void refuse(struct nfq_queue *q, const struct nf_packet *np, uint64_t *counter)
{
	(*counter)++;
	q->undecided++;
	nfq_verdict_drop(q, np->id);
}

/* Fills in p, whose message has len octets.  False: there is no packet in it. */
static bool read_into(struct nfq_queue *q, struct hp_packet *p, size_t len, bool cut)
{
	struct hp_nfq *nfq = q->nfq;
	struct nf_packet np;
	int r = message_read(&np, p->buf + RX_OFF, len);

	if (r <= 0) {
		nfq->counts.errors += r < 0;
		return false;
	}
	nfq->counts.packets++;
	if (cut || np.cap_len > np.len) {
		refuse(q, &np, &nfq->counts.cut);
		return false;
	}
	if (!np.len) {
		refuse(q, &np, &nfq->counts.malformed);
		return false;
	}
	p->data = p->buf + (np.payload - p->buf);
	p->len = np.len;
	p->gso = np.info & NFQA_SKB_GSO;
	p->csum_partial = np.info & NFQA_SKB_CSUMNOTREADY;
	p->dir = HP_OUTBOUND;
	p->queued = true;
	p->queue_num = q->num;
	p->queue_id = np.id;
	hp_pool_kmark_set(p, np.kmark);
	q->undecided++;
	return true;
}

/* The pool is empty: packets are dropped at the price of reading their ids. */
static void shed(struct nfq_queue *q)
{
	uint8_t head[256];
	struct nf_packet np;
	ssize_t n;
	int i;

	for (i = 0; i < NFQ_BATCH; i++) {
		n = recv(q->fd, head, sizeof(head), MSG_DONTWAIT);
		if (n <= 0)
			return;
		if (message_read(&np, head, (size_t)n) <= 0)
			continue;
		q->nfq->counts.packets++;
		refuse(q, &np, &q->nfq->counts.no_buffer);
	}
}

/* The arrays of one recvmmsg. */
struct rx {
	struct hp_packet *p[NFQ_BATCH];
	struct mmsghdr m[NFQ_BATCH];
	struct iovec iov[NFQ_BATCH][2];
};

/* Super-packets go to big buffers.  Others mostly fit small ones, which are close together; what
 * does not fit stands in the spill. */
static unsigned int buffers_get(struct nfq_queue *q, struct rx *rx)
{
	unsigned int n, max = q->gso ? NFQ_BATCH_GSO : NFQ_BATCH;
	struct hp_pool *pool = q->nfq->pool;

	for (n = 0; n < max; n++) {
		struct hp_packet *p = q->gso ? hp_pool_get(pool) : hp_pool_get_small(pool);

		if (!p)
			break;
		rx->p[n] = p;
		rx->iov[n][0] = (struct iovec){p->buf + RX_OFF, p->cap - RX_OFF};
		if (!q->gso) /* the other queue has no spill */
			rx->iov[n][1] = (struct iovec){q->spill + (size_t)n * NFQ_SPILL, NFQ_SPILL};
		rx->m[n].msg_hdr = (struct msghdr){.msg_iov = rx->iov[n],
						   .msg_iovlen = q->gso ? 1 : 2};
	}
	return n;
}

/* Message i in one buffer; NULL: there is none big enough. */
static struct hp_packet *message_whole(struct nfq_queue *q, struct rx *rx, unsigned int i)
{
	size_t len = rx->m[i].msg_len, first = rx->iov[i][0].iov_len;
	struct hp_packet *p = rx->p[i], *big;

	if (len <= first)
		return p;
	big = hp_pool_get(q->nfq->pool);
	if (big) {
		memcpy(big->buf + RX_OFF, p->buf + RX_OFF, first);
		memcpy(big->buf + RX_OFF + first, rx->iov[i][1].iov_base, len - first);
	}
	hp_pool_put(q->nfq->pool, p);
	return big;
}

/* It is the kernel's to forget, for want of a buffer: its id is in what was read first. */
static void refuse_whole(struct nfq_queue *q, const struct rx *rx, unsigned int i)
{
	struct nf_packet np;

	if (message_read(&np, rx->iov[i][0].iov_base, rx->iov[i][0].iov_len) <= 0)
		return;
	q->nfq->counts.packets++;
	refuse(q, &np, &q->nfq->counts.no_buffer);
}

/* The packet of message i; NULL: there is none. */
static struct hp_packet *receive(struct nfq_queue *q, struct rx *rx, unsigned int i)
{
	bool cut = rx->m[i].msg_hdr.msg_flags & MSG_TRUNC;
	struct hp_packet *p = message_whole(q, rx, i);

	if (!p)
		refuse_whole(q, rx, i);
	else if (read_into(q, p, rx->m[i].msg_len, cut))
		return p;
	hp_pool_put(q->nfq->pool, p);
	return NULL;
}

/* The packets of the first got messages, in rx->p; buffers that are not used go back. */
static unsigned int receive_all(struct nfq_queue *q, struct rx *rx, unsigned int n, int got)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct hp_packet *p = NULL;

		if ((int)i < got)
			p = receive(q, rx, i);
		else
			hp_pool_put(q->nfq->pool, rx->p[i]);
		if (p)
			rx->p[kept++] = p;
	}
	return kept;
}

static void queue_ready(void *ctx, uint32_t events)
{
	struct nfq_queue *q = ctx;
	struct rx rx;
	unsigned int n = buffers_get(q, &rx);
	int got;

	(void)events;
	if (!n) {
		shed(q);
		hp_nfq_flush(q->nfq);
		return;
	}
	got = recvmmsg(q->fd, rx.m, n, MSG_DONTWAIT, NULL);
	if (got < 0 && errno != EAGAIN && errno != EINTR)
		q->nfq->counts.errors++;
	n = receive_all(q, &rx, n, got);
	if (n)
		q->nfq->on_burst(q->nfq->ctx, rx.p, n);
	hp_nfq_flush(q->nfq);
}

/* ---- opening */

/* Is the queue in use?  The kernel says EPERM for that as well as for missing privileges.
 */
static bool queue_taken(uint16_t num)
{
	FILE *f = fopen("/proc/self/net/netfilter/nfnetlink_queue", "re");
	unsigned int n;
	bool taken = false;
	char line[256];

	while (f && !taken && fgets(line, sizeof(line), f))
		taken = sscanf(line, "%u", &n) == 1 && n == num;
	if (f)
		fclose(f);
	return taken;
}

static int open_failed(uint16_t num, int err, struct hp_io_err *e)
{
	if (err == -EPERM && queue_taken(num))
		return hp_io_fail(e, -EBUSY, "NFQUEUE %u: another program has this queue",
				  num);
	if (err == -EPERM)
		return hp_io_fail(e, err, "NFQUEUE %u: CAP_NET_ADMIN is needed", num);
	if (err == -EINVAL || err == -EOPNOTSUPP || err == -EPROTONOSUPPORT ||
	    err == -ENOENT)
		return hp_io_fail(e, err,
				  "NFQUEUE %u: this kernel has no NFQUEUE "
				  "(nfnetlink_queue): %s",
				  num, strerror(-err));
	return hp_io_fail(e, err, "NFQUEUE %u: %s", num, strerror(-err));
}

/* All settings in one message, so that no packet sees half of them. */
static int config_send(struct nfq_queue *q, const struct hp_nfq_cfg *cfg)
{
	char buf[MNL_NLMSG_HDRLEN + 256];
	uint32_t flags = (q->gso ? NFQA_CFG_F_GSO : 0) |
			 (cfg->fail_open ? NFQA_CFG_F_FAIL_OPEN : 0);
	struct nlmsghdr *h = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, q->num);

	h->nlmsg_flags |= NLM_F_ACK;
	nfq_nlmsg_cfg_put_cmd(h, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	nfq_nlmsg_cfg_put_params(h, NFQNL_COPY_PACKET, 0xffff);
	nfq_nlmsg_cfg_put_qmaxlen(h, cfg->max_len ? cfg->max_len : MAX_LEN);
	mnl_attr_put_u32(h, NFQA_CFG_FLAGS, htonl(flags));
	mnl_attr_put_u32(h, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO | NFQA_CFG_F_FAIL_OPEN));
	return send(q->fd, h, h->nlmsg_len, 0) < 0 ? -errno : 0;
}

/* Packets that arrive before the answer (rules of a dead daemon) are dropped. */
static int config_answer(struct nfq_queue *q)
{
	uint8_t head[512];
	struct nf_packet np;
	struct nlmsghdr h;
	ssize_t n;
	int r;

	for (;;) {
		n = recv(q->fd, head, sizeof(head), 0);
		if (n < (ssize_t)sizeof(h))
			return n < 0 ? -errno : -EPROTO;
		r = message_read(&np, head, (size_t)n);
		memcpy(&h, head, sizeof(h));
		if (h.nlmsg_type == NLMSG_ERROR)
			return r;
		if (r > 0)
			refuse(q, &np, &q->nfq->counts.no_buffer);
	}
}

static void socket_tune(int fd)
{
	struct timeval wait = {.tv_sec = 2};
	int size = RX_BUFSIZE, on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* A full socket costs that packet; it must not cost an error for each later read.
	 */
	setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
}

static int queue_open(struct nfq_queue *q, const struct hp_nfq_cfg *cfg,
		      struct hp_io_err *e)
{
	struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	int err;

	q->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (q->fd < 0 || bind(q->fd, (struct sockaddr *)&any, sizeof(any)))
		return open_failed(q->num, -errno, e);
	socket_tune(q->fd);
	err = config_send(q, cfg);
	if (!err)
		err = config_answer(q);
	if (err)
		return open_failed(q->num, err, e);
	err = hp_loop_add(q->nfq->loop, &q->watch, q->fd, EPOLLIN, queue_ready, q);
	return err ? open_failed(q->num, err, e) : 0;
}

int hp_nfq_open(struct hp_loop *loop, struct hp_pool *pool, const struct hp_nfq_cfg *cfg,
		hp_nfq_fn on_burst, void *ctx, struct hp_nfq **out, struct hp_io_err *e)
{
	struct hp_nfq *nfq;
	int i, err = 0;

	if (cfg->queue == UINT16_MAX)
		return hp_io_fail(e, -EINVAL,
				  "NFQUEUE: the queue number is at most 65534, "
				  "because the one after it is used too");
	nfq = calloc(1, sizeof(*nfq));
	if (!nfq)
		return hp_io_fail(e, -ENOMEM, "NFQUEUE: out of memory");
	nfq->loop = loop;
	nfq->pool = pool;
	nfq->mark = cfg->mark;
	nfq->mask = cfg->mask;
	nfq->on_burst = on_burst;
	nfq->ctx = ctx;
	for (i = 0; i < 2; i++)
		nfq->q[i] = (struct nfq_queue){.nfq = nfq,
					       .fd = -1,
					       .gso = i == 0,
					       .num = (uint16_t)(cfg->queue + i)};
	nfq->q[1].spill = hp_room_new((size_t)NFQ_BATCH * NFQ_SPILL);
	if (!nfq->q[1].spill)
		err = hp_io_fail(e, -ENOMEM, "NFQUEUE: out of memory");
	for (i = 0; i < 2 && !err; i++)
		err = queue_open(&nfq->q[i], cfg, e);
	if (err) {
		hp_nfq_close(nfq);
		return err;
	}
	*out = nfq;
	return 0;
}

void hp_nfq_close(struct hp_nfq *nfq)
{
	int i;

	if (!nfq)
		return;
	hp_nfq_flush(nfq);
	for (i = 0; i < 2; i++) {
		hp_loop_del(nfq->loop, &nfq->q[i].watch);
		if (nfq->q[i].fd >= 0)
			close(nfq->q[i].fd);
		hp_room_free(nfq->q[i].spill, (size_t)NFQ_BATCH * NFQ_SPILL);
	}
	free(nfq);
}

struct hp_nfq_counts hp_nfq_counts(const struct hp_nfq *nfq)
{
	struct hp_nfq_counts c = nfq->counts;

	c.undecided = nfq->q[0].undecided + nfq->q[1].undecided;
	return c;
}

/* SPDX-License-Identifier: MIT
 *
 * Addresses and control messages for sendmsg (see target.h).
 */
#include "io/target.h"

#include <errno.h>
#include <string.h>

void hp_target_ctrl(struct hp_target *t, int level, int type, const void *data, size_t len)
{
	struct cmsghdr c = { .cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type };
	uint8_t *at = t->ctrl + t->ctrl_len;

	memset(at, 0, CMSG_SPACE(len));
	memcpy(at, &c, sizeof(c));
	memcpy(at + CMSG_LEN(0), data, len);
	t->ctrl_len += CMSG_SPACE(len);
}

static void ctrl_source(struct hp_target *t, const struct hp_addr *src)
{
	struct in_pktinfo four = { 0 };
	struct in6_pktinfo six = { 0 };

	if (hp_addr_is_zero(src))
		return;
	if (t->v4) {
		four.ipi_spec_dst.s_addr = hp_addr_to4(src);
		hp_target_ctrl(t, IPPROTO_IP, IP_PKTINFO, &four, sizeof(four));
	} else {
		memcpy(&six.ipi6_addr, src->b, 16);
		hp_target_ctrl(t, IPPROTO_IPV6, IPV6_PKTINFO, &six, sizeof(six));
	}
}

static void ctrl_header(struct hp_target *t, uint8_t tos, uint8_t ttl)
{
	int level = t->v4 ? IPPROTO_IP : IPPROTO_IPV6, v = tos;

	if (tos)
		hp_target_ctrl(t, level, t->v4 ? IP_TOS : IPV6_TCLASS, &v, sizeof(v));
	v = ttl;
	if (ttl)
		hp_target_ctrl(t, level, t->v4 ? IP_TTL : IPV6_HOPLIMIT, &v, sizeof(v));
}

int hp_target_init(struct hp_target *t, const struct hp_path *path, uint8_t tos, uint8_t ttl)
{
	memset(t, 0, offsetof(struct hp_target, ctrl));
	t->v4 = hp_addr_is4(&path->dst);
	if (!hp_addr_is_zero(&path->src) && hp_addr_is4(&path->src) != t->v4)
		return -EINVAL;
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

struct msghdr hp_target_message(struct hp_target *t, struct iovec *iov, size_t n)
{
	return (struct msghdr){
		.msg_name = t->v4 ? (void *)&t->sin : (void *)&t->sin6,
		.msg_namelen = t->v4 ? sizeof(t->sin) : sizeof(t->sin6),
		.msg_iov = iov,
		.msg_iovlen = n,
		.msg_control = t->ctrl_len ? t->ctrl : NULL,
		.msg_controllen = t->ctrl_len,
	};
}

bool hp_target_full(int err)
{
	return err == EAGAIN || err == ENOBUFS;
}

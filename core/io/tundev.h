/* SPDX-License-Identifier: MIT
 *
 * The TUN device itself: made, configured, kept, for hipproxy-gate.  Packets: tun.h.
 *
 * A persistent device outlives whoever holds its descriptor: packets then wait in its queue.
 */
#ifndef HP_IO_TUNDEV_H
#define HP_IO_TUNDEV_H

#include <stdbool.h>
#include <stddef.h>

#include <hipproxy/addr.h>

#include "io/err.h"

struct hp_tundev;

struct hp_tundev_cfg {
	const char *name;	 /* "hip0": below 16 octets */
	unsigned int mtu;	 /* octets, 1280..65535 */
	unsigned int txqueuelen; /* packets; 0: 4000 */
	bool persistent;
	bool may_be_held;	 /* another process may have its descriptor */
};

/* Makes the device, or takes over one that is there, and takes it up.  0 and *out, or -errno with a
 * sentence in err: -EBUSY when another process has its descriptor and that is not allowed. */
int hp_tundev_open(const struct hp_tundev_cfg *cfg, struct hp_tundev **out, struct hp_io_err *err);
/* A persistent device stays. */
void hp_tundev_close(struct hp_tundev *dev);
/* Closes it and removes the device. */
void hp_tundev_remove(struct hp_tundev *dev);
/* Removes a TUN device that a process which is gone has left; none is no error.  0, or -errno with a
 * sentence. */
int hp_tundev_delete(const char *name, struct hp_io_err *err);
/* From now on with this MTU, and persistent or not; made again if somebody has deleted it.  0, or -errno
 * with a sentence. */
int hp_tundev_change(struct hp_tundev *dev, const struct hp_tundev_cfg *cfg, struct hp_io_err *err);

/* The descriptor, -1: another process has it. */
int hp_tundev_fd(const struct hp_tundev *dev);
/* That process has given it back.  The descriptor is the device's from then on.  0, or -EINVAL: it is
 * none of this device; then it stays the caller's. */
int hp_tundev_give(struct hp_tundev *dev, int fd);

/* If somebody has deleted the device it is made again, with its addresses and another descriptor; if
 * it was taken down, or given another MTU, it is taken up with its own.  2: made again, 1: there was
 * something to do, 0, or -errno with a sentence. */
int hp_tundev_restore(struct hp_tundev *dev, struct hp_io_err *err);

/* An address (an identity) more or less, /128.  Having it, or not having it, already is
 * no error.  0 or -errno. */
int hp_tundev_addr_add(struct hp_tundev *dev, const struct hp_addr *addr);
int hp_tundev_addr_del(struct hp_tundev *dev, const struct hp_addr *addr);
/* Exactly these.  0, or -errno with a sentence. */
int hp_tundev_addrs(struct hp_tundev *dev, const struct hp_prefix *addrs, size_t n,
		    struct hp_io_err *err);
/* Packets to this prefix are routed to the device.  0 or -errno. */
int hp_tundev_route(struct hp_tundev *dev, const struct hp_prefix *to);

int hp_tundev_index(const struct hp_tundev *dev);
const char *hp_tundev_name(const struct hp_tundev *dev);
/* May a TUN device have this name?  0, or -EEXIST: it is an interface of another kind. */
int hp_tundev_name_check(const char *name);

/* Where all HITs are: 2001:20::/28. */
extern const struct hp_prefix hp_tun_hits;

#endif

/* SPDX-License-Identifier: MIT
 *
 * Making and keeping the TUN device: addresses, routes and settings (see tundev.h).
 */
#include "io/tundev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hipproxy/log.h>

#include "io/rtnl.h"

#define TUN_PATH   "/dev/net/tun"
#define TXQUEUELEN 4000 /* packets: a burst from the other core */
#define ADDRS_MAX  64

struct hp_tundev {
	int fd, ifindex;
	char name[IFNAMSIZ];
	unsigned int mtu, txqueuelen;
	bool persistent, may_be_held;
	struct hp_addr addrs[ADDRS_MAX]; /* to make it again */
	size_t n_addrs;
};

/* RFC 7343, section 2. */
const struct hp_prefix hp_tun_hits = {
	.addr = {.b = {0x20, 0x01, 0x00, 0x20}},
	.bits = 28,
};

/* ---- settings under /proc/sys/net */

static int setting_write(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static bool setting_is(const char *path, const char *value)
{
	FILE *f = fopen(path, "re");
	char line[32] = "";

	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	return !strcmp(line, value);
}

static void setting(const char *family, const char *device, const char *name,
		    const char *value)
{
	char path[128];
	int err;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, device, name);
	if (setting_is(path, value))
		return;
	err = setting_write(path, value);
	if (err)
		hp_log(HP_LOG_IO, HP_LOG_WARNING, "%s could not be set to %s: %s", path,
		       value, strerror(-err));
}

/* What comes from hip0 has authenticated sources that may be routed elsewhere or nowhere,
 * so reverse path filtering must not be strict: off, or loose where "all" (the larger
 * value counts) demands some.  Router advertisements have no business here. */
static void settings_apply(const char *device)
{
	bool off = setting_is("/proc/sys/net/ipv4/conf/all/rp_filter", "0");

	setting("ipv4", device, "rp_filter", off ? "0" : "2");
	if (access("/proc/sys/net/ipv6", F_OK))
		return;
	setting("ipv6", device, "disable_ipv6", "0");
	setting("ipv6", device, "accept_ra", "0");
	setting("ipv6", device, "autoconf", "0");
}

/* ---- the device */

static int device_node(struct hp_io_err *e)
{
	int fd = open(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC), err = errno;

	if (fd >= 0)
		return fd;
	if (err == ENOENT || err == ENODEV || err == ENXIO)
		return hp_io_fail(
			e, -err, "no TUN device: " TUN_PATH " is missing (modprobe tun)");
	return hp_io_fail(e, -err, TUN_PATH ": %s", strerror(err));
}

static int device_attach(struct hp_tundev *dev, int fd, struct hp_io_err *e)
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
	int err;

	memcpy(ifr.ifr_name, dev->name, sizeof(ifr.ifr_name));
	if (!ioctl(fd, TUNSETIFF, &ifr))
		return ioctl(fd, TUNSETPERSIST, dev->persistent) ?
			       hp_io_fail(e, -errno, "TUN device %s: %s", dev->name,
					  strerror(errno)) : 0;
	err = -errno;
	if (err == -EPERM)
		return hp_io_fail(e, err, "TUN device %s: CAP_NET_ADMIN is needed",
				  dev->name);
	if (err == -EBUSY)
		return hp_io_fail(
			e, err, "TUN device %s is in use: is another hipproxyd running?",
			dev->name);
	if (err == -EINVAL)
		return hp_io_fail(e, err,
				  "TUN device %s: an interface of another kind has this "
				  "name, or the kernel's TUN is too old",
				  dev->name);
	return hp_io_fail(e, err, "TUN device %s: %s", dev->name, strerror(-err));
}

static int device_create(struct hp_tundev *dev, struct hp_io_err *e)
{
	int fd = device_node(e), err = fd < 0 ? fd : device_attach(dev, fd, e);

	if (err && fd >= 0)
		close(fd);
	if (err == -EBUSY && dev->may_be_held)
		return 0;
	if (err)
		return err;
	if (dev->fd >= 0)
		close(dev->fd);
	dev->fd = fd;
	return 0;
}

static int device_addresses(struct hp_tundev *dev, struct hp_io_err *e)
{
	char text[HP_ADDR_STRLEN];

	for (size_t i = 0; i < dev->n_addrs; i++) {
		int err = hp_tundev_addr_add(dev, &dev->addrs[i]);

		if (err)
			return hp_io_fail(e, err, "TUN device %s: address %s: %s", dev->name,
					  hp_addr_format(&dev->addrs[i], text), strerror(-err));
	}
	return 0;
}

static int device_up(struct hp_tundev *dev, struct hp_io_err *e)
{
	int err = hp_rtnl_link_up(dev->ifindex, dev->mtu, dev->txqueuelen);

	if (err)
		return hp_io_fail(e, err, "TUN device %s: cannot be taken up with MTU %u: %s",
				  dev->name, dev->mtu, strerror(-err));
	return device_addresses(dev, e);
}

static int device_configure(struct hp_tundev *dev, struct hp_io_err *e)
{
	int err;

	dev->ifindex = (int)if_nametoindex(dev->name);
	if (!dev->ifindex)
		return hp_io_fail(e, -errno, "TUN device %s: %s", dev->name,
				  strerror(errno));
	settings_apply(dev->name);
	err = hp_rtnl_link_no_autoaddr(dev->ifindex);
	if (err)
		hp_log(HP_LOG_IO, HP_LOG_DEBUG, "%s: addr_gen_mode: %s", dev->name,
		       strerror(-err));
	return device_up(dev, e);
}

static int device_make(struct hp_tundev *dev, struct hp_io_err *e)
{
	int err = device_create(dev, e);

	return err ? err : device_configure(dev, e);
}

static void configure(struct hp_tundev *dev, const struct hp_tundev_cfg *cfg)
{
	dev->mtu = cfg->mtu;
	dev->txqueuelen = cfg->txqueuelen ? cfg->txqueuelen : TXQUEUELEN;
	dev->persistent = cfg->persistent;
	dev->may_be_held = cfg->may_be_held;
}

int hp_tundev_open(const struct hp_tundev_cfg *cfg, struct hp_tundev **out, struct hp_io_err *e)
{
	struct hp_tundev *dev;
	int err;

	if (!cfg->name[0] || strlen(cfg->name) >= sizeof(dev->name))
		return hp_io_fail(e, -EINVAL,
				  "TUN device: a name has 1 to 15 characters");
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return hp_io_fail(e, -ENOMEM, "TUN device: out of memory");
	dev->fd = -1;
	configure(dev, cfg);
	snprintf(dev->name, sizeof(dev->name), "%s", cfg->name);
	err = device_make(dev, e);
	if (err) {
		hp_tundev_close(dev);
		return err;
	}
	*out = dev;
	return 0;
}

int hp_tundev_change(struct hp_tundev *dev, const struct hp_tundev_cfg *cfg, struct hp_io_err *e)
{
	configure(dev, cfg);
	if (!if_nametoindex(dev->name))
		return device_make(dev, e);
	if (dev->fd >= 0 && ioctl(dev->fd, TUNSETPERSIST, dev->persistent))
		return hp_io_fail(e, -errno, "TUN device %s: %s", dev->name, strerror(errno));
	return device_configure(dev, e);
}

int hp_tundev_fd(const struct hp_tundev *dev)
{
	return dev->fd;
}

int hp_tundev_give(struct hp_tundev *dev, int fd)
{
	struct ifreq ifr = {.ifr_flags = 0};

	if (ioctl(fd, TUNGETIFF, &ifr) || strncmp(ifr.ifr_name, dev->name, sizeof(dev->name)) ||
	    !(ifr.ifr_flags & IFF_TUN) || !(ifr.ifr_flags & IFF_VNET_HDR) ||
	    ioctl(fd, TUNSETPERSIST, dev->persistent))
		return -EINVAL;
	if (dev->fd >= 0)
		close(dev->fd);
	dev->fd = fd;
	return 0;
}

void hp_tundev_close(struct hp_tundev *dev)
{
	if (!dev)
		return;
	if (dev->fd >= 0)
		close(dev->fd);
	free(dev);
}

void hp_tundev_remove(struct hp_tundev *dev)
{
	if (!dev)
		return;
	if (dev->fd >= 0)
		ioctl(dev->fd, TUNSETPERSIST, 0);
	if (dev->ifindex)
		hp_rtnl_link_del(dev->ifindex);
	hp_tundev_close(dev);
}

int hp_tundev_name_check(const char *name)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	struct ifreq ifr = { .ifr_data = (void *)&info };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	/* Its bus tells a TUN device from a TAP device of the same driver. */
	if (fd >= 0 && !ioctl(fd, SIOCETHTOOL, &ifr))
		err = strcmp(info.driver, "tun") || strcmp(info.bus_info, "tun") ? -EEXIST : 0;
	else if (fd >= 0 && errno != ENODEV && if_nametoindex(name))
		err = -EEXIST;
	if (fd >= 0)
		close(fd);
	return err;
}

int hp_tundev_delete(const char *name, struct hp_io_err *e)
{
	unsigned int ifindex = if_nametoindex(name);
	int err = ifindex && !hp_tundev_name_check(name) ? hp_rtnl_link_del((int)ifindex) : 0;

	return err ? hp_io_fail(e, err, "TUN device %s: %s", name, strerror(-err)) : 0;
}

/* Up, and with the MTU that was asked for: below 1280 the kernel takes IPv6 away. */
static bool device_is_right(struct hp_tundev *dev)
{
	struct ifreq ifr = {.ifr_flags = 0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool right;

	memcpy(ifr.ifr_name, dev->name, sizeof(ifr.ifr_name));
	right = fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &ifr) && ifr.ifr_flags & IFF_UP &&
		!ioctl(fd, SIOCGIFMTU, &ifr) && ifr.ifr_mtu == (int)dev->mtu;
	if (fd >= 0)
		close(fd);
	return right;
}

int hp_tundev_restore(struct hp_tundev *dev, struct hp_io_err *e)
{
	char name[IF_NAMESIZE];
	int err;

	if (!if_indextoname((unsigned int)dev->ifindex, name)) {
		err = device_make(dev, e);
		return err ? err : 2;
	}
	memcpy(dev->name, name, sizeof(dev->name));
	if (device_is_right(dev))
		return 0;
	err = device_configure(dev, e);
	return err ? err : 1;
}

int hp_tundev_addr_add(struct hp_tundev *dev, const struct hp_addr *addr)
{
	int err = hp_rtnl_addr(dev->ifindex, addr, true);

	if (err && err != -EEXIST)
		return err;
	return hp_addr_is4(addr) ? 0 : hp_rtnl_route_add(dev->ifindex, &hp_tun_hits);
}

int hp_tundev_addr_del(struct hp_tundev *dev, const struct hp_addr *addr)
{
	int err = hp_rtnl_addr(dev->ifindex, addr, false);

	return err == -EADDRNOTAVAIL ? 0 : err;
}

static bool has_addr(const struct hp_tundev *dev, const struct hp_addr *addr)
{
	for (size_t i = 0; i < dev->n_addrs; i++)
		if (hp_addr_eq(&dev->addrs[i], addr))
			return true;
	return false;
}

int hp_tundev_addrs(struct hp_tundev *dev, const struct hp_prefix *addrs, size_t n,
		    struct hp_io_err *e)
{
	struct hp_addr before[ADDRS_MAX];
	size_t n_before = dev->n_addrs;

	memcpy(before, dev->addrs, sizeof(before));
	for (dev->n_addrs = 0; dev->n_addrs < n && dev->n_addrs < ADDRS_MAX; dev->n_addrs++)
		dev->addrs[dev->n_addrs] = addrs[dev->n_addrs].addr;
	for (size_t i = 0; i < n_before; i++)
		if (!has_addr(dev, &before[i]))
			hp_tundev_addr_del(dev, &before[i]);
	return device_addresses(dev, e);
}

int hp_tundev_index(const struct hp_tundev *dev)
{
	return dev->ifindex;
}

const char *hp_tundev_name(const struct hp_tundev *dev)
{
	return dev->name;
}

int hp_tundev_route(struct hp_tundev *dev, const struct hp_prefix *to)
{
	return hp_rtnl_route_add(dev->ifindex, to);
}

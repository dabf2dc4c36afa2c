/* SPDX-License-Identifier: MIT
 *
 * Making the TUN device: offloads, addresses, route and settings (see tun.h).
 */
#include "io/tun_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
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

static int device_create(struct hp_tun *tun, struct hp_io_err *e)
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
	int err;

	memcpy(ifr.ifr_name, tun->name, sizeof(ifr.ifr_name));
	if (!ioctl(tun->fd, TUNSETIFF, &ifr))
		return 0;
	err = -errno;
	if (err == -EPERM)
		return hp_io_fail(e, err, "TUN device %s: CAP_NET_ADMIN is needed",
				  tun->name);
	if (err == -EBUSY)
		return hp_io_fail(
			e, err, "TUN device %s is in use: is another hipproxyd running?",
			tun->name);
	if (err == -EINVAL)
		return hp_io_fail(e, err,
				  "TUN device %s: an interface of another kind has this "
				  "name, or the kernel's TUN is too old",
				  tun->name);
	return hp_io_fail(e, err, "TUN device %s: %s", tun->name, strerror(-err));
}

static int device_offloads(struct hp_tun *tun, struct hp_io_err *e)
{
	unsigned int offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	int size = (int)sizeof(struct virtio_net_hdr);

	tun->uso = !ioctl(tun->fd, TUNSETOFFLOAD, offloads | TUN_F_USO4 | TUN_F_USO6);
	if (ioctl(tun->fd, TUNSETVNETHDRSZ, &size) ||
	    (!tun->uso && ioctl(tun->fd, TUNSETOFFLOAD, offloads)))
		return hp_io_fail(e, -errno,
				  "TUN device %s: the kernel refuses offloads: %s",
				  tun->name, strerror(errno));
	return 0;
}

static int device_addresses(struct hp_tun *tun, struct hp_io_err *e)
{
	char text[HP_ADDR_STRLEN];

	for (size_t i = 0; i < tun->n_addrs; i++) {
		int err = hp_tun_addr_add(tun, &tun->addrs[i]);

		if (err)
			return hp_io_fail(e, err, "TUN device %s: address %s: %s", tun->name,
					  hp_addr_format(&tun->addrs[i], text), strerror(-err));
	}
	return 0;
}

static int device_up(struct hp_tun *tun, struct hp_io_err *e)
{
	int err = hp_rtnl_link_up(tun->ifindex, tun->mtu, tun->txqueuelen);

	if (err)
		return hp_io_fail(e, err, "TUN device %s: cannot be taken up with MTU %u: %s",
				  tun->name, tun->mtu, strerror(-err));
	return device_addresses(tun, e);
}

static int device_configure(struct hp_tun *tun, struct hp_io_err *e)
{
	int err;

	tun->ifindex = (int)if_nametoindex(tun->name);
	if (!tun->ifindex)
		return hp_io_fail(e, -errno, "TUN device %s: %s", tun->name,
				  strerror(errno));
	settings_apply(tun->name);
	err = hp_rtnl_link_no_autoaddr(tun->ifindex);
	if (err)
		hp_log(HP_LOG_IO, HP_LOG_DEBUG, "%s: addr_gen_mode: %s", tun->name,
		       strerror(-err));
	return device_up(tun, e);
}

static int device_make(struct hp_tun *tun, struct hp_io_err *e)
{
	int err = device_create(tun, e);

	if (!err)
		err = device_offloads(tun, e);
	if (!err)
		err = device_configure(tun, e);
	if (err || tun->watch.added)
		return err;
	err = hp_loop_add(tun->loop, &tun->watch, tun->fd, EPOLLIN, tun_ready, tun);
	return err ? hp_io_fail(e, err, "TUN device %s: %s", tun->name, strerror(-err)) : 0;
}

static struct hp_tun *tun_new(const struct hp_tun_cfg *cfg)
{
	struct hp_tun *tun = calloc(1, sizeof(*tun));

	if (!tun)
		return NULL;
	tun->fd = -1;
	tun->mtu = cfg->mtu;
	tun->txqueuelen = cfg->txqueuelen ? cfg->txqueuelen : TXQUEUELEN;
	tun->addrs = calloc(cfg->n_addrs + 1, sizeof(*tun->addrs));
	if (!tun->addrs) {
		free(tun);
		return NULL;
	}
	for (; tun->n_addrs < cfg->n_addrs; tun->n_addrs++)
		tun->addrs[tun->n_addrs] = cfg->addrs[tun->n_addrs];
	return tun;
}

int hp_tun_open(struct hp_loop *loop, struct hp_pool *pool, const struct hp_tun_cfg *cfg,
		hp_tun_fn on_packet, void *ctx, struct hp_tun **out, struct hp_io_err *e)
{
	struct hp_tun *tun;
	int err;

	if (!cfg->name[0] || strlen(cfg->name) >= sizeof(tun->name))
		return hp_io_fail(e, -EINVAL,
				  "TUN device: a name has 1 to 15 characters");
	tun = tun_new(cfg);
	if (!tun)
		return hp_io_fail(e, -ENOMEM, "TUN device: out of memory");
	tun->loop = loop;
	tun->pool = pool;
	tun->on_packet = on_packet;
	tun->ctx = ctx;
	snprintf(tun->name, sizeof(tun->name), "%s", cfg->name);
	tun->fd = device_node(e);
	err = tun->fd < 0 ? tun->fd : device_make(tun, e);
	if (err) {
		hp_tun_close(tun);
		return err;
	}
	*out = tun;
	return 0;
}

void hp_tun_close(struct hp_tun *tun)
{
	if (!tun)
		return;
	hp_loop_del(tun->loop, &tun->watch);
	if (tun->fd >= 0)
		close(tun->fd);
	free(tun->addrs);
	free(tun);
}

int hp_tun_name_check(const char *name)
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

/* Up, and with the MTU that was asked for: below 1280 the kernel takes IPv6 away. */
static bool device_is_right(struct hp_tun *tun)
{
	struct ifreq ifr = {.ifr_flags = 0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool right;

	memcpy(ifr.ifr_name, tun->name, sizeof(ifr.ifr_name));
	right = fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &ifr) && ifr.ifr_flags & IFF_UP &&
		!ioctl(fd, SIOCGIFMTU, &ifr) && ifr.ifr_mtu == (int)tun->mtu;
	if (fd >= 0)
		close(fd);
	return right;
}

int hp_tun_restore(struct hp_tun *tun, struct hp_io_err *e)
{
	char name[IF_NAMESIZE];
	int err;

	if (if_indextoname((unsigned int)tun->ifindex, name)) {
		memcpy(tun->name, name, sizeof(tun->name));
		if (device_is_right(tun))
			return 0;
		err = device_configure(tun, e);
	} else {
		err = device_make(tun, e);
		if (err) /* a descriptor without a device is always ready */
			hp_loop_del(tun->loop, &tun->watch);
	}
	return err ? err : 1;
}

int hp_tun_addr_add(struct hp_tun *tun, const struct hp_addr *addr)
{
	int err = hp_rtnl_addr(tun->ifindex, addr, true);

	if (err && err != -EEXIST)
		return err;
	return hp_addr_is4(addr) ? 0 : hp_rtnl_route_add(tun->ifindex, &hp_tun_hits);
}

int hp_tun_addr_del(struct hp_tun *tun, const struct hp_addr *addr)
{
	int err = hp_rtnl_addr(tun->ifindex, addr, false);

	return err == -EADDRNOTAVAIL ? 0 : err;
}

int hp_tun_index(const struct hp_tun *tun)
{
	return tun->ifindex;
}

const char *hp_tun_name(const struct hp_tun *tun)
{
	return tun->name;
}

int hp_tun_route(struct hp_tun *tun, const struct hp_prefix *to)
{
	return hp_rtnl_route_add(tun->ifindex, to);
}

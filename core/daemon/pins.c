/* SPDX-License-Identifier: MIT
 *
 * Pinned HITs, in memory by address and in a file.
 */
#include "daemon/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hipproxy/log.h>

#include "crypto/rand.h"
#include "daemon/files.h"
#include "util/hash.h"
#include "util/list.h"

struct pin {
	struct hp_hnode node;
	struct hp_addr addr, hit;
};

struct hp_pins {
	struct hp_htab tab;
	struct hp_hash_key key;
	struct hp_tokens log_rate;
	char *path;
	int fd; /* for appending; -1 until the first new pin */
};

static bool pin_eq(const struct hp_hnode *n, const void *key)
{
	return hp_addr_eq(&HP_CONTAINER(n, struct pin, node)->addr, key);
}

static struct pin *find(const struct hp_pins *pins, const struct hp_addr *addr)
{
	struct hp_hnode *n = hp_htab_find(&pins->tab, hp_hash(&pins->key, addr, sizeof(*addr)),
					  pin_eq, addr);

	return n ? HP_CONTAINER(n, struct pin, node) : NULL;
}

static int add(struct hp_pins *pins, const struct hp_addr *addr, const struct hp_addr *hit)
{
	struct pin *pin = find(pins, addr);

	if (!pin) {
		pin = calloc(1, sizeof(*pin));
		if (!pin)
			return -ENOMEM;
		pin->addr = *addr;
		if (hp_htab_add(&pins->tab, &pin->node,
				hp_hash(&pins->key, addr, sizeof(*addr)))) {
			free(pin);
			return -ENOSPC;
		}
	}
	pin->hit = *hit;
	return 0;
}

/* ---- the file */

/* 0, or -EINVAL. */
static int read_line(struct hp_pins *pins, char *line)
{
	struct hp_addr addr, hit;
	char *save, *a, *h;

	line[strcspn(line, "#\r\n")] = '\0';
	a = strtok_r(line, " \t", &save);
	if (!a)
		return 0;
	h = strtok_r(NULL, " \t", &save);
	if (!h || strtok_r(NULL, " \t", &save) || hp_addr_parse(a, &addr) ||
	    hp_addr_parse(h, &hit) || !hp_addr_is_hit(&hit))
		return -EINVAL;
	return add(pins, &addr, &hit);
}

static int read_file(struct hp_pins *pins, struct hp_io_err *e)
{
	FILE *f = fopen(pins->path, "re");
	char line[256];
	int err = 0;

	if (!f)
		return errno == ENOENT ? 0 :
			hp_io_fail(e, -errno, "%s: %s", pins->path, strerror(errno));
	for (unsigned int n = 1; !err && fgets(line, sizeof(line), f); n++) {
		err = read_line(pins, line);
		if (err)
			hp_io_fail(e, err, "%s:%u: %s", pins->path, n, err == -EINVAL ?
				   "expected ADDRESS HIT" : strerror(-err));
	}
	/* A directory can be opened, but not read. */
	if (!err && ferror(f))
		err = hp_io_fail(e, -EIO, "%s: can't be read", pins->path);
	fclose(f);
	return err;
}

static int append(struct hp_pins *pins, const struct hp_addr *addr, const struct hp_addr *hit)
{
	char a[HP_ADDR_STRLEN], h[HP_ADDR_STRLEN], line[2 * HP_ADDR_STRLEN + 2];
	int n = snprintf(line, sizeof(line), "%s %s\n", hp_addr_format(addr, a),
			 hp_addr_format(hit, h));

	if (pins->fd < 0)
		pins->fd = open(pins->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (pins->fd < 0)
		return -errno;
	if (write(pins->fd, line, (size_t)n) != n || fdatasync(pins->fd))
		return errno ? -errno : -ENOSPC;
	return 0;
}

/* ---- */

static struct hp_pins *pins_new(const char *path)
{
	struct hp_pins *pins = calloc(1, sizeof(*pins));

	if (!pins)
		return NULL;
	pins->fd = -1;
	hp_tokens_init(&pins->log_rate, 1, 5);
	pins->path = strdup(path);
	if (pins->path && !hp_rand_fill(&hp_rand_system, &pins->key, sizeof(pins->key)) &&
	    !hp_htab_init(&pins->tab, HP_PINS_MAX))
		return pins;
	hp_pins_close(pins);
	return NULL;
}

int hp_pins_open(const char *path, struct hp_pins **out, struct hp_io_err *e)
{
	struct hp_pins *pins = pins_new(path);
	int err;

	*out = NULL;
	if (!pins)
		return hp_io_fail(e, -ENOMEM, "%s: out of memory", path);
	err = hp_file_folder(path);
	if (err)
		hp_io_fail(e, err, "%s: %s", path, strerror(-err));
	else
		err = read_file(pins, e);
	if (err) {
		hp_pins_close(pins);
		return err;
	}
	*out = pins;
	return 0;
}

int hp_pins_try(const char *path, struct hp_io_err *e)
{
	struct hp_pins *pins = pins_new(path);
	int err = pins ? read_file(pins, e) : hp_io_fail(e, -ENOMEM, "%s: out of memory", path);

	hp_pins_close(pins);
	return err;
}

static int free_pin(struct hp_hnode *n, void *arg)
{
	struct hp_pins *pins = arg;

	hp_htab_del(&pins->tab, n);
	free(HP_CONTAINER(n, struct pin, node));
	return 0;
}

void hp_pins_close(struct hp_pins *pins)
{
	if (!pins)
		return;
	if (pins->tab.slots) {
		hp_htab_each(&pins->tab, free_pin, pins);
		hp_htab_fini(&pins->tab);
	}
	if (pins->fd >= 0)
		close(pins->fd);
	free(pins->path);
	free(pins);
}

int hp_pins_check(struct hp_pins *pins, const struct hp_addr *addr, const struct hp_addr *hit)
{
	char a[HP_ADDR_STRLEN], h[HP_ADDR_STRLEN], was[HP_ADDR_STRLEN];
	struct hp_log_about about = { .peer = hit, .peer_at = addr };
	const struct pin *pin = find(pins, addr);
	int err;

	if (pin && hp_addr_eq(&pin->hit, hit))
		return 0;
	hp_addr_format(addr, a);
	hp_addr_format(hit, h);
	if (pin) {
		about.reason = "pin-changed";
		hp_log_about(HP_LOG_CORE, HP_LOG_ERROR, &about,
			     "%s shows HIT %s, but %s is pinned for it in %s: refused. If its "
			     "key was changed on purpose, remove that line and reload; "
			     "otherwise somebody is in between",
			     a, h, hp_addr_format(&pin->hit, was), pins->path);
		return -EACCES;
	}
	err = append(pins, addr, hit);
	if (!err)
		err = add(pins, addr, hit);
	about.reason = err ? "pin-failed" : "pinned";
	about.limit = err ? &pins->log_rate : NULL;
	if (err)
		hp_log_about(HP_LOG_CORE, HP_LOG_ERROR, &about,
			     "%s: HIT of %s can't be pinned: %s", pins->path, a, strerror(-err));
	else
		hp_log_about(HP_LOG_CORE, HP_LOG_NOTICE, &about, "HIT %s is pinned for %s", h, a);
	return err;
}

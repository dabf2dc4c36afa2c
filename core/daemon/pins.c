/* SPDX-License-Identifier: MIT
 *
 * Pinned HITs, in memory by address and in a file.
 */
#include "daemon/pins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	struct hp_lines_bad bad;
	struct hp_keeper *keeper; /* NULL: nothing is written */
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

static int read_pin(void *ctx, char *const *words, int n)
{
	struct hp_addr addr, hit;

	if (n != 2 || hp_addr_parse(words[0], &addr) || hp_addr_parse(words[1], &hit) ||
	    !hp_addr_is_hit(&hit))
		return -EINVAL;
	return add(ctx, &addr, &hit);
}

static struct hp_pins *pins_new(void)
{
	struct hp_pins *pins = calloc(1, sizeof(*pins));

	if (!pins)
		return NULL;
	hp_tokens_init(&pins->log_rate, 1, 5);
	if (!hp_rand_fill(&hp_rand_system, &pins->key, sizeof(pins->key)) &&
	    !hp_htab_init(&pins->tab, HP_PINS_MAX))
		return pins;
	hp_pins_close(pins);
	return NULL;
}

/* An edit of the file that was made meanwhile wins. */
static int read_new_pin(void *ctx, char *const *words, int n)
{
	struct hp_addr addr;

	if (n && !hp_addr_parse(words[0], &addr) && find(ctx, &addr))
		return 0;
	return read_pin(ctx, words, n);
}

static void take_over(void *ctx, const char *edits)
{
	hp_lines_apply(edits, read_new_pin, ctx);
}

static int keep(struct hp_pins *pins, const char *path, const struct hp_disk *disk,
		const struct hp_pins *before)
{
	if (before && !strcmp(hp_keeper_path(before->keeper), path)) {
		pins->keeper = hp_keeper_ref(before->keeper);
		hp_keeper_pending(pins->keeper, take_over, pins);
	} else {
		pins->keeper = hp_keeper_new(disk, path);
	}
	return pins->keeper ? 0 : -ENOMEM;
}

int hp_pins_open(const char *path, const struct hp_disk *disk, const struct hp_pins *before,
		 struct hp_pins **out, struct hp_io_err *e)
{
	struct hp_pins *pins = pins_new();
	int err;

	*out = NULL;
	if (!pins)
		return hp_io_fail(e, -ENOMEM, "%s: out of memory", path);
	err = hp_file_folder(path);
	if (err)
		hp_io_fail(e, err, "%s: %s", path, strerror(-err));
	if (!err)
		err = hp_lines_read(path, read_pin, pins, &pins->bad, e);
	if (!err && keep(pins, path, disk, before))
		err = hp_io_fail(e, -ENOMEM, "%s: out of memory", path);
	if (err) {
		hp_pins_close(pins);
		return err;
	}
	*out = pins;
	return 0;
}

int hp_pins_try(const char *path, struct hp_lines_bad *bad, struct hp_io_err *e)
{
	struct hp_pins *pins = pins_new();
	int err = pins ? hp_lines_read(path, read_pin, pins, bad, e) :
			 hp_io_fail(e, -ENOMEM, "%s: out of memory", path);

	hp_pins_close(pins);
	return err;
}

const struct hp_lines_bad *hp_pins_bad(const struct hp_pins *pins)
{
	return &pins->bad;
}

int hp_pins_error(const struct hp_pins *pins)
{
	return hp_keeper_error(pins->keeper);
}

const char *hp_pins_path(const struct hp_pins *pins)
{
	return hp_keeper_path(pins->keeper);
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
	hp_keeper_unref(pins->keeper);
	free(pins);
}

/* It counts as soon as it is in memory. */
static int pin_new(struct hp_pins *pins, const struct hp_addr *addr, const struct hp_addr *hit)
{
	char a[HP_ADDR_STRLEN], h[HP_ADDR_STRLEN], line[2 * HP_ADDR_STRLEN + 1];
	int err = pins->tab.count < HP_PINS_MAX ? 0 : -ENOSPC;

	snprintf(line, sizeof(line), "%s %s", hp_addr_format(addr, a), hp_addr_format(hit, h));
	if (!err)
		err = hp_keeper_edit(pins->keeper, '+', line);
	return err ? err : add(pins, addr, hit);
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
			     a, h, hp_addr_format(&pin->hit, was), hp_pins_path(pins));
		return -EACCES;
	}
	err = pin_new(pins, addr, hit);
	about.reason = err ? "pin-failed" : "pinned";
	about.limit = err ? &pins->log_rate : NULL;
	if (err)
		hp_log_about(HP_LOG_CORE, HP_LOG_ERROR, &about,
			     "%s: HIT of %s can't be pinned: %s", hp_pins_path(pins), a, strerror(-err));
	else
		hp_log_about(HP_LOG_CORE, HP_LOG_NOTICE, &about, "HIT %s is pinned for %s", h, a);
	return err;
}

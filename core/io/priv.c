/* SPDX-License-Identifier: MIT
 *
 * Giving up privileges (see priv.h).
 */
#include "io/priv.h"

#include <errno.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

static const cap_value_t kept[] = {CAP_NET_ADMIN, CAP_NET_RAW};

#define N_KEPT ((int)(sizeof(kept) / sizeof(kept[0])))

int hp_priv_check(struct hp_io_err *e)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t have;
	int i, missing = 0;

	if (!caps)
		return hp_io_fail(e, -errno, "capabilities: %s", strerror(errno));
	for (i = 0; i < N_KEPT; i++)
		missing |= cap_get_flag(caps, kept[i], CAP_EFFECTIVE, &have) ||
			   have != CAP_SET;
	cap_free(caps);
	if (missing)
		return hp_io_fail(e, -EPERM,
				  "must be started as root, or with CAP_NET_ADMIN and "
				  "CAP_NET_RAW");
	return 0;
}

/* Needs CAP_SETPCAP; a daemon started without it has no larger set to give away. */
static int bounding_reduce(void)
{
	cap_value_t c;
	int i, keep;

	for (c = 0; cap_get_bound(c) >= 0; c++) {
		for (keep = i = 0; i < N_KEPT; i++)
			keep |= kept[i] == c;
		if (!keep && cap_get_bound(c) > 0 && cap_drop_bound(c) && errno != EPERM)
			return -errno;
	}
	return 0;
}

/* A reload looks at key files again, which belong to the service's user: user 0 needs this to do so.
 * Programs started later do not get it. */
static int keep_reading(cap_t caps)
{
	static const cap_value_t read_files = CAP_DAC_READ_SEARCH;
	cap_t now = cap_get_proc();
	cap_flag_value_t have = CAP_CLEAR;
	int err = 0;

	if (!now)
		return -errno;
	if (cap_get_flag(now, read_files, CAP_PERMITTED, &have) ||
	    (have == CAP_SET &&
	     (cap_set_flag(caps, CAP_PERMITTED, 1, &read_files, CAP_SET) ||
	      cap_set_flag(caps, CAP_EFFECTIVE, 1, &read_files, CAP_SET))))
		err = -errno;
	cap_free(now);
	return err;
}

static int caps_reduce(void)
{
	cap_t caps = cap_init();
	int err = 0;

	if (!caps)
		return -errno;
	if (cap_set_flag(caps, CAP_PERMITTED, N_KEPT, kept, CAP_SET) ||
	    cap_set_flag(caps, CAP_EFFECTIVE, N_KEPT, kept, CAP_SET) ||
	    cap_set_flag(caps, CAP_INHERITABLE, N_KEPT, kept, CAP_SET))
		err = -errno;
	if (!err)
		err = keep_reading(caps);
	if (!err && cap_set_proc(caps))
		err = -errno;
	cap_free(caps);
	return err;
}

/* Programs started by another user than 0 get the two capabilities as ambient ones. */
static int ambient_raise(void)
{
	int i;

	for (i = 0; i < N_KEPT; i++) {
		if (cap_set_ambient(kept[i], CAP_SET))
			return -errno;
	}
	return 0;
}

int hp_priv_drop(struct hp_io_err *e)
{
	int err = bounding_reduce();

	if (!err)
		err = caps_reduce();
	if (!err)
		err = ambient_raise();
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (!err && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		err = -errno;
	if (err)
		return hp_io_fail(e, err, "giving up privileges: %s", strerror(-err));
	return 0;
}

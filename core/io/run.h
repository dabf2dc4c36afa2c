/* SPDX-License-Identifier: MIT
 *
 * Runs a helper program (iptables-restore, nft) without a shell and waits for it.
 */
#ifndef HP_IO_RUN_H
#define HP_IO_RUN_H

#include <stddef.h>

#define HP_RUN_TIMEOUT_MS 20000

struct hp_run {
	char *out; /* standard output, ends in a zero octet; malloc'ed, free it */
	size_t out_len;
	char errors[400]; /* standard error, on one line, cut to fit */
	int status;	  /* exit status; 128 + signal if it was killed */
};

/* The absolute path of an installed program in /usr/sbin, /sbin, /usr/bin, /bin; NULL. */
const char *hp_run_find(const char *name, char *buf, size_t cap);
/* argv[0] is a name for hp_run_find; input (may be NULL) goes to standard input.  The
 * environment is PATH and LC_ALL only.  0 when the program ran, whatever its status;
 * -ENOENT not installed, -ETIMEDOUT it was killed after HP_RUN_TIMEOUT_MS, or another
 * -errno.  r is always filled; r->out may be NULL after an error. */
int hp_run(const char *const *argv, const char *input, struct hp_run *r);

#endif

/* SPDX-License-Identifier: MIT
 *
 * For debugging: keys of packets in a file that Wireshark and tshark read, as lines of their
 * table "esp_sa".  Only if the administrator has named a file.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon/files.h"

static int start(struct hp_daemon *d)
{
	const char *path = d->conf->esp.keylog;
	int fd;

	if (!*path)
		return 0;
	hp_file_folder(path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		d->keylog.file = fdopen(fd, "a");
	if (!d->keylog.file) {
		int err = hp_daemon_fail(-errno, path);

		if (fd >= 0)
			close(fd);
		return err;
	}
	hp_log(HP_LOG_CORE, HP_LOG_WARNING,
	       "esp.keylog: keys are written to %s; whoever reads it can read the traffic", path);
	return 0;
}

static const char *encryption(uint16_t suite)
{
	switch (suite) {
	case HP_ESPSUITE_AES_GCM_8:
		return "AES-GCM with 8 octet ICV [RFC4106]";
	case HP_ESPSUITE_AES_GCM_16:
		return "AES-GCM with 16 octet ICV [RFC4106]";
	case HP_ESPSUITE_NULL_SHA256:
		return "NULL";
	default:
		return "AES-CBC [RFC3602]";
	}
}

static void print_hex(FILE *f, const uint8_t *b, size_t n)
{
	fputs(n ? "\"0x" : "\"", f);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%02x", b[i]);
	fputc('"', f);
}

void hp_keylog_sa(void *ctx, const struct hp_assoc *a, const struct hp_sa *sa,
		  const struct hp_keypair *keys)
{
	struct hp_daemon *d = ctx;
	FILE *f = d->keylog.file;
	int err;

	errno = 0;
	fprintf(f, "\"%s\",\"*\",\"*\",\"0x%08x\",\"%s\",",
		hp_addr_is4(&hp_assoc_path(a)->dst) ? "IPv4" : "IPv6", sa->spi,
		encryption(sa->suite->id));
	print_hex(f, keys->enc, keys->enc_len);
	fprintf(f, ",\"%s\",", keys->mac_len ? "HMAC-SHA-256-128 [RFC4868]" : "NULL");
	print_hex(f, keys->mac, keys->mac_len);
	fputc('\n', f);
	err = fflush(f) || ferror(f) ? -(errno ? errno : EIO) : 0;
	clearerr(f);
	if (!err != !d->keylog.err)
		hp_daemon_file_told(d, d->conf->esp.keylog, err);
	d->keylog.err = err;
}

static void stop(struct hp_daemon *d)
{
	if (d->keylog.file)
		fclose(d->keylog.file);
	d->keylog.file = NULL;
}

const struct hp_part hp_part_keylog = { "key log", start, stop, NULL };

/* SPDX-License-Identifier: MIT
 *
 * Private keys in PEM files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "crypto/key_int.h"

/* An encrypted file must fail, not ask on the terminal. */
static int no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static int check_mode(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	return st.st_mode & (S_IRWXG | S_IRWXO) ? -EPERM : 0;
}

int hp_key_load(const char *path, struct hp_key **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;
	EVP_PKEY *pkey;
	FILE *f;

	if (fd < 0)
		return -errno;
	err = check_mode(fd);
	f = err ? NULL : fdopen(fd, "r");
	if (!f) {
		err = err ? err : -ENOMEM;
		close(fd);
		return err;
	}
	pkey = PEM_read_PrivateKey(f, NULL, no_password, NULL);
	fclose(f);
	return pkey ? hp_key_wrap(pkey, true, NULL, 0, out) : -EBADMSG;
}

const char *hp_key_load_error(int err)
{
	switch (err) {
	case -ENOENT:
		return "the file does not exist";
	case -EACCES:
		return "the file may not be read";
	case -EPERM:
		return "group or others may access the file: its mode must be 0600 or "
		       "0400";
	case -EBADMSG:
		return "the file holds no unencrypted PEM private key";
	case -ENOTSUP:
		return "the key is neither RSA nor ECDSA on P-256 or P-384";
	case -EKEYREJECTED:
		return "an RSA key must have 2048 to 8192 bits and a short exponent";
	case -ENOMEM:
		return "out of memory";
	default:
		return "the file cannot be read";
	}
}

int hp_key_save(const struct hp_key *k, const char *path)
{
	int fd, err = 0;
	FILE *f;

	if (!hp_key_is_private(k))
		return -EINVAL;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	f = fdopen(fd, "w");
	if (!f) {
		close(fd);
		unlink(path);
		return -ENOMEM;
	}
	if (PEM_write_PKCS8PrivateKey(f, hp_key_pkey(k), NULL, NULL, 0, NULL, NULL) != 1)
		err = -EIO;
	if (fflush(f) || fsync(fd))
		err = -EIO;
	if (fclose(f))
		err = -EIO;
	if (err)
		unlink(path);
	return err;
}

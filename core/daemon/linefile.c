/* SPDX-License-Identifier: MIT
 *
 * Text files of entries: tolerant reading, atomic writing (see linefile.h).
 */
#include "daemon/linefile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hipproxy/addr.h>

/* ---- reading */

static FILE *open_plain(const char *path, int *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	FILE *f = NULL;

	*err = fd < 0 ? -errno : 0;
	if (!*err && (fstat(fd, &st) || !S_ISREG(st.st_mode)))
		*err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (!*err && !(f = fdopen(fd, "r")))
		*err = -ENOMEM;
	if (fd >= 0 && !f)
		close(fd);
	return f;
}

/* Cuts line into words; how many, HP_LINE_WORDS + 1 if there are more. */
static int split(char *line, char *words[HP_LINE_WORDS])
{
	char *save, *w;
	int n = 0;

	line[strcspn(line, "#\r\n")] = '\0';
	for (w = strtok_r(line, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
		if (n == HP_LINE_WORDS)
			return n + 1;
		words[n++] = w;
	}
	return n;
}

static int take(char *line, hp_line_fn fn, void *ctx)
{
	char *words[HP_LINE_WORDS];
	int n = split(line, words);

	if (n > HP_LINE_WORDS)
		return -EINVAL;
	return n ? fn(ctx, words, n) : 0;
}

static void note_bad(struct hp_lines_bad *bad, unsigned int at)
{
	if (bad->n < HP_LINES_BAD)
		bad->at[bad->n] = at;
	bad->n++;
}

static int read_lines(FILE *f, hp_line_fn fn, void *ctx, struct hp_lines_bad *bad)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int err = 0;

	for (unsigned int n = 1; !err && (len = getline(&line, &cap, f)) > 0; n++) {
		bad->no_newline = line[len - 1] != '\n';
		/* A zero octet would hide what follows it. */
		err = strlen(line) < (size_t)len ? -EINVAL : take(line, fn, ctx);
		if (err == -EINVAL)
			note_bad(bad, n);
		bad->full |= err == -ENOSPC;
		if (err == -EINVAL || err == -ENOSPC)
			err = 0;
	}
	free(line);
	return err ? err : ferror(f) ? -EIO : 0;
}

int hp_lines_read(const char *path, hp_line_fn fn, void *ctx, struct hp_lines_bad *bad,
		  struct hp_io_err *e)
{
	FILE *f;
	int err;

	*bad = (struct hp_lines_bad){ .n = 0 };
	f = open_plain(path, &err);
	if (err == -ENOENT)
		return 0;
	if (err == -ELOOP)
		return hp_io_fail(e, err, "%s: is a symbolic link; expected a file", path);
	if (!err)
		err = read_lines(f, fn, ctx, bad);
	if (f)
		fclose(f);
	return err ? hp_io_fail(e, err, "%s: can't be read: %s", path, strerror(-err)) : 0;
}

int hp_lines_apply(const char *edits, hp_line_fn fn, void *ctx)
{
	char *copy = strdup(edits), *save, *line;
	int err = copy ? 0 : -ENOMEM;

	for (line = copy ? strtok_r(copy, "\n", &save) : NULL; line && !err;
	     line = strtok_r(NULL, "\n", &save))
		err = *line == '+' ? take(line + 1, fn, ctx) : 0;
	free(copy);
	return err;
}

void hp_lines_complain(const char *path, unsigned int at, const char *what,
		       struct hp_io_err *out)
{
	hp_io_fail(out, -EINVAL, "%s:%u: expected %s; the line is skipped", path, at, what);
}

/* ---- writing */

static bool begins_with(const char *line, const struct hp_addr *addr)
{
	char word[HP_ADDR_STRLEN];
	struct hp_addr a;
	size_t n;

	line += strspn(line, " \t");
	n = strcspn(line, " \t#\r\n");
	if (!n || n >= sizeof(word))
		return false;
	memcpy(word, line, n);
	word[n] = '\0';
	return !hp_addr_parse(word, &a) && hp_addr_eq(&a, addr);
}

/* Does one of the edits from here on remove this line? */
static bool removed(const char *line, const char *edits)
{
	for (; *edits; edits += strcspn(edits, "\n"), edits += *edits == '\n') {
		char word[HP_ADDR_STRLEN];
		size_t n = strcspn(edits, "\n");
		struct hp_addr addr;

		if (*edits != '-' || n > sizeof(word))
			continue;
		memcpy(word, edits + 1, n - 1);
		word[n - 1] = '\0';
		if (!hp_addr_parse(word, &addr) && begins_with(line, &addr))
			return true;
	}
	return false;
}

static int copy_old(FILE *from, FILE *to, const char *edits)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	bool failed = false;
	int failed_with;

	while (!failed && (len = getline(&line, &cap, from)) > 0) {
		if (removed(line, edits))
			continue;
		failed = fwrite(line, 1, (size_t)len, to) != (size_t)len;
		/* Nothing is glued to a line whose end was lost. */
		if (!failed && line[len - 1] != '\n')
			failed = fputc('\n', to) == EOF;
	}
	failed_with = failed ? -errno : 0;
	free(line);
	return failed_with ? failed_with : ferror(from) || ferror(to) ? -EIO : 0;
}

static void add_new(FILE *to, const char *edits)
{
	while (*edits) {
		size_t n = strcspn(edits, "\n");
		const char *rest = edits + n + (edits[n] == '\n');

		if (*edits == '+' && !removed(edits + 1, rest))
			fprintf(to, "%.*s\n", (int)(n - 1), edits + 1);
		edits = rest;
	}
}

static int sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd, err = 0;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (fd < 0 || fsync(fd))
		err = -errno;
	if (fd >= 0)
		close(fd);
	/* Some file systems can't, and then need not (FUSE). */
	return err == -EINVAL ? 0 : err;
}

/* Mode and owner stay as they were. */
static FILE *make_beside(const char *beside, FILE *old, int *err)
{
	int fd;
	struct stat st;
	FILE *f;

	unlink(beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	*err = fd < 0 ? -errno : 0;
	if (*err)
		return NULL;
	if (old && !fstat(fileno(old), &st))
		(void)!(fchown(fd, st.st_uid, st.st_gid) | fchmod(fd, st.st_mode & 0777));
	f = fdopen(fd, "w");
	if (!f) {
		close(fd);
		*err = -ENOMEM;
	}
	return f;
}

/* An error of writing shows with the flush at the latest; errno says what it was. */
static int write_all(FILE *old, FILE *to, const char *edits)
{
	int err = old ? copy_old(old, to, edits) : 0;

	if (!err)
		add_new(to, edits);
	errno = EIO;
	if (fflush(to) || ferror(to) || fsync(fileno(to)))
		return -errno;
	return err;
}

static int edit(const char *path, const char *beside, const char *edits)
{
	int err, close_err;
	FILE *old = open_plain(path, &err), *to;

	if (err && err != -ENOENT)
		return err;
	to = make_beside(beside, old, &err);
	if (to) {
		err = write_all(old, to, edits);
		close_err = fclose(to) ? -errno : 0;
		err = err ? err : close_err;
	}
	if (!err && rename(beside, path))
		err = -errno;
	if (err)
		unlink(beside);
	if (old)
		fclose(old);
	return err ? err : sync_folder(path);
}

int hp_lines_edit(const char *path, const char *edits)
{
	char *beside;
	int err;

	if (asprintf(&beside, "%s.new", path) < 0)
		return -ENOMEM;
	err = edit(path, beside, edits);
	free(beside);
	return err;
}

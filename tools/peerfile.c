/* SPDX-License-Identifier: MIT
 *
 * Files of peers: see peerfile.h.
 */
#include "tools/peerfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/place.h"

static const char mark[] = "# Written by hipproxyctl peer add; hipproxyctl peer remove deletes it.\n";

static bool folder_of(const char *conf_path, char folder[PATH_MAX])
{
	char copy[PATH_MAX];

	if (strlen(conf_path) >= sizeof(copy))
		return false;
	strcpy(copy, conf_path);
	return snprintf(folder, PATH_MAX, "%s/conf.d", dirname(copy)) < PATH_MAX;
}

bool hp_peerfile_path(const char *conf_path, const char *name, char path[PATH_MAX])
{
	char folder[PATH_MAX];

	return folder_of(conf_path, folder) &&
	       snprintf(path, PATH_MAX, "%s/%s.conf", folder, name) < PATH_MAX;
}

char *hp_peerfile_read(const char *path, size_t max, size_t *len)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	char *text = fd < 0 ? NULL : malloc(max + 2);
	ssize_t n = 1;

	*len = 0;
	while (text && n > 0 && *len <= max) {
		n = read(fd, text + *len, max + 1 - *len);
		if (n > 0)
			*len += (size_t)n;
	}
	if (text && (n < 0 || *len > max)) {
		errno = n < 0 ? errno : EFBIG;
		free(text);
		text = NULL;
	} else if (text) {
		text[*len] = '\0';
	}
	if (fd >= 0)
		close(fd);
	return text;
}

bool hp_peerfile_is_ours(const char *path)
{
	char head[sizeof(mark)] = "";
	FILE *f = fopen(path, "re");
	bool ours = f && fgets(head, sizeof(head), f) && !strcmp(head, mark);

	if (f)
		fclose(f);
	return ours;
}

int hp_peerfile_write(const char *path, const struct hp_conf_peers *peers)
{
	struct hp_owner service = hp_owner_of_service(), owner = { geteuid(), service.gid };
	char *text = NULL;
	bool made = false;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int err;

	if (!f)
		return -ENOMEM;
	fputs(mark, f);
	hp_peertext_print(f, peers);
	if (fclose(f) || !text)
		return -ENOMEM;
	/* The service reads it and does not write it. */
	err = hp_place_folder(path, 0750, &owner, &made);
	if (!err)
		err = hp_place_write(path, text, 0640, &owner, false);
	free(text);
	return err;
}

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 5 && !strcmp(e->d_name + n - 5, ".conf");
}

void hp_peerfile_each(const char *conf_path, void (*fn)(void *ctx, const char *path), void *ctx)
{
	char folder[PATH_MAX], path[PATH_MAX];
	struct dirent **list;
	int n;

	if (!folder_of(conf_path, folder))
		return;
	n = scandir(folder, &list, is_conf, alphasort);
	for (int i = 0; i < n; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", folder, list[i]->d_name) < PATH_MAX &&
		    hp_peerfile_is_ours(path))
			fn(ctx, path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

/* ---- hipproxyd -t */

/* Beside this program, where a build has it, or where it is installed. */
static void find_daemon(char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0) {
		self[n] = '\0';
		if (snprintf(path, PATH_MAX, "%s/hipproxyd", dirname(self)) < PATH_MAX &&
		    !access(path, X_OK))
			return;
	}
	snprintf(path, PATH_MAX, "%s/hipproxyd", HP_SBIN_DIR);
}

bool hp_peerfile_check(const char *conf_path)
{
	char path[PATH_MAX], name[] = "hipproxyd", test[] = "-t", config[] = "-c";
	char *argv[] = { name, test, config, (char *)conf_path, NULL };
	posix_spawn_file_actions_t files;
	int status = -1, err;
	pid_t pid;

	find_daemon(path);
	if (posix_spawn_file_actions_init(&files))
		return false;
	err = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (!err)
		err = posix_spawn(&pid, path, &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (err) {
		fprintf(stderr, "hipproxyctl: %s: %s\n", path, strerror(err));
		return false;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

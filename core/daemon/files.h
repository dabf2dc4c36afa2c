/* SPDX-License-Identifier: MIT
 *
 * Where the daemon's own files are.
 */
#ifndef HP_DAEMON_FILES_H
#define HP_DAEMON_FILES_H

/* Makes the folder that path lies in (0755) if only its last part is missing.  0 or -errno. */
int hp_file_folder(const char *path);
/* Could this process write a file there, after hp_file_folder?  Makes nothing.  0; -EISDIR;
 * -ENOENT: more than one folder is missing; -EACCES and others as open(2) would say. */
int hp_file_try(const char *path);

#endif

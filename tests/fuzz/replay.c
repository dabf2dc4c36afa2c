/* SPDX-License-Identifier: MIT
 *
 * Stands in for libFuzzer: runs a target over files.  Without arguments it takes every file of
 * tests/fuzz/corpus/NAME, NAME being the program's name after "fuzz-", and fails if there is
 * none.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(1 << 20), *exact = NULL;
	size_t n;

	if (!f || !data) {
		perror(path);
		free(data);
		if (f)
			fclose(f);
		return 1;
	}
	n = fread(data, 1, 1 << 20, f);
	fclose(f);
	/* Exactly as many octets as the input has, so that a sanitizer sees what lies beyond. */
	exact = malloc(n ? n : 1);
	if (exact) {
		memcpy(exact, data, n);
		LLVMFuzzerTestOneInput(exact, n);
	}
	free(exact);
	free(data);
	return 0;
}

static int run_dir(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char file[4352];
	int bad = 0, ran = 0;

	if (!d) {
		perror(path);
		return 1;
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		bad |= run_file(file);
		ran++;
	}
	closedir(d);
	printf("%s: %d inputs\n", path, ran);
	return bad || !ran;
}

int main(int argc, char **argv)
{
	const char *src = getenv("srcdir"), *name = strstr(argv[0], "fuzz-");
	char dir[4096];
	int bad = 0;

	for (int i = 1; i < argc; i++)
		bad |= run_file(argv[i]);
	if (argc > 1)
		return bad;
	while (name && strstr(name + 1, "fuzz-"))
		name = strstr(name + 1, "fuzz-");
	snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s", src ? src : ".",
		 name ? name + 5 : "");
	return run_dir(dir);
}

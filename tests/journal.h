/* SPDX-License-Identifier: MIT
 *
 * A journal of the test's own: a socket that log entries are sent to.
 */
#ifndef HP_TESTS_JOURNAL_H
#define HP_TESTS_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

/* Where it is, or will be; the folder is made at the first call and removed at exit. */
const char *hp_test_journal_path(void);
/* From then on hp_log's entries of the target journal come here. */
void hp_test_journal_start(void);
void hp_test_journal_stop(void);
/* The next entry, ended by a zero; false: there is none. */
bool hp_test_journal_read(char *buf, size_t size, size_t *len);

#endif

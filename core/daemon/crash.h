/* SPDX-License-Identifier: MIT
 *
 * A report of a crash: signal, address and the functions that were running, to standard error and to a
 * file.  No memory is written, for keys are in it; core dumps are off for that reason.
 */
#ifndef HP_DAEMON_CRASH_H
#define HP_DAEMON_CRASH_H

/* From now on; file: path of the report, written when it is needed; NULL: standard error alone.  With
 * sanitizers, which report by themselves, nothing. */
void hp_crash_report_to(const char *file);

#endif

/* SPDX-License-Identifier: MIT */
/* Checks of opening and reading files; see table.c. */
#ifndef NU_CHECK_FILE_H
#define NU_CHECK_FILE_H

void nu_file_open(void);
void nu_file_read(void);
void nu_file_cached(void);

#endif

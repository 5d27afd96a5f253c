/* SPDX-License-Identifier: MIT */
/*
 * Where something can fail: each allocation, system call, submission and completion is a point, in
 * the order in which a run comes to them. A run of a script is watched once, to count its points;
 * then each of them fails in turn, with each error that it may have, once in a run.
 */
#ifndef NU_TESTS_SIM_FAULTS_H
#define NU_TESTS_SIM_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A point: 0, or the error (> 0) that it is to fail with, of those that it may have; they end with
 * 0. */
int sim_fault(const char *what, const int *errors);

/* The fault of this run has been. */
bool sim_fault_was(void);

/* Memory of the simulation's own, zeroed; it never fails. And how much the library holds. */
void *sim_alloc(size_t n);
void *sim_resize(void *p, size_t n);
void sim_release(void *p);
long sim_held(void);

/* Runs all scripts with all of their faults; or, with `only` ("server:17:ENOMEM"), that one. Ends
 * the program when one goes wrong. */
void sim_faults(const char *only);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * What is done while each thing fails in turn (faults.h): short programs, whose every step may be
 * told of the fault. What must hold: it ends in time; what is said to have been done was; when the
 * fault has been, all works; and nothing is left.
 */
#ifndef NU_TESTS_SIM_SCRIPTS_H
#define NU_TESTS_SIM_SCRIPTS_H

struct sim_script {
    const char *name;
    void (*run)(void); /* the program, a simulated thread */
    unsigned ways;     /* it is run in: undisturbed, and with others in between here and there */
    unsigned from;     /* for sim_tcp_reset() */
};

extern const struct sim_script sim_scripts[]; /* ends with NULL */

#endif

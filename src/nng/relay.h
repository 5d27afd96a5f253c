/* SPDX-License-Identifier: MIT */
/*
 * Operations of NNG's on an aio of ours: nng_send_aio() and its like. Each aio of ours that is used
 * so keeps one of NNG's, on which the operation really is.
 */
#ifndef NU_NNG_RELAY_H
#define NU_NNG_RELAY_H

/* Ends all operations with NNG_ECLOSED, and what is begun from here on, too. The loops run. */
void nu_relay_stop(void);

/* Frees NNG's aios, after that. */
void nu_relay_end(void);

#endif

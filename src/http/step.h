/* SPDX-License-Identifier: MIT */
/* How a session goes on: what those it asks (dispatch, exchange, file) return to its driver. */
#ifndef NU_HTTP_STEP_H
#define NU_HTTP_STEP_H

enum nu_step {
    NU_STEP_NEXT,     /* look at what the client has sent next */
    NU_STEP_ANSWERED, /* the request in hand is: its response is in the batch, or written already */
    NU_STEP_COLLECT,  /* more of the body is to be received for the handler */
    NU_STEP_CALL,     /* the exchange is complete: call the handler */
    NU_STEP_SEND,     /* a part of a file is to be written */
    NU_STEP_WAIT,     /* for an event: a handler, a file's operation, the session's read or write */
    NU_STEP_GIVE_UP,  /* no answer can be given: break the connection */

    /* the session's own */
    NU_STEP_DRAIN,     /* throw away what is left of a body that nobody wants */
    NU_STEP_LINGER,    /* say good-bye, and close when the peer has noticed */
    NU_STEP_LINGER_ON, /* it has sent something all the same */
    NU_STEP_CLOSE,     /* nothing is left to say */
};

#endif

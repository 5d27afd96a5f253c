/* SPDX-License-Identifier: MIT */
#include "io/aio_data.h"

#include "base/clock.h"
#include "io/aio.h"
#include "io/runtime.h"

#include <string.h>

/* ---- What the caller sets ----------------------------------------------------------------- */

void nng_aio_set_timeout(nng_aio *aio, nng_duration ms)
{
    aio->timeout = ms;
    aio->use_expire = false;
}

void nng_aio_set_expire(nng_aio *aio, nng_time when)
{
    aio->expire = when;
    aio->use_expire = true;
}

int nng_aio_set_iov(nng_aio *aio, unsigned niov, const nng_iov *iov)
{
    if (niov > NU_AIO_IOVS || (niov > 0 && iov == NULL)) {
        return NNG_EINVAL;
    }
    size_t total = 0;
    for (unsigned i = 0; i < niov; i++) {
        if (__builtin_add_overflow(total, iov[i].iov_len, &total)) {
            return NNG_EINVAL;
        }
    }
    for (unsigned i = 0; i < niov; i++) {
        aio->args->iov[i] = (struct iovec){ iov[i].iov_buf, iov[i].iov_len };
    }
    aio->args->niov = niov;
    return 0;
}

int nng_aio_set_input(nng_aio *aio, unsigned index, void *arg)
{
    if (index >= NU_AIO_ARGS) {
        return NNG_EINVAL;
    }
    aio->args->input[index] = arg;
    return 0;
}

void *nng_aio_get_input(nng_aio *aio, unsigned index)
{
    return index < NU_AIO_ARGS ? aio->args->input[index] : NULL;
}

int nng_aio_set_output(nng_aio *aio, unsigned index, void *arg)
{
    if (index >= NU_AIO_ARGS) {
        return NNG_EINVAL;
    }
    aio->args->output[index] = arg;
    return 0;
}

void *nng_aio_get_output(nng_aio *aio, unsigned index)
{
    return index < NU_AIO_ARGS ? aio->args->output[index] : NULL;
}

void nng_aio_set_msg(nng_aio *aio, nng_msg *msg)
{
    aio->args->msg = msg;
}

nng_msg *nng_aio_get_msg(nng_aio *aio)
{
    return aio->args->msg;
}

/* ---- What an operation leaves ------------------------------------------------------------- */

int nng_aio_result(nng_aio *aio)
{
    return atomic_load_explicit(&aio->result, memory_order_relaxed);
}

size_t nng_aio_count(nng_aio *aio)
{
    return atomic_load_explicit(&aio->count, memory_order_relaxed);
}

int nu_aio_take_message(nng_aio *aio)
{
    struct nu_aio_io *io = &aio->io;
    memset(io, 0, sizeof *io);
    io->iov = aio->args->iov;
    io->niov = aio->args->niov;
    for (unsigned i = 0; i < aio->args->niov; i++) {
        if (aio->args->iov[i].iov_len > 0 && aio->args->iov[i].iov_base == NULL) {
            return NNG_EINVAL;
        }
        io->total += aio->args->iov[i].iov_len;
    }
    return 0;
}

int nu_aio_take_vec(nng_aio *aio)
{
    int err = nu_aio_take_message(aio);
    return err == 0 && aio->io.total == 0 ? NNG_EINVAL : err;
}

/* ---- Operations that others provide ------------------------------------------------------- */

void nng_aio_defer(nng_aio *aio, nng_aio_cancelfn cancel, void *arg)
{
    struct nu_loop *loop = nu_runtime_pick();
    if (loop == NULL) {
        cancel(aio, arg, NNG_ENOTSUP);
        return;
    }
    nu_aio_defer(aio, loop, cancel, arg);
}

void nng_aio_finish(nng_aio *aio, int err)
{
    nu_aio_finish_any(aio, err);
}

/* ---- Sleeping ----------------------------------------------------------------------------- */

enum sleep_kind { SLEEP_CUT_SHORT, SLEEP_TO_THE_END };

static void aio_data_sleep_over(nng_aio *aio, void *arg, int err)
{
    (void) arg;
    bool natural = err == NNG_ETIMEDOUT && aio->io.kind == SLEEP_TO_THE_END;
    nu_aio_finish(aio, natural ? 0 : err, 0);
}

void nng_sleep_aio(nng_duration ms, nng_aio *aio)
{
    if (!nng_aio_begin(aio)) {
        return;
    }
    struct nu_loop *loop = nu_runtime_pick();
    /* An endless sleep still has a deadline, so that nng_fini() ends it. */
    uint64_t end = ms < 0 ? NU_NEVER - 1 : nu_now() + (uint64_t) ms * NU_MS;
    aio->io.kind = end <= aio->deadline ? SLEEP_TO_THE_END : SLEEP_CUT_SHORT;
    if (end <= aio->deadline) {
        aio->deadline = end;
    }
    if (loop == NULL) {
        nu_aio_finish(aio, NNG_ENOTSUP, 0);
        return;
    }
    nu_aio_defer(aio, loop, aio_data_sleep_over, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Details of aios, URLs and texts of errors, as a table (rows.h). */
#include "rows.h"

#include <stdatomic.h>

/* ---- Operations --------------------------------------------------------------------------- */

static atomic_int calls;

static void count_call(void *arg)
{
    (void) arg;
    atomic_fetch_add(&calls, 1);
}

static void finished_without_begin(void)
{
    nng_aio *aio;
    atomic_store(&calls, 0);
    check_ok(nng_aio_alloc(&aio, count_call, NULL));
    nng_aio_finish(aio, NNG_EPROTO);
    nng_aio_wait(aio);
    say("%s, %d callback", error_name(nng_aio_result(aio)), atomic_load(&calls));
    nng_aio_free(aio);
}

static void aborted_when_idle(void)
{
    nng_aio *aio = new_aio();
    nng_sleep_aio(1, aio);
    check_ok(result(aio));
    nng_aio_abort(aio, NNG_EPERM);
    say("%s", error_name(nng_aio_result(aio)));
    nng_aio_free(aio);
}

static void begun_when_stopped(void)
{
    nng_aio *aio;
    atomic_store(&calls, 0);
    check_ok(nng_aio_alloc(&aio, count_call, NULL));
    nng_aio_stop(aio);
    nng_sleep_aio(1, aio);
    nng_aio_wait(aio);
    say("%s, %d callbacks", error_name(nng_aio_result(aio)), atomic_load(&calls));
    nng_aio_free(aio);
}

static void nine_buffers(void)
{
    nng_iov iov[9] = { { 0 } };
    nng_aio *aio = new_aio();
    say("8 %s, 9 %s", error_name(nng_aio_set_iov(aio, 8, iov)),
        error_name(nng_aio_set_iov(aio, 9, iov)));
    nng_aio_free(aio);
}

static void no_time(void)
{
    nng_aio *aio = new_aio();
    nng_aio_set_timeout(aio, NNG_DURATION_ZERO);
    nng_sleep_aio(10, aio);
    say("%s", error_name(result(aio)));
    nng_aio_free(aio);
}

/* ---- URLs and texts ----------------------------------------------------------------------- */

static void bad_urls(void)
{
    static const char *const urls[] = { "no scheme", "http://h:99999/", "http://h/%zz",
                                        "http://h/a b" };
    size_t n = 0;
    for (size_t i = 0; i < 4; i++) {
        nng_url *url;
        int err = nng_url_parse(&url, urls[i]);
        n += (size_t) snprintf(outcome + n, sizeof outcome - n, "%s%s", i > 0 ? ", " : "",
                               error_name(err));
        if (err == 0) {
            nng_url_free(url);
        }
    }
}

static void default_ports(void)
{
    static const char *const urls[] = { "http://h", "https://h", "ws://h", "wss://h" };
    size_t n = 0;
    for (size_t i = 0; i < 4; i++) {
        nng_url *url;
        check_ok(nng_url_parse(&url, urls[i]));
        n += (size_t) snprintf(outcome + n, sizeof outcome - n, "%s%s", i > 0 ? ", " : "",
                               url->u_port);
        nng_url_free(url);
    }
}

static void error_texts(void)
{
    static const int errors[] = { 0,          NNG_ECLOSED, NNG_ETIMEDOUT,
                                  NNG_EPROTO, NNG_ENOTSUP, NNG_ECONNSHUT };
    size_t n = 0;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        n += (size_t) snprintf(outcome + n, sizeof outcome - n, "%s%s", i > 0 ? ", " : "",
                               nng_strerror(errors[i]));
    }
}

/* ---- The table ---------------------------------------------------------------------------- */

static const struct row rows[] = {
    SAME("nng_aio_finish() without a begin", finished_without_begin, "EPROTO, 1 callback"),
    SAME("an operation on a stopped aio", begun_when_stopped, "ECANCELED, 0 callbacks"),
    SAME("entries of a vector", nine_buffers, "8 0, 9 EINVAL"),
    SAME("a time limit of zero", no_time, "ETIMEDOUT"),
    SAME("default ports", default_ports, "80, 443, 80, 443"),
    SAME(
        "texts of errors", error_texts,
        "Hunky dory, Object closed, Timed out, Protocol error, Not supported, Connection shutdown"),
    { .what = "abort when nothing runs",
      .try = aborted_when_idle,
      .nng = "EPERM",
      .before = "0",
      .here = "0",
      .why = "the manual says: no effect" },
    DIFFERS("URLs: no scheme, port 99999, %zz, a space", bad_urls, "EINVAL, 0, EINVAL, 0",
            "EINVAL, EINVAL, EINVAL, 0", "RFC 3986"),
};

int main(void)
{
    begin();
    return check_rows("details of aios", rows, sizeof rows / sizeof *rows, just_try);
}

/* SPDX-License-Identifier: MIT */
/* Handlers that wait: each turns the loop meanwhile, and that may call the next, which waits, too.
 */
#include "io/loop.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

TestSuite(handlers_nested, .timeout = 60);

#define CLIENTS 50
#define DEEPEST 10                /* handlers on one stack; the library has 8 and the first */
#define STACK ((size_t) 64 << 10) /* bytes between the first's frame and the last's */

static atomic_bool asked; /* all have */
static atomic_uint most;
static atomic_size_t stack;

static void note_most(unsigned depth)
{
    unsigned had = atomic_load(&most);
    while (depth > had && !atomic_compare_exchange_weak(&most, &had, depth)) {
    }
}

static void note_stack(size_t bytes)
{
    size_t had = atomic_load(&stack);
    while (bytes > had && !atomic_compare_exchange_weak(&stack, &had, bytes)) {
    }
}

static void wait_a_while(nng_duration ms)
{
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_sleep_aio(ms, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), 0);
    nng_aio_free(aio);
}

/* None returns before all have asked. */
static void waits(nng_aio *aio)
{
    static _Thread_local unsigned depth;
    static _Thread_local uintptr_t first;
    uintptr_t here = (uintptr_t) __builtin_frame_address(0);
    first = depth == 0 ? here : first;
    note_most(++depth);
    note_stack(here < first ? first - here : here - first);
    while (!atomic_load(&asked)) {
        wait_a_while(5);
    }
    wait_a_while(20);
    depth--;
    t_answer(aio, "waited", 6);
}

static void at_once(const char *mode)
{
    struct t_web web;
    struct t_http_client clients[CLIENTS];
    cr_assert_eq(setenv("NNG_URING_LOOPS", "1", 1), 0);
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", mode, 1), 0);
    t_web_open(&web);
    t_web_callback(&web, "/", waits);
    t_web_start(&web);
    for (int i = 0; i < CLIENTS; i++) {
        t_http_client_open(&clients[i], web.port);
        t_http_client_get(&clients[i], "/");
        t_http_client_get(&clients[i], "/"); /* and another when that is answered */
    }
    nng_msleep(50);
    atomic_store(&asked, true);
    for (int i = 0; i < CLIENTS; i++) {
        t_http_client_assert(&clients[i], 200, "waited");
        t_http_client_assert(&clients[i], 200, "waited");
        t_http_client_close(&clients[i]);
    }
    cr_assert_leq(atomic_load(&most), DEEPEST);
    cr_assert_leq(atomic_load(&stack), STACK);
    t_web_close(&web);
    nng_fini();
}

/* On the loop's stack. */
Test(handlers_nested, inline_)
{
    at_once("inline");
    cr_assert_gt(atomic_load(&most), 1);
}

/* On workers, at first, of which there are fewer. */
Test(handlers_nested, auto_)
{
    at_once("auto");
}

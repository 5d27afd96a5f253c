/* SPDX-License-Identifier: MIT */
#include "http/response_batch.h"

#include "http/handler.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* The bytes that the sealed vector points to. */
static char *joined(const struct nu_response_batch *out, size_t total)
{
    char *all = malloc(total + 1), *p = all;
    cr_assert_not_null(all);
    for (unsigned i = 0; i < out->n; i++) {
        p = mempcpy(p, out->iov[i].iov_base, out->iov[i].iov_len);
    }
    *p = '\0';
    cr_assert_eq((size_t) (p - all), total);
    return all;
}

/* Text moves when it grows; what was added before must still be found. */
Test(out, text_that_grows, .timeout = 10)
{
    struct nu_list spare;
    nu_list_init(&spare);
    struct nu_response_batch *out = nu_response_batch_take(&spare);
    cr_assert_not_null(out);
    size_t want = 0;
    while (nu_response_batch_has_room(out)) {
        size_t from = out->text.len;
        for (int i = 0; i < 3000; i++) {
            nu_buf_str(&out->text, "t");
        }
        nu_response_batch_add_text(out, from);
        nu_response_batch_add_text(out, out->text.len); /* nothing */
        nu_response_batch_add(out, "data", 4);
        nu_response_batch_add(out, "", 0);
        want += 3004;
    }
    cr_assert_leq(out->n, NU_BATCH_PARTS);
    size_t total = nu_response_batch_finalize(out);
    cr_assert_eq(total, want);
    char *all = joined(out, total);
    for (size_t i = 0; i < total; i++) {
        cr_assert_eq(all[i], i % 3004 < 3000 ? 't' : "data"[i % 3004 - 3000]);
    }
    free(all);
    nu_response_batch_give(&spare, out);
    cr_assert_eq(nu_response_batch_take(&spare), out); /* as good as new */
    cr_assert_eq(out->n, 0);
    cr_assert_eq(out->text.len, 0);
    cr_assert_lt(out->text.cap, 20000);
    cr_assert_eq(nu_response_batch_finalize(out), 0);
    nu_response_batch_give(&spare, out);
    nu_response_batch_free_all(&spare);
    cr_assert(nu_list_empty(&spare));
}

static int destroyed;

static void destroy(void *data)
{
    (void) data;
    destroyed++;
}

static void drop_handler(void *handler)
{
    nu_handler_drop(handler);
}

static void free_res(void *res)
{
    nng_http_res_free(res);
}

Test(out, holds_handlers, .timeout = 10)
{
    struct nu_list spare;
    nng_http_handler *h[2];
    nu_list_init(&spare);
    struct nu_response_batch *out = nu_response_batch_take(&spare);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(nng_http_handler_alloc_static(&h[i], "/", "x", 1, NULL), 0);
        cr_assert_eq(nng_http_handler_set_data(h[i], NULL, destroy), 0);
    }
    for (unsigned i = 0; nu_response_batch_has_room(out); i++) {
        nu_handler_hold(h[i / 3 % 2]);
        nu_response_batch_hold(out, drop_handler, h[i / 3 % 2]);
        cr_assert(nu_response_batch_holds(out, h[i / 3 % 2]));
        nu_response_batch_add(out, h[i / 3 % 2]->reply.data, 1);
    }
    nng_http_res *res;
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    nu_response_batch_hold(out, free_res, res);
    nng_http_handler_free(h[0]);
    nng_http_handler_free(h[1]);
    cr_assert_eq(destroyed, 0);
    nu_response_batch_give(&spare, out);
    cr_assert_eq(destroyed, 2);
    nu_response_batch_free_all(&spare);
}

/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "fault/wrap.h"
#include "wire/message.h"
#include "wire/ws_frame.h"

#include <nng/nng.h>

#include <criterion/criterion.h>

#include <string.h>

TestSuite(wire_fault, .timeout = 60);

/* Everything that allocates, once through; 0 or the first error. */
static int everything(void)
{
    static const char text[] = "GET /x HTTP/1.1\r\nHost: h\r\nA: 1\r\nA: 2\r\nSet-Cookie: a\r\n"
                               "Set-Cookie: b\r\n\r\n";
    struct nu_field fields[8];
    struct nu_head head = { .fields = fields, .maxfields = 8 };
    char value[2000];
    nng_http_req *req = NULL;
    nng_http_res *res = NULL;
    nng_url *url = NULL;
    nng_url *clone = NULL;
    struct nu_buf buf = { 0 };
    int rv;

    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    (void) ((rv = nng_url_parse(&url, "http://h:8080/a?b")) != 0 ||
            (rv = nng_url_clone(&clone, url)) != 0 || (rv = nng_http_req_alloc(&req, url)) != 0 ||
            (rv = nng_http_req_set_uri(req, value)) != 0 ||
            (rv = nng_http_req_set_method(req, "POST")) != 0 ||
            (rv = nng_http_req_set_version(req, "HTTP/1.0")) != 0 ||
            (rv = nng_http_req_set_header(req, "Long", value)) != 0 ||
            (rv = nng_http_req_add_header(req, "Long", value)) != 0 ||
            (rv = nng_http_req_add_header(req, "Set-Cookie", value)) != 0 ||
            (rv = nng_http_req_add_header(req, "Set-Cookie", value)) != 0 ||
            (rv = nng_http_req_copy_data(req, "data", 4)) != 0 ||
            (rv = nu_req_print(req, &buf)) != 0);
    if (rv == 0) {
        nng_http_req_reset(req);
        cr_assert_eq(nu_parse_request(text, sizeof(text) - 1, &head), NU_PARSE_DONE);
        (void) ((rv = nu_req_load(req, &head)) != 0 ||
                (rv = nng_http_res_alloc_error(&res, 404)) != 0 ||
                (rv = nng_http_res_set_reason(res, value)) != 0 ||
                (rv = nng_http_res_copy_data(res, "data", 4)) != 0 ||
                (rv = nu_res_set_error(res, 500)) != 0 || (rv = nu_res_print(res, &buf)) != 0);
    }
    nu_buf_free(&buf);
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_url_free(url);
    nng_url_free(clone);
    return rv;
}

Test(wire_fault, every_allocation_in_turn)
{
    int nth = 0;
    int rv;

    do {
        t_fault_arm(NU_FAULT_ALLOC, ++nth);
        rv = everything();
        t_fault_disarm();
        cr_assert_eq(rv, t_fault_hits() == 0 ? 0 : NNG_ENOMEM, "allocation %d", nth);
    } while (t_fault_hits() != 0);
    cr_assert_gt(nth, 15);
}

Test(wire_fault, a_failed_change_changes_nothing)
{
    static const char *const names[] = { "A", "Set-Cookie", "New" };
    char value[5000];
    struct nu_buf before = { 0 };
    struct nu_buf after = { 0 };
    nng_http_res *res;

    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    nng_http_res_set_header(res, "A", "b");
    nng_http_res_add_header(res, "Set-Cookie", "c");
    nng_http_res_set_reason(res, "Fine");
    cr_assert_eq(nu_res_print(res, &before), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        t_fault_arm(NU_FAULT_ALLOC, 1);
        cr_assert_eq(nng_http_res_set_header(res, names[i], value), NNG_ENOMEM);
        t_fault_arm(NU_FAULT_ALLOC, 1);
        cr_assert_eq(nng_http_res_add_header(res, names[i], value), NNG_ENOMEM);
    }
    t_fault_arm(NU_FAULT_ALLOC, 1);
    cr_assert_eq(nng_http_res_set_reason(res, value), NNG_ENOMEM);
    t_fault_arm(NU_FAULT_ALLOC, 1);
    cr_assert_eq(nng_http_res_copy_data(res, value, sizeof(value)), NNG_ENOMEM);
    t_fault_disarm();
    cr_assert_eq(nu_res_print(res, &after), 0);
    cr_assert_eq(before.len, after.len);
    cr_assert_eq(memcmp(before.data, after.data, after.len), 0);
    cr_assert_str_eq(nng_http_res_get_header(res, "set-cookie"), "c");
    nu_buf_free(&before);
    nu_buf_free(&after);
    nng_http_res_free(res);
}

Test(wire_fault, a_control_frame_in_pieces)
{
    struct nu_ws_reader r = { .masked = false };
    char bytes[] = "\x89\x02"
                   "ab";
    struct nu_slice data;
    size_t used;
    bool end;
    t_fault_arm(NU_FAULT_ALLOC, 1);
    cr_assert_eq(nu_ws_reader_next(&r, bytes, 4, &used, &data, &end), NU_WS_CONTROL);
    cr_assert_eq(nu_ws_reader_next(&r, bytes, 3, &used, &data, &end), NU_WS_BAD);
    t_fault_disarm();
    cr_assert_eq(r.bad_code, NU_WS_INTERNAL_ERROR);
    nu_ws_reader_fini(&r);
}

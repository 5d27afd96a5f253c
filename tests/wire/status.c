/* SPDX-License-Identifier: MIT */
#include "wire/status.h"

#include <nng/supplemental/http/http.h>

#include <criterion/criterion.h>

#include <string.h>

TestSuite(status, .timeout = 30);

/* Every code that the public header names. */
static const unsigned named[] = {
    100, 101, 102, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301,
    302, 303, 304, 305, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408,
    409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 422, 423, 424, 426, 428,
    429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
};

Test(status, every_named_code_has_a_phrase_of_its_own)
{
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        const char *reason = nu_status_reason(named[i]);
        cr_assert_str_neq(reason, "Unknown Status", "%u", named[i]);
        cr_assert_eq(strcspn(reason, "\r\n<>&"), strlen(reason));
        for (size_t j = 0; j < i; j++) {
            cr_assert_str_neq(reason, nu_status_reason(named[j]));
        }
    }
}

Test(status, phrases)
{
    cr_assert_str_eq(nu_status_reason(NNG_HTTP_STATUS_OK), "OK");
    cr_assert_str_eq(nu_status_reason(NNG_HTTP_STATUS_STATUS_MOVED_PERMANENTLY),
                     "Moved Permanently");
    cr_assert_str_eq(nu_status_reason(NNG_HTTP_STATUS_BAD_REQUEST), "Bad Request");
    cr_assert_str_eq(nu_status_reason(NNG_HTTP_STATUS_BAD_GATEWAY), "Bad Gateway");
    cr_assert_str_eq(nu_status_reason(NNG_HTTP_STATUS_NETWORK_AUTH_REQUIRED),
                     "Network Authentication Required");
}

Test(status, unknown_codes)
{
    static const unsigned unknown[] = { 0, 1, 99, 104, 199, 306, 499, 512, 599, 600, 999, 65535 };

    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        cr_assert_str_eq(nu_status_reason(unknown[i]), "Unknown Status", "%u", unknown[i]);
    }
    cr_assert_str_eq(nu_status_reason(4294967295u), "Unknown Status");
}

Test(status, bodiless)
{
    for (unsigned status = 100; status < 1000; status++) {
        bool none = status < 200 || status == NNG_HTTP_STATUS_NO_CONTENT ||
                    status == NNG_HTTP_STATUS_NOT_MODIFIED;
        cr_assert_eq(nu_status_bodiless(status), none, "%u", status);
    }
}

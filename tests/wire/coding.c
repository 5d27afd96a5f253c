/* SPDX-License-Identifier: MIT */
#include "wire/coding.h"

#include "wire/parse.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(coding, .timeout = 30);

/* What is looked for, in order; "-" at the end: not the file as it is. */
static const char *chosen(const char *lines)
{
    static char text[64];
    char head_text[512];
    struct nu_field fields[8];
    struct nu_head head = { .fields = fields, .maxfields = 8 };
    struct nu_coding_choice choice;
    int n = snprintf(head_text, sizeof head_text, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", lines);
    cr_assert_eq(nu_parse_request(head_text, (size_t) n, &head), NU_PARSE_DONE);
    nu_coding_choose(&head, &choice);
    text[0] = '\0';
    for (unsigned i = 0; i < choice.n; i++) {
        strcat(text, nu_codings[choice.list[i]].suffix);
    }
    return choice.identity ? text : strcat(text, "-");
}

static const struct {
    const char *value, *want;
} cases[] = {
    { "", "" },
    { "identity", "" },
    { "gzip", ".gz" },
    { "X-GZIP", ".gz" },
    { "gzip, deflate, br, zstd", ".br.zst.gz" },
    { "gzip;q=1.0, br;q=0.9", ".gz.br" },
    { "br;q=0, gzip", ".gz" },
    { "br ; Q=0.5 , gzip;q=0.50", ".br.gz" },
    { "*", ".br.zst.gz" },
    { "*;q=0", "-" },
    { "*;q=0, gzip", ".gz-" },
    { "gzip, identity;q=0", ".gz-" },
    { "gzip;q=0.5, identity;q=0.8", "" },
    { "gzip;q=0.8, identity;q=0.5", ".gz" },
    { "identity;q=0.5, *;q=0", "" },
    { "gzip;q=0.001", ".gz" },
    { "gzip;q=1.001, br;q=2, zstd;q=0.0001", "" },
    { "gzip;q=x, br;q=-1, zstd;q=0.", "" },
    { "identity;q=.5, *;q=0", "" },
    { "*;q=x", "" },
    { "compress, br;level=3", ".br" },
};

Test(coding, cases)
{
    cr_assert_str_eq(chosen(""), "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[128];
        snprintf(line, sizeof line, "Accept-Encoding: %s\r\n", cases[i].value);
        cr_assert_str_eq(chosen(line), cases[i].want, "%s: %s", cases[i].value, chosen(line));
    }
    cr_assert_str_eq(chosen("Accept-Encoding: gzip\r\naccept-encoding: br\r\n"), ".br.gz");
}

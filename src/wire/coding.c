/* SPDX-License-Identifier: MIT */
#include "wire/coding.h"

#include "wire/chars.h"
#include "wire/field_list.h"
#include "wire/head.h"

#include <string.h>

const struct nu_coding_names nu_codings[NU_CODINGS] = {
    [NU_CODING_BR] = { "br", ".br" },
    [NU_CODING_ZSTD] = { "zstd", ".zst" },
    [NU_CODING_GZIP] = { "gzip", ".gz" },
};

#define IDENTITY NU_CODINGS /* where its weight is, and then that of "*" */
#define OTHERS (NU_CODINGS + 1)
#define UNSAID (-1)
#define MALFORMED (-2) /* neither wanted nor refused */

static bool coding_is(struct nu_slice item, const char *name)
{
    return item.n == strlen(name) && nu_chars_same(item.p, name, item.n);
}

static int coding_find(struct nu_slice name)
{
    int i = 0;
    while (i < NU_CODINGS && !coding_is(name, nu_codings[i].name)) {
        i++;
    }
    if (i < NU_CODINGS) {
        return i;
    }
    return coding_is(name, "x-gzip")     ? NU_CODING_GZIP /* RFC 9110 8.4.1.3 */
           : coding_is(name, "identity") ? IDENTITY
           : coding_is(name, "*")        ? OTHERS
                                         : -1;
}

/* In thousandths (RFC 9110 12.4.2). */
static int coding_weight(struct nu_slice q)
{
    static const int worth[] = { 100, 10, 1 };
    if (q.n == 0 || q.n > 5 || (q.p[0] != '0' && q.p[0] != '1') || (q.n > 1 && q.p[1] != '.')) {
        return MALFORMED;
    }
    int weight = (q.p[0] - '0') * 1000;
    for (size_t i = 2; i < q.n; i++) {
        if (q.p[i] < '0' || q.p[i] > '9') {
            return MALFORMED;
        }
        weight += (q.p[i] - '0') * worth[i - 2];
    }
    return weight <= 1000 ? weight : MALFORMED;
}

/* One member of a list: "br", "gzip;q=0.5". */
static void coding_read(struct nu_slice member, int weights[OTHERS + 1])
{
    const char *at = member.p, *end = member.p + member.n;
    struct nu_slice name, item, key, value;
    int weight = 1000;
    if (!nu_field_list_next(&at, end, ';', &name)) {
        return;
    }
    int i = coding_find(name);
    while (nu_field_list_next(&at, end, ';', &item)) {
        if (nu_field_list_parameter(item, &key, &value) && coding_is(key, "q")) {
            weight = coding_weight(value);
        }
    }
    if (i >= 0) {
        weights[i] = weight;
    }
}

static void coding_insert(struct nu_coding_choice *choice, int coding, const int *weights)
{
    unsigned at = choice->n++;
    while (at > 0 && weights[choice->list[at - 1]] < weights[coding]) {
        choice->list[at] = choice->list[at - 1];
        at--;
    }
    choice->list[at] = (unsigned char) coding;
}

void nu_coding_choose(const struct nu_head *head, struct nu_coding_choice *choice)
{
    int weights[OTHERS + 1] = { UNSAID, UNSAID, UNSAID, UNSAID, UNSAID };
    for (unsigned i = 0; i < head->nfields; i++) {
        struct nu_slice value = head->fields[i].value, member;
        const char *at = value.p, *end = value.p + value.n;
        while (coding_is(head->fields[i].name, "Accept-Encoding") &&
               nu_field_list_next(&at, end, ',', &member)) {
            coding_read(member, weights);
        }
    }
    for (int i = 0; i <= IDENTITY; i++) {
        weights[i] = weights[i] != UNSAID ? weights[i] : weights[OTHERS];
    }
    *choice = (struct nu_coding_choice){ .identity = weights[IDENTITY] != 0 };
    for (int i = 0; i < NU_CODINGS; i++) {
        if (weights[i] > 0 && weights[i] >= weights[IDENTITY]) {
            coding_insert(choice, i, weights);
        }
    }
}

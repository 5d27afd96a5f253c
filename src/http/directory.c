/* SPDX-License-Identifier: MIT */
#include "http/directory.h"

#include "wire/chars.h"
#include "wire/head.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define PREFLIGHT_S "86400" /* seconds for which a browser need not ask again */

struct nu_cache_rule {
    char *pattern;
    char *value;
};

void nu_directory_free(struct nu_directory *d)
{
    for (size_t i = 0; i < d->nrules; i++) {
        free(d->rules[i].pattern);
        free(d->rules[i].value);
    }
    for (size_t i = 0; i < d->norigins; i++) {
        free(d->origins[i]);
    }
    free(d->rules);
    free(d->origins);
    free(d->fallback);
}

/* ---- Setting up --------------------------------------------------------------------------- */

/* It is confined to the directory like any other path. */
int nu_directory_set_fallback(struct nu_directory *d, const char *name)
{
    name += name != NULL ? strspn(name, "/") : 0;
    if (name != NULL && (*name == '\0' || name[strlen(name) - 1] == '/')) {
        return NNG_EINVAL;
    }
    char *copy = name != NULL ? strdup(name) : NULL;
    if (name != NULL && copy == NULL) {
        return NNG_ENOMEM;
    }
    free(d->fallback);
    d->fallback = copy;
    return 0;
}

int nu_directory_add_cache_rule(struct nu_directory *d, const char *pattern, const char *value)
{
    if (pattern == NULL || value == NULL || *pattern == '\0' || *value == '\0' ||
        !nu_chars_text(value, strlen(value))) {
        return NNG_EINVAL;
    }
    struct nu_cache_rule *rules = realloc(d->rules, (d->nrules + 1) * sizeof *rules);
    if (rules == NULL) {
        return NNG_ENOMEM;
    }
    d->rules = rules;
    struct nu_cache_rule rule = { strdup(pattern), strdup(value) };
    if (rule.pattern == NULL || rule.value == NULL) {
        free(rule.pattern);
        free(rule.value);
        return NNG_ENOMEM;
    }
    rules[d->nrules++] = rule;
    return 0;
}

/* "*", or a scheme and an authority, as browsers send them: nothing behind. */
static bool directory_is_origin(const char *origin)
{
    const char *host = strstr(origin, "://");
    return strcmp(origin, "*") == 0 ||
           (host != NULL && host > origin && host[3] != '\0' &&
            strpbrk(host + 3, "/?#@*, ") == NULL && nu_chars_text(origin, strlen(origin)));
}

int nu_directory_add_origin(struct nu_directory *d, const char *origin)
{
    if (origin == NULL || !directory_is_origin(origin)) {
        return NNG_EINVAL;
    }
    char **origins = realloc(d->origins, (d->norigins + 1) * sizeof *origins);
    if (origins == NULL) {
        return NNG_ENOMEM;
    }
    d->origins = origins;
    char *own = origins[d->norigins] = strdup(origin);
    if (own == NULL) {
        return NNG_ENOMEM;
    }
    d->norigins++;
    for (; *own != '\0'; own++) {
        *own = nu_chars_lower(*own); /* as browsers write it, and compare it byte by byte */
    }
    return 0;
}

/* ---- Fields ------------------------------------------------------------------------------- */

static bool directory_has_field(const struct nu_field *field, const char *name)
{
    return field->name.n == strlen(name) && nu_chars_same(field->name.p, name, field->name.n);
}

static struct nu_slice directory_field(const struct nu_head *head, const char *name)
{
    unsigned i = 0;
    while (i < head->nfields && !directory_has_field(&head->fields[i], name)) {
        i++;
    }
    return i < head->nfields ? head->fields[i].value : (struct nu_slice){ "", 0 };
}

const char *nu_directory_origin(const struct nu_directory *d, const struct nu_head *head)
{
    if (d->norigins == 0) {
        return NULL;
    }
    struct nu_slice origin = directory_field(head, "Origin");
    for (size_t i = 0; i < d->norigins; i++) {
        const char *known = d->origins[i];
        if (strcmp(known, "*") == 0 || (origin.n == strlen(known) && origin.n > 0 &&
                                        nu_chars_same(origin.p, known, origin.n))) {
            return known;
        }
    }
    return NULL;
}

/* What the answer depends on (RFC 9110 12.5.5). That to all origins does not depend on them. */
static const char *directory_vary(const struct nu_directory *d, const char *origin)
{
    bool origins = d->norigins > 0 && (origin == NULL || strcmp(origin, "*") != 0);
    if (d->precompressed) {
        return origins ? "Accept-Encoding, Origin" : "Accept-Encoding";
    }
    return origins ? "Origin" : NULL;
}

/* A pattern without a '/' is of the name alone. */
static bool directory_fits(const struct nu_cache_rule *rule, const char *path)
{
    const char *name = strrchr(path, '/');
    const char *pattern = rule->pattern;
    if (strchr(pattern, '/') == NULL) {
        return fnmatch(pattern, name != NULL ? name + 1 : path, 0) == 0;
    }
    return fnmatch(pattern + strspn(pattern, "/"), path, 0) == 0;
}

static const char *directory_cache_control(const struct nu_directory *d, const char *path)
{
    size_t i = 0;
    while (i < d->nrules && !directory_fits(&d->rules[i], path)) {
        i++;
    }
    return i < d->nrules ? d->rules[i].value : NULL;
}

static int directory_set(nng_http_res *res, const char *name, const char *value)
{
    return value != NULL ? nng_http_res_set_header(res, name, value) : 0;
}

int nu_directory_set_fields(const struct nu_directory *d, nng_http_res *res, const char *path,
                            enum nu_coding coding, const char *origin)
{
    if (!d->precompressed && d->nrules == 0 && d->norigins == 0) {
        return 0;
    }
    uint16_t status = nng_http_res_get_status(res);
    int err = directory_set(res, "Vary", directory_vary(d, origin));
    err = err == 0 ? directory_set(res, "Access-Control-Allow-Origin", origin) : err;
    if (err == 0 && (status < 300 || status == NNG_HTTP_STATUS_NOT_MODIFIED)) {
        err = directory_set(res, "Cache-Control", directory_cache_control(d, path));
    }
    if (err == 0 && coding < NU_CODINGS && status < 300) {
        err = directory_set(res, "Content-Encoding", nu_codings[coding].name);
    }
    return err;
}

int nu_directory_set_origin(const struct nu_directory *d, nng_http_res *res,
                            const struct nu_head *head)
{
    const char *origin = nu_directory_origin(d, head);
    int err = directory_set(res, "Vary", directory_vary(d, origin));
    return err == 0 ? directory_set(res, "Access-Control-Allow-Origin", origin) : err;
}

/* Files are only read, so that there is nothing to be careful about in the fields that a page wants
 * to send: Range above all. */
int nu_directory_set_preflight(const struct nu_directory *d, nng_http_res *res,
                               const struct nu_head *head, const char *allow)
{
    char fields[512];
    struct nu_slice asked = directory_field(head, "Access-Control-Request-Headers");
    int err = nu_directory_set_origin(d, res, head);
    if (nu_directory_origin(d, head) == NULL || err != 0 ||
        directory_field(head, "Access-Control-Request-Method").n == 0) {
        return err;
    }
    err = directory_set(res, "Access-Control-Allow-Methods", allow);
    err = err == 0 ? directory_set(res, "Access-Control-Max-Age", PREFLIGHT_S) : err;
    if (err == 0 && asked.n > 0 && asked.n < sizeof fields) {
        memcpy(fields, asked.p, asked.n);
        fields[asked.n] = '\0';
        err = directory_set(res, "Access-Control-Allow-Headers", fields);
    }
    return err;
}

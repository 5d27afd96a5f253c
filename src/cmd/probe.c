#include "cmd/probe.h"

#include <nng/uring.h>
#include <stdio.h>
#include <string.h>

enum verdict { FULL, DEGRADED, UNAVAILABLE }; /* the exit statuses, too */

static const char *const verdicts[] = {
    [FULL]        = "full: everything the library relies on is there",
    [DEGRADED]    = "degraded: it works, with fallbacks",
    [UNAVAILABLE] = "unavailable: calls that need io_uring return NNG_ENOTSUP",
};

static const char *const names[] = { "full", "degraded", "unavailable" };

static enum verdict judge(const nng_uring_feature *list, size_t count, int err)
{
    if (err != 0) {
        return UNAVAILABLE;
    }
    for (size_t i = 0; i < count; i++) {
        if (list[i].full && !list[i].present) {
            return DEGRADED;
        }
    }
    return FULL;
}

static const char *errno_name(int err)
{
    const char *name = err != 0 ? strerrorname_np(err) : NULL;
    return name != NULL ? name : "";
}

static void print_table(const nng_uring_feature *list, size_t count, enum verdict verdict)
{
    printf("%-30s %-15s %s\n", "FEATURE", "STATUS", "FOR / INSTEAD");
    for (size_t i = 0; i < count; i++) {
        const nng_uring_feature *f          = &list[i];
        const char              *text       = f->purpose;
        char                     status[32] = "yes";
        if (!f->present) {
            snprintf(status, sizeof status, "no %s", errno_name(f->err));
            text = f->fallback != NULL ? f->fallback : "required";
        }
        printf("%-30s %-15s %s%s\n", f->name, status, f->present ? "" : "instead: ", text);
    }
    printf("\n%s\n", verdicts[verdict]);
    if (verdict == UNAVAILABLE) {
        printf("reason: %s\nremedy: %s\n", nng_uring_reason(), nng_uring_remedy());
    }
}

/* The texts are our own and strerror()'s, but a quote in one must not break the document. */
static void print_string(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            putchar('\\');
        }
        putchar(*text);
    }
    putchar('"');
}

static void print_pair(const char *name, const char *value, const char *end)
{
    printf("\"%s\": ", name);
    if (value != NULL) {
        print_string(value);
    } else {
        fputs("null", stdout);
    }
    fputs(end, stdout);
}

static void print_json(const nng_uring_feature *list, size_t count, enum verdict verdict)
{
    printf("{\n  ");
    print_pair("verdict", names[verdict], ",\n  ");
    print_pair("reason", verdict == UNAVAILABLE ? nng_uring_reason() : NULL, ",\n  ");
    print_pair("remedy", verdict == UNAVAILABLE ? nng_uring_remedy() : NULL, ",\n");
    printf("  \"features\": [\n");
    for (size_t i = 0; i < count; i++) {
        const nng_uring_feature *f = &list[i];
        printf("    { ");
        print_pair("name", f->name, ", ");
        print_pair("purpose", f->purpose, ", ");
        printf("\"present\": %s, \"full_path\": %s, ", f->present ? "true" : "false",
               f->full ? "true" : "false");
        print_pair("errno", f->err != 0 ? errno_name(f->err) : NULL, ", ");
        print_pair("fallback", f->fallback, i + 1 < count ? " },\n" : " }\n");
    }
    printf("  ]\n}\n");
}

int cmd_probe(int argc, char **argv)
{
    bool json = argc == 1 && strcmp(argv[0], "--json") == 0;
    if (argc > (json ? 1 : 0)) {
        fprintf(stderr, "nng-uring probe: '%s' is not an option; there is --json\n", argv[json]);
        return UNAVAILABLE + 1;
    }
    const nng_uring_feature *list;
    size_t                   count;
    int                      err     = nng_uring_probe(&list, &count);
    enum verdict             verdict = judge(list, count, err);
    if (json) {
        print_json(list, count, verdict);
    } else {
        print_table(list, count, verdict);
    }
    return (int) verdict;
}

/* SPDX-License-Identifier: MIT */
#include "cmd/probe.h"

#include "cmd/json.h"

#include <nng/nng.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

enum verdict { FULL, DEGRADED, UNAVAILABLE, MISUSED }; /* the exit statuses, too */

static const char *const verdicts[] = {
    [FULL] = "full: everything the library relies on is there",
    [DEGRADED] = "degraded: it works, with fallbacks",
    [UNAVAILABLE] = "unavailable: there is no io_uring",
};

static const char *const names[] = { "full", "degraded", "unavailable" };

/* What was tried on small rings need not hold for those the library is about to set up. */
static int probe_start_library(void)
{
    nng_aio *aio;
    int err = nng_aio_alloc(&aio, NULL, NULL);
    if (err == 0) {
        nng_aio_free(aio);
    }
    return err;
}

static enum verdict probe_judge(const nng_uring_feature *list, size_t count, int err)
{
    const char *wish = getenv("NNG_URING_BACKEND");
    bool asked = wish != NULL && strcmp(wish, "epoll") == 0;
    bool started = probe_start_library() == 0;
    if (err != 0) {
        (void) nng_uring_probe(&list, &count); /* what it says is the reason, also if others came */
    }
    if (!started || err != 0 || (!asked && strcmp(nng_uring_backend(), "epoll") == 0)) {
        return UNAVAILABLE;
    }
    for (size_t i = 0; i < count; i++) {
        if (list[i].full && !list[i].present) {
            return DEGRADED;
        }
    }
    return FULL;
}

static const char *probe_errno_name(int err)
{
    const char *name = err != 0 ? strerrorname_np(err) : NULL;
    return name != NULL ? name : "";
}

static void probe_print_table(const nng_uring_feature *list, size_t count, enum verdict verdict)
{
    printf("%-30s %-15s %s\n", "FEATURE", "STATUS", "FOR / INSTEAD");
    for (size_t i = 0; i < count; i++) {
        const nng_uring_feature *f = &list[i];
        const char *text = f->purpose;
        char status[32] = "yes";
        if (!f->present) {
            snprintf(status, sizeof status, "no %s", probe_errno_name(f->err));
            text = f->fallback != NULL ? f->fallback : "required";
        }
        printf("%-30s %-15s %s%s\n", f->name, status, f->present ? "" : "instead: ", text);
    }
    struct utsname system = { .release = "unknown" };
    uname(&system);
    printf("\nkernel: Linux %s\n", system.release);
    if (nng_uring_loops() > 0) {
        printf("loops: %u, set up with %s\n", nng_uring_loops(), nng_uring_setup_flags());
    }
    printf("%s\n", verdicts[verdict]);
    if (verdict == UNAVAILABLE) {
        printf("reason: %s\nremedy: %s\n", nng_uring_reason(), nng_uring_remedy());
    }
    printf("backend: %s\n", nng_uring_loops() > 0 ? nng_uring_backend()
                                                  : "none; what needs one ends with NNG_ENOTSUP");
}

static void probe_print_json(const nng_uring_feature *list, size_t count, enum verdict verdict)
{
    struct utsname system = { .release = "unknown" };
    uname(&system);
    printf("{\n  ");
    json_pair(stdout, "verdict", names[verdict], ",\n  ");
    json_pair(stdout, "kernel", system.release, ",\n  ");
    json_pair(stdout, "setup_flags", nng_uring_loops() > 0 ? nng_uring_setup_flags() : NULL,
              ",\n  ");
    json_pair(stdout, "backend", nng_uring_loops() > 0 ? nng_uring_backend() : NULL, ",\n  ");
    json_pair(stdout, "reason", verdict == UNAVAILABLE ? nng_uring_reason() : NULL, ",\n  ");
    json_pair(stdout, "remedy", verdict == UNAVAILABLE ? nng_uring_remedy() : NULL, ",\n");
    printf("  \"features\": [\n");
    for (size_t i = 0; i < count; i++) {
        const nng_uring_feature *f = &list[i];
        printf("    { ");
        json_pair(stdout, "name", f->name, ", ");
        json_pair(stdout, "purpose", f->purpose, ", ");
        printf("\"present\": %s, \"full_path\": %s, ", f->present ? "true" : "false",
               f->full ? "true" : "false");
        json_pair(stdout, "errno", f->err != 0 ? probe_errno_name(f->err) : NULL, ", ");
        json_pair(stdout, "fallback", f->fallback, i + 1 < count ? " },\n" : " }\n");
    }
    printf("  ]\n}\n");
}

int cmd_probe(int argc, char **argv)
{
    bool json = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") != 0) {
            fprintf(stderr, "nng-uring probe: there is no option '%s'; see nng-uring --help\n",
                    argv[i]);
            return MISUSED;
        }
        json = true;
    }
    const nng_uring_feature *list;
    size_t count;
    int err = nng_uring_probe(&list, &count);
    enum verdict verdict = probe_judge(list, count, err);
    if (json) {
        probe_print_json(list, count, verdict);
    } else {
        probe_print_table(list, count, verdict);
    }
    nng_fini();
    return (int) verdict;
}

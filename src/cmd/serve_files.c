/* SPDX-License-Identifier: MIT */
#include "cmd/serve_files.h"

#include "cmd/complain.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <nng/uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int serve_files_check_dir(const char *dir)
{
    struct stat st;
    if (stat(dir, &st) != 0) {
        return complain("%s cannot be served: %m", dir);
    }
    if (!S_ISDIR(st.st_mode)) {
        return complain("%s is not a directory; name the one that holds the files", dir);
    }
    return access(dir, R_OK | X_OK) == 0 ? 0 : complain("%s cannot be read: %m", dir);
}

/* ---- Files -------------------------------------------------------------------------------- */

static int serve_files_fail(const char *option, const char *value, int err, const char *wanted)
{
    return err == NNG_EINVAL
               ? complain_of_usage("--%s takes %s, and not '%s'", option, wanted, value)
               : complain("--%s: %s", option, nng_strerror(err));
}

/* "PATTERN VALUE" */
static int serve_files_add_rule(nng_http_handler *handler, const char *rule)
{
    char pattern[PATH_MAX];
    size_t n = strcspn(rule, " \t");
    const char *value = rule + n + strspn(rule + n, " \t");
    int err = NNG_EINVAL;
    if (n > 0 && n < sizeof pattern) {
        memcpy(pattern, rule, n);
        pattern[n] = '\0';
        err = nng_uring_handler_add_cache_rule(handler, pattern, value);
    }
    return err == 0 ? 0
                    : serve_files_fail("cache-control", rule, err,
                                       "a pattern and what is said of it, '*.css max-age=3600'");
}

static int serve_files_set_up(const struct serve_options *options, nng_http_handler *handler)
{
    int status = 0;
    (void) nng_uring_handler_set_current_types(handler, true); /* it is of that kind, and new */
    (void) nng_uring_handler_set_slash_redirects(handler, true);
    (void) nng_http_handler_set_tree(handler); /* --ws-echo may lie in it */
    (void) nng_uring_handler_set_precompressed(handler, options->precompressed);
    (void) nng_uring_handler_set_listing(handler, options->autoindex);
    int err = nng_uring_handler_set_fallback(handler, options->spa);
    if (err != 0) {
        return serve_files_fail("spa", options->spa, err, "a file below the directory, index.html");
    }
    for (unsigned i = 0; i < options->cache_control.n && status == 0; i++) {
        status = serve_files_add_rule(handler, options->cache_control.v[i]);
    }
    for (unsigned i = 0; i < options->cors.n && status == 0; i++) {
        const char *origin = options->cors.v[i];
        err = nng_uring_handler_add_origin(handler, origin);
        status = err == 0 ? 0
                          : serve_files_fail("cors", origin, err,
                                             "* or an origin like https://example.org");
    }
    return status;
}

int serve_files_make(const struct serve_options *options, nng_http_handler **handlerp)
{
    int err = nng_http_handler_alloc_directory(handlerp, "/", options->dir);
    if (err != 0) {
        return complain("%s cannot be served: %s", options->dir, nng_strerror(err));
    }
    int status = serve_files_set_up(options, *handlerp);
    if (status != 0) {
        nng_http_handler_free(*handlerp);
    }
    return status;
}

/* ---- Error pages -------------------------------------------------------------------------- */

/* The status that a page is for: "404.html"; 0: it is none. */
static unsigned serve_files_page_status(const char *name)
{
    unsigned status = 0;
    int end = 0;
    return sscanf(name, "%3u.html%n", &status, &end) == 1 && end == 8 && name[end] == '\0' &&
                   status >= 400 && status <= 599
               ? status
               : 0;
}

int serve_files_set_error_pages(const struct serve_options *options, nng_http_server *server)
{
    const char *path = options->error_pages;
    char file[PATH_MAX];
    int status = 0;
    DIR *dir = path != NULL ? opendir(path) : NULL;
    if (dir == NULL) {
        return path == NULL ? 0 : complain("--error-pages %s cannot be read: %m", path);
    }
    for (const struct dirent *entry; status == 0 && (entry = readdir(dir)) != NULL;) {
        unsigned code = serve_files_page_status(entry->d_name);
        if (code == 0) {
            continue;
        }
        int n = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        int err = n < (int) sizeof file
                      ? nng_http_server_set_error_file(server, (uint16_t) code, file)
                      : NNG_EINVAL;
        status = err == 0 ? 0 : complain("--error-pages: %s: %s", file, nng_strerror(err));
    }
    closedir(dir);
    return status;
}

/* SPDX-License-Identifier: MIT */
#include "cmd/serve_options.h"

#include "cmd/access_log.h"
#include "cmd/complain.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct serve_option {
    const char *name;
    int (*set)(struct serve_options *options, const struct serve_option *option, const char *value);
    size_t at;  /* of its place in struct serve_options; the limit's number */
    bool files; /* it is about files, and may change */
};

/* ---- Setting one -------------------------------------------------------------------------- */

static int serve_options_set_text(struct serve_options *options, const struct serve_option *option,
                                  const char *value)
{
    *(const char **) ((char *) options + option->at) = value;
    return 0;
}

static int serve_options_set_path(struct serve_options *options, const struct serve_option *option,
                                  const char *value)
{
    return *value == '/' ? serve_options_set_text(options, option, value)
                         : complain_of_usage("--%s takes a path, /echo for one, not '%s'",
                                             option->name, value);
}

/* Without a value on the command line; in a file it may be switched off, too. */
static int serve_options_set_flag(struct serve_options *options, const struct serve_option *option,
                                  const char *value)
{
    bool off = value != NULL && strcmp(value, "no") == 0;
    if (value != NULL && *value != '\0' && !off && strcmp(value, "yes") != 0) {
        return complain_of_usage("%s takes yes or no, not '%s'", option->name, value);
    }
    *(bool *) ((char *) options + option->at) = !off;
    return 0;
}

static int serve_options_set_ms(struct serve_options *options, const struct serve_option *option,
                                const char *value)
{
    char *end;
    errno = 0;
    long n = strtol(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || errno != 0 || n > INT32_MAX) {
        return complain_of_usage("--%s takes a number of milliseconds, not '%s'", option->name,
                                 value);
    }
    *(nng_duration *) ((char *) options + option->at) = (nng_duration) n;
    return 0;
}

static int serve_options_set_limit(struct serve_options *options, const struct serve_option *option,
                                   const char *value)
{
    char *end;
    unsigned long long n = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || n > INT64_MAX) {
        return complain_of_usage("--%s takes a number, not '%s'", option->name, value);
    }
    options->limits[option->at] = n;
    options->limited[option->at] = true;
    return 0;
}

static int serve_options_set_loops(struct serve_options *options, const struct serve_option *option,
                                   const char *value)
{
    char *end;
    long n = strtol(value, &end, 10);
    (void) option;
    if (*value == '\0' || *end != '\0' || n < 1 || n > 256) {
        return complain_of_usage("--loops takes a number from 1 to 256, not '%s'", value);
    }
    options->loops = (unsigned) n;
    return 0;
}

static int serve_options_set_log_format(struct serve_options *options,
                                        const struct serve_option *option, const char *value)
{
    (void) option;
    options->log_format = value;
    return access_log_knows(value)
               ? 0
               : complain_of_usage("--log-format takes common, combined or json, not '%s'", value);
}

static int serve_options_set_dir(struct serve_options *options, const struct serve_option *option,
                                 const char *dir)
{
    (void) option;
    if (options->dir != NULL && options->dir_of_file == options->from_file) {
        return complain_of_usage("one directory is served; what is '%s'?", dir);
    }
    options->dir = dir;
    options->dir_of_file = options->from_file;
    return 0;
}

static int serve_options_add_listen(struct serve_options *options,
                                    const struct serve_option *option, const char *where)
{
    (void) option;
    if (options->file_listens && !options->from_file) {
        options->nlisten = 0;
    }
    if (options->nlisten == SERVE_MAX_LISTEN) {
        return complain_of_usage("that is one --listen too many: '%s'", where);
    }
    options->file_listens = options->from_file;
    options->listen[options->nlisten++] = where;
    return 0;
}

static int serve_options_add(struct serve_options *options, const struct serve_option *option,
                             const char *value)
{
    struct serve_list *list = (struct serve_list *) ((char *) options + option->at);
    if (list->of_file && !options->from_file) {
        list->n = 0;
    }
    if (list->n == SERVE_MAX_LIST) {
        return complain_of_usage("that is one --%s too many: '%s'", option->name, value);
    }
    list->of_file = options->from_file;
    list->v[list->n++] = value;
    return 0;
}

static int serve_options_set_mode(struct serve_options *options, const struct serve_option *option,
                                  const char *value)
{
    char *end;
    long mode = strtol(value, &end, 8);
    if (*value < '0' || *value > '7' || *end != '\0' || mode > 0777) {
        return complain_of_usage("--%s takes permissions as chmod does in octal, such as 660, and "
                                 "not '%s'",
                                 option->name, value);
    }
    options->socket_mode = (int) mode;
    return 0;
}

static int serve_options_set_reuseport(struct serve_options *options,
                                       const struct serve_option *option, const char *value)
{
    bool on = strcmp(value, "on") == 0;
    options->reuseport = on ? NNG_URING_REUSEPORT_ON : NNG_URING_REUSEPORT_OFF;
    return on || strcmp(value, "off") == 0
               ? 0
               : complain_of_usage("--%s takes on or off, not '%s'", option->name, value);
}

/* ---- All of them -------------------------------------------------------------------------- */

#define PLACE(field) offsetof(struct serve_options, field)

static const struct serve_option table[] = {
    /* the command line's only */
    { "config", serve_options_set_text, PLACE(config), false },
    { "check", serve_options_set_flag, PLACE(check), false },

    { "precompressed", serve_options_set_flag, PLACE(precompressed), true },
    { "autoindex", serve_options_set_flag, PLACE(autoindex), true },
    { "spa", serve_options_set_text, PLACE(spa), true },
    { "cache-control", serve_options_add, PLACE(cache_control), true },
    { "cors", serve_options_add, PLACE(cors), true },
    { "error-pages", serve_options_set_text, PLACE(error_pages), true },
    { "listen", serve_options_add_listen, 0, false },
    { "socket-mode", serve_options_set_mode, 0, false },
    { "reuseport", serve_options_set_reuseport, 0, false },
    { "loops", serve_options_set_loops, 0, false },
    { "tls-cert", serve_options_set_text, PLACE(tls.cert), false },
    { "tls-key", serve_options_set_text, PLACE(tls.key), false },
    { "tls-ca", serve_options_set_text, PLACE(tls.ca), false },
    { "tls-verify", serve_options_set_flag, PLACE(tls.verify), false },
    { "tls-self-signed", serve_options_set_flag, PLACE(tls.self_signed), false },
    { "ws-echo", serve_options_set_path, PLACE(ws_echo), false },
    { "drain-delay", serve_options_set_ms, PLACE(drain_delay), false },
    { "drain-timeout", serve_options_set_ms, PLACE(drain_timeout), false },
    { "access-log", serve_options_set_text, PLACE(access_log), false },
    { "log-format", serve_options_set_log_format, 0, false },
    { "admin", serve_options_set_text, PLACE(admin), false },
    { "trusted", serve_options_set_text, PLACE(trusted), false },
    { "proxy-protocol", serve_options_set_flag, PLACE(proxy), false },
    { "upgrade", serve_options_set_text, PLACE(upgrade), false },
    { "user", serve_options_set_text, PLACE(user), false },
    { "head-timeout", serve_options_set_limit, NNG_URING_HEAD_TIMEOUT, false },
    { "idle-timeout", serve_options_set_limit, NNG_URING_IDLE_TIMEOUT, false },
    { "body-timeout", serve_options_set_limit, NNG_URING_BODY_TIMEOUT, false },
    { "write-timeout", serve_options_set_limit, NNG_URING_WRITE_TIMEOUT, false },
    { "head-bytes", serve_options_set_limit, NNG_URING_HEAD_BYTES, false },
    { "head-fields", serve_options_set_limit, NNG_URING_HEAD_FIELDS, false },
    { "drain-bytes", serve_options_set_limit, NNG_URING_DRAIN_BYTES, false },
    { "connections", serve_options_set_limit, NNG_URING_CONNECTIONS, false },
    { "linger-timeout", serve_options_set_limit, NNG_URING_LINGER_TIMEOUT, false },
    { "linger-bytes", serve_options_set_limit, NNG_URING_LINGER_BYTES, false },
    { "collect-bytes", serve_options_set_limit, NNG_URING_COLLECT_BYTES, false },
    { "body-total-timeout", serve_options_set_limit, NNG_URING_BODY_TOTAL_TIMEOUT, false },
    { "body-rate", serve_options_set_limit, NNG_URING_BODY_RATE, false },
    { "client-connections", serve_options_set_limit, NNG_URING_CLIENT_CONNECTIONS, false },
    { "client-requests", serve_options_set_limit, NNG_URING_CLIENT_REQUESTS, false },
    { "write-rate", serve_options_set_limit, NNG_URING_WRITE_RATE, false },

    /* a file's only: on the command line it needs no name */
    { "dir", serve_options_set_dir, 0, true },
};

#define OPTIONS (sizeof table / sizeof *table)
#define LINE_OPTIONS (OPTIONS - 1)
#define FILE_OPTIONS 2 /* the first of a file's */

const char *serve_options_name(enum nng_uring_limit limit)
{
    size_t i = 0;
    while (table[i].set != serve_options_set_limit || table[i].at != (size_t) limit) {
        i++;
    }
    return table[i].name;
}

/* ---- The command line --------------------------------------------------------------------- */

#define FIRST 1000 /* what getopt_long() returns for table[0] */

static int serve_options_read_line(struct serve_options *options, int argc, char **argv)
{
    struct option longs[LINE_OPTIONS + 1] = { 0 };
    int c, at = 1, status = 0;
    for (size_t i = 0; i < LINE_OPTIONS; i++) {
        bool flag = table[i].set == serve_options_set_flag;
        longs[i] = (struct option){ table[i].name, flag ? no_argument : required_argument, NULL,
                                    FIRST + (int) i };
    }
    opterr = 0;
    optind = 0; /* GNU's word for from the start */
    while (status == 0 && (c = getopt_long(argc, argv, "-:", longs, NULL)) != -1) {
        if (c == ':' || c == '?') {
            status = complain_of_usage(
                c == ':' ? "%s needs a value" : "there is no option '%s'; see --help", argv[at]);
        } else if (c >= FIRST) {
            const struct serve_option *option = &table[c - FIRST];
            status = option->set(options, option, optarg);
        } else {
            status = serve_options_set_dir(options, NULL, optarg);
        }
        at = optind;
    }
    for (; status == 0 && optind < argc; optind++) { /* behind a "--" */
        status = serve_options_set_dir(options, NULL, argv[optind]);
    }
    return status;
}

/* ---- The file ----------------------------------------------------------------------------- */

/* One "name value"; the options point into the line. */
static int serve_options_take(struct serve_options *options, char *line)
{
    char *name = line + strspn(line, " \t\r");
    if (*name == '\0' || *name == '#') {
        return 0;
    }
    for (char *end = name + strlen(name); isspace((unsigned char) end[-1]); end--) {
        end[-1] = '\0';
    }
    char *value = name + strcspn(name, " \t");
    if (*value != '\0') {
        *value++ = '\0';
        value += strspn(value, " \t");
    }
    for (const struct serve_option *option = &table[FILE_OPTIONS]; option < table + OPTIONS;
         option++) {
        if (strcmp(option->name, name) == 0) {
            bool flag = option->set == serve_options_set_flag;
            return *value == '\0' && !flag ? complain_of_usage("%s needs a value", name)
                                           : option->set(options, option, value);
        }
    }
    return complain_of_usage("there is no '%s' to be configured; see --help", name);
}

static char *config_text; /* which stays, for the options point into it */

/* All of it. NULL: it cannot be read. */
static char *serve_options_load(const char *path)
{
    char *text = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return NULL;
    }
    ssize_t n = getdelim(&text, &room, '\0', file);
    bool bad = ferror(file) != 0 || text == NULL;
    if (!bad && n > 0 && text[n - 1] == '\0') { /* what follows would not count */
        bad = true;
        errno = EILSEQ;
    }
    fclose(file);
    if (!bad && n < 0) {
        *text = '\0'; /* it is empty */
    }
    if (bad) {
        free(text);
        return NULL;
    }
    free(config_text);
    config_text = text;
    return text;
}

static int serve_options_read_file(struct serve_options *options)
{
    char *text = serve_options_load(options->config);
    int status = 0, number = 0;
    if (text == NULL) {
        return complain_of_usage("--config %s cannot be read: %m", options->config);
    }
    options->from_file = true;
    for (char *line; status == 0 && (line = strsep(&text, "\n")) != NULL;) {
        number++;
        status = serve_options_take(options, line);
    }
    if (status != 0) {
        complain("that was %s, line %d", options->config, number);
    }
    options->from_file = false;
    return status;
}

/* NULL: nothing of it is about what there is none of. */
static const char *serve_options_misused(const struct serve_options *options)
{
    bool files = options->precompressed || options->autoindex || options->spa != NULL ||
                 options->cache_control.n > 0 || options->cors.n > 0;
    if (options->proxy && options->trusted == NULL) {
        return "--proxy-protocol needs --trusted: the addresses of those who may say whom they "
               "speak for";
    }
    return files && options->dir == NULL ? "--precompressed, --autoindex, --spa, --cache-control "
                                           "and --cors are for the files "
                                           "of a directory; name one"
                                         : serve_tls_misused(&options->tls);
}

static int serve_options_read_all(struct serve_options *options, int argc, char **argv)
{
    struct serve_options fresh = { .drain_timeout = 30000,
                                   .log_format = "combined",
                                   .socket_mode = -1 };
    *options = fresh;
    int status = serve_options_read_line(options, argc, argv);
    if (status == 0 && options->config != NULL) {
        fresh.config = options->config;
        *options = fresh;
        status = serve_options_read_file(options);
        if (status == 0) { /* what it says counts more: once more */
            status = serve_options_read_line(options, argc, argv);
        }
    }
    const char *wrong = status == 0 ? serve_options_misused(options) : NULL;
    for (unsigned i = 0; i < options->nlisten && options->ws_echo != NULL; i++) {
        if (strncmp(options->listen[i], "unix:", 5) == 0) {
            wrong = "--ws-echo is for --listen with an address, and not for a UNIX socket";
        }
    }
    if (options->nlisten == 0) {
        options->listen[options->nlisten++] = "127.0.0.1:8080";
    }
    return wrong != NULL ? complain_of_usage("%s", wrong) : status;
}

int serve_options_read(struct serve_options *options, int argc, char **argv)
{
    char text[16];
    int status = serve_options_read_all(options, argc, argv);
    if (status == 0 && options->loops > 0) {
        snprintf(text, sizeof text, "%u", options->loops);
        status = setenv("NNG_URING_LOOPS", text, 1) == 0 ? 0 : complain("%m");
    }
    return status;
}

/* ---- Again -------------------------------------------------------------------------------- */

static bool serve_options_differ(const char *a, const char *b)
{
    return a != b && (a == NULL || b == NULL || strcmp(a, b) != 0);
}

static bool serve_options_lists_differ(const char *const *a, size_t na, const char *const *b,
                                       size_t nb)
{
    for (size_t i = 0; i < na && na == nb; i++) {
        if (serve_options_differ(a[i], b[i])) {
            return true;
        }
    }
    return na != nb;
}

/* A limit has when it is not given any more: what it would be then is not known here. */
static bool serve_options_has_changed(const struct serve_option *option,
                                      const struct serve_options *fresh,
                                      const struct serve_options *old)
{
    const char *a = (const char *) fresh + option->at, *b = (const char *) old + option->at;
    if (option->set == serve_options_set_text || option->set == serve_options_set_path) {
        return serve_options_differ(*(const char *const *) a, *(const char *const *) b);
    }
    if (option->set == serve_options_set_flag) {
        return *(const bool *) a != *(const bool *) b;
    }
    if (option->set == serve_options_set_ms) {
        return *(const nng_duration *) a != *(const nng_duration *) b;
    }
    if (option->set == serve_options_add) {
        const struct serve_list *x = (const struct serve_list *) a;
        const struct serve_list *y = (const struct serve_list *) b;
        return serve_options_lists_differ(x->v, x->n, y->v, y->n);
    }
    if (option->set == serve_options_add_listen) {
        return !old->passed &&
               serve_options_lists_differ(fresh->listen, fresh->nlisten, old->listen, old->nlisten);
    }
    if (option->set == serve_options_set_limit) {
        return old->limited[option->at] && !fresh->limited[option->at];
    }
    if (option->set == serve_options_set_mode) {
        return fresh->socket_mode != old->socket_mode;
    }
    if (option->set == serve_options_set_reuseport) {
        return fresh->reuseport != old->reuseport;
    }
    if (option->set == serve_options_set_loops) {
        return fresh->loops != old->loops;
    }
    return option->set == serve_options_set_dir
               ? serve_options_differ(fresh->dir, old->dir)
               : serve_options_differ(fresh->log_format, old->log_format);
}

void serve_options_say_vain(const char *name)
{
    complain("--%s has changed, which a restart or --upgrade would put in force, and not SIGHUP",
             name);
}

static char *fresh_text; /* what was read again, until it is settled, */
static char *kept_text;  /* and what of that the options point into */

static void serve_options_forget(char **text)
{
    free(*text);
    *text = NULL;
}

int serve_options_read_again(struct serve_options *fresh, const struct serve_options *old, int argc,
                             char **argv)
{
    char *text = config_text;
    config_text = NULL;
    int status = serve_options_read_all(fresh, argc, argv);
    fresh_text = config_text;
    config_text = text;
    if (status != 0) {
        serve_options_forget(&fresh_text);
        return status;
    }
    for (const struct serve_option *option = &table[FILE_OPTIONS]; option < table + OPTIONS;
         option++) {
        if (!option->files && serve_options_has_changed(option, fresh, old)) {
            serve_options_say_vain(option->name);
        }
    }
    return 0;
}

bool serve_options_files_differ(const struct serve_options *fresh, const struct serve_options *old)
{
    bool differ = false;
    for (size_t i = FILE_OPTIONS; i < OPTIONS && !differ; i++) {
        differ = table[i].files && serve_options_has_changed(&table[i], fresh, old);
    }
    return differ;
}

void serve_options_settle(struct serve_options *options, const struct serve_options *fresh,
                          bool keep)
{
    if (keep) {
        options->dir = fresh->dir;
        options->precompressed = fresh->precompressed;
        options->autoindex = fresh->autoindex;
        options->spa = fresh->spa;
        options->cache_control = fresh->cache_control;
        options->cors = fresh->cors;
        options->error_pages = fresh->error_pages;
        serve_options_forget(&kept_text);
        kept_text = fresh_text;
        fresh_text = NULL;
    }
    serve_options_forget(&fresh_text);
}

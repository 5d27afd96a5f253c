/* SPDX-License-Identifier: MIT */
#include "cmd/serve.h"

#include "cmd/access_log.h"
#include "cmd/admin.h"
#include "cmd/complain.h"
#include "cmd/metrics.h"
#include "cmd/notify.h"
#include "cmd/output.h"
#include "cmd/serve_echo.h"
#include "cmd/serve_files.h"
#include "cmd/serve_options.h"
#include "cmd/serve_print.h"
#include "cmd/serve_site.h"
#include "cmd/serve_sockets.h"
#include "cmd/serve_tls.h"
#include "cmd/signals.h"
#include "cmd/upgrade.h"
#include "cmd/user.h"

#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <nng/uring.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define END_MS 5000       /* what is left when it is drained takes less */
#define LEAVE_MS 100      /* at a time: it may be told to end at once meanwhile */
#define FOR_EVER 86400000 /* milliseconds, as systemd is to be told */

static struct serving {
    struct serve_options options;
    pthread_mutex_t lock;                       /* for those who may be told to reload them */
    nng_http_server *servers[SERVE_MAX_LISTEN]; /* one for each --listen; those that listen */
    nng_http_handler *files[SERVE_MAX_LISTEN];  /* what they serve of a directory; NULL: nothing */
    unsigned nservers;
    struct serve_echo *echoes[SERVE_MAX_LISTEN]; /* likewise; NULL: none */
    struct user user;                            /* of --user */
    bool ready;                                  /* systemd has heard that it serves */
    bool ending;                                 /* or that it does not any more */
    bool handed_over;                            /* to another process */
    int argc;
    char **argv;
} serving = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* What the library warns of; that there is no io_uring is among the facts that are printed. */
static void serve_log(nng_log_level level, nng_log_facility facility, const char *id,
                      const char *text)
{
    (void) facility;
    if (level <= NNG_LOG_WARN && strcmp(id != NULL ? id : "", "NNG-URING") != 0) {
        output_print(OUTPUT_ERR, "nng-uring serve: %s\n", text);
    }
}

/* ---- Requests ----------------------------------------------------------------------------- */

static void serve_request_over(void *arg, const nng_uring_request *request)
{
    (void) arg;
    access_log_add(request);
    if (serving.options.admin != NULL) {
        metrics_add(request);
    }
}

/* ---- Signals: on a thread of their own, from the first to the last ------------------------- */

static void serve_count(void)
{
    serve_print_counts();
}

/* The next connections have the new certificate; with one that is not good all stays as it is. */
static bool serve_reload_tls(void)
{
    nng_tls_config *config, *old;
    if (serving.options.tls.cert == NULL || serving.nservers == 0) {
        return true;
    }
    if (serve_tls_load(&serving.options.tls, NULL, &config, complain) != 0) {
        return false;
    }
    for (unsigned i = 0; i < serving.nservers; i++) {
        if (nng_http_server_get_tls(serving.servers[i], &old) == 0) {
            nng_tls_config_free(old);
            (void) nng_http_server_set_tls(serving.servers[i], config); /* it has one */
        }
    }
    nng_tls_config_free(config);
    return true;
}

/* Of one that runs set_limit() says that it is too late only where the value is allowed. */
static bool serve_allows_limits(const struct serve_options *fresh)
{
    for (int i = 0; i < SERVE_LIMITS; i++) {
        enum nng_uring_limit limit = (enum nng_uring_limit) i;
        if (fresh->limited[i] &&
            nng_uring_server_set_limit(serving.servers[0], limit, fresh->limits[i]) == NNG_EINVAL) {
            complain("--%s %ju: that is out of range; see --help", serve_options_name(limit),
                     (uintmax_t) fresh->limits[i]);
            return false;
        }
    }
    return true;
}

/* False: it stays as it was. */
static bool serve_change_limit(enum nng_uring_limit limit, uint64_t value)
{
    const struct serve_options *old = &serving.options;
    int err = 0;
    for (unsigned i = 0; i < serving.nservers && err == 0; i++) {
        err = nng_uring_server_change_limit(serving.servers[i], limit, value);
    }
    if (err != 0 && !(old->limited[limit] && old->limits[limit] == value)) {
        serve_options_say_vain(serve_options_name(limit));
    }
    return err == 0;
}

static void serve_reload_limits(const struct serve_options *fresh)
{
    for (int i = 0; i < SERVE_LIMITS; i++) {
        if (fresh->limited[i] && serve_change_limit((enum nng_uring_limit) i, fresh->limits[i])) {
            serving.options.limited[i] = true;
        }
    }
}

/* One for each server, or (false) none. */
static bool serve_make_files(const struct serve_options *fresh, nng_http_handler **made)
{
    bool good = serve_files_check_dir(fresh->dir) == 0;
    unsigned n = 0;
    while (n < serving.nservers && good) {
        good = serve_files_make(fresh, &made[n]) == 0;
        n += good;
    }
    while (n > 0 && !good) {
        nng_http_handler_free(made[--n]);
    }
    return good;
}

/* A request finds the one or the other; those in hand are answered as they were begun. */
static bool serve_replace_files(nng_http_handler **made)
{
    bool good = true;
    for (unsigned i = 0; i < serving.nservers; i++) {
        nng_http_handler *old = serving.files[i];
        int err = nng_uring_server_replace_handler(serving.servers[i], old, made[i]);
        if (err != 0) {
            complain("%s: its directory stays: %s", serving.options.listen[i], nng_strerror(err));
            good = false;
        }
        nng_http_handler_free(err == 0 ? old : made[i]);
        serving.files[i] = err == 0 ? made[i] : old;
    }
    return good;
}

static bool serve_reload_error_pages(const struct serve_options *fresh)
{
    bool good = true;
    for (unsigned i = 0; i < serving.nservers && good; i++) {
        good = serve_files_set_error_pages(fresh, serving.servers[i]) == 0;
    }
    return good;
}

/* Pages for errors are read again whether their directory has changed or not. */
static bool serve_reload_files(const struct serve_options *fresh, bool *kept)
{
    nng_http_handler *made[SERVE_MAX_LISTEN];
    *kept = false;
    if ((fresh->dir == NULL) != (serving.options.dir == NULL)) {
        serve_options_say_vain("dir"); /* the site of nng-uring is no directory */
        return true;
    }
    bool differ = fresh->dir != NULL && serve_options_files_differ(fresh, &serving.options);
    if (!serve_reload_error_pages(fresh) || (differ && !serve_make_files(fresh, made))) {
        return false;
    }
    *kept = true;
    return !differ || serve_replace_files(made);
}

/* All of the file, or (false) not. */
static bool serve_reload_options(void)
{
    struct serve_options fresh, *old = &serving.options;
    bool kept;
    if (!serving.ready || serving.nservers == 0) {
        return true; /* it starts, or goes */
    }
    if (serve_options_read_again(&fresh, old, serving.argc - 1, serving.argv + 1) != 0) {
        return false;
    }
    if (!serve_allows_limits(&fresh)) {
        serve_options_settle(old, &fresh, false);
        return false;
    }
    bool good = serve_reload_files(&fresh, &kept);
    if (good) {
        serve_reload_limits(&fresh);
    }
    serve_options_settle(old, &fresh, kept);
    return good;
}

/* What is in a directory is looked up anew anyway; what is read once is read again here. */
static void serve_reload(void)
{
    pthread_mutex_lock(&serving.lock);
    if (serving.ready) {
        notify_reloading();
    }
    bool ok = serve_reload_tls();
    ok = serve_reload_options() && ok;
    ok = access_log_reopen() && ok;
    if (serving.ready) {
        notify_ready(ok ? "serving" : "serving, but not reloaded");
    }
    pthread_mutex_unlock(&serving.lock);
    output_print(OUTPUT_ERR, ok ? "nng-uring: reloaded\n"
                                : "nng-uring: not reloaded, what was there before stays\n");
}

static void serve_upgrade(void)
{
    if (serving.options.upgrade == NULL) {
        complain("SIGUSR2 is for --upgrade PATH, without which nothing can take over");
    } else {
        upgrade_spawn(serving.argv);
    }
}

static void serve_finish(void)
{
    const struct serve_options *options = &serving.options;
    long drain = options->drain_timeout > 0 ? options->drain_timeout : FOR_EVER;
    admin_set_unready();
    pthread_mutex_lock(&serving.lock);
    serving.ready = false;
    serving.ending = true;
    notify_stopping(options->drain_delay + drain + END_MS);
    pthread_mutex_unlock(&serving.lock);
    output_print(OUTPUT_ERR,
                 "nng-uring: finishing what is in hand; another signal ends it at once\n");
}

/* ---- Another process takes over: on the thread of --upgrade -------------------------------- */

static bool serve_hand(int to)
{
    bool ok = true;
    pthread_mutex_lock(&serving.lock);
    for (unsigned i = 0; i < serving.nservers && ok; i++) {
        ok = serve_sockets_hand(&serving.options, i, serving.servers[i], to);
    }
    ok = ok && admin_hand(&serving.options, to);
    pthread_mutex_unlock(&serving.lock);
    return ok;
}

/* The servers stay until this thread has ended. */
static void serve_hand_over(pid_t to)
{
    pthread_mutex_lock(&serving.lock);
    serving.handed_over = true;
    serving.ready = false;
    notify_main((int) to);
    pthread_mutex_unlock(&serving.lock);
    admin_leave();
    for (unsigned i = 0; i < serving.nservers; i++) {
        (void) nng_uring_server_leave(serving.servers[i], 0);
    }
    output_print(OUTPUT_ERR, "nng-uring: process %d has taken over; finishing what is in hand\n",
                 (int) to);
    signals_end();
}

static void serve_keep(void)
{
    for (unsigned i = 0; i < serving.nservers; i++) {
        serve_sockets_own(&serving.options, serving.servers[i]);
    }
}

static bool serve_is_handed_over(void)
{
    pthread_mutex_lock(&serving.lock);
    bool handed_over = serving.handed_over;
    pthread_mutex_unlock(&serving.lock);
    return handed_over;
}

static bool serve_is_ending(void)
{
    pthread_mutex_lock(&serving.lock);
    bool ending = serving.ending;
    pthread_mutex_unlock(&serving.lock);
    return ending;
}

/* ---- The end ------------------------------------------------------------------------------ */

/* Whoever sends it requests has time to learn that it is going away. */
static void serve_retire(void)
{
    for (unsigned i = 0; i < serving.nservers; i++) {
        (void) nng_uring_server_retire(serving.servers[i]);
    }
    nng_msleep(serving.options.drain_delay);
}

/* Another process accepts; who has a connection here is answered once more before it is closed, and
 * who has not asked for as long as --drain-timeout is not waited for. */
static void serve_leave(void)
{
    nng_duration ms = serving.options.drain_timeout > 0 ? serving.options.drain_timeout : FOR_EVER;
    nng_time until = nng_clock() + (nng_time) ms;
    for (unsigned i = 0; i < serving.nservers; i++) {
        while (nng_uring_server_leave(serving.servers[i], LEAVE_MS) != 0 && nng_clock() < until &&
               !serve_is_ending()) {
        }
    }
}

struct serve_drain {
    nng_thread *thread;
    nng_http_server *server;
    int err;
};

static void serve_drain_one(void *arg)
{
    struct serve_drain *drain = arg;
    nng_duration ms = serving.options.drain_timeout;
    drain->err = nng_uring_server_drain(drain->server, ms > 0 ? ms : NNG_DURATION_INFINITE);
}

/* All at a time: none goes on accepting while another one is waited for. */
static int serve_drain(void)
{
    struct serve_drain drains[SERVE_MAX_LISTEN];
    int status = SERVE_OK;
    for (unsigned i = 0; i < serving.nservers; i++) {
        drains[i] = (struct serve_drain){ .server = serving.servers[i] };
        if (nng_thread_create(&drains[i].thread, serve_drain_one, &drains[i]) != 0) {
            drains[i].thread = NULL;
            serve_drain_one(&drains[i]);
        }
    }
    for (unsigned i = 0; i < serving.nservers; i++) {
        if (drains[i].thread != NULL) {
            nng_thread_destroy(drains[i].thread);
        }
        if (drains[i].err != 0) {
            complain("gave up on connections that did not end");
            status = SERVE_UNDRAINED;
        }
    }
    return status;
}

static void serve_release(void)
{
    pthread_mutex_lock(&serving.lock);
    for (unsigned i = 0; i < serving.nservers; i++) {
        serve_echo_stop(serving.echoes[i]);
    }
    while (serving.nservers > 0) {
        nng_http_server_release(serving.servers[--serving.nservers]);
    }
    pthread_mutex_unlock(&serving.lock);
}

/* It cannot start. Who was accepted by then is answered, for another process may have the sockets,
 * too: its clients are not to notice. */
static void serve_give_up(void)
{
    upgrade_stop(); /* that one goes on, and hears so at once */
    (void) serve_drain();
}

/* ---- The beginning ------------------------------------------------------------------------ */

/* A server for a --listen, which listens unless it is only to be checked. */
static int serve_add(unsigned index)
{
    nng_http_server *server;
    const char *where = serving.options.listen[index];
    nng_http_handler *files;
    int status = serve_site_make(&serving.options, where, &server, &files);
    if (status != 0) {
        return status;
    }
    status = serve_sockets_give(&serving.options, index, server);
    if (serving.options.access_log != NULL || serving.options.admin != NULL) {
        (void) nng_uring_server_set_request_hook(server, serve_request_over, NULL);
    }
    if (status == 0 && !serving.options.check) {
        status = serve_site_bind(server, where);
    }
    if (status != 0 || serving.options.check) {
        nng_http_server_release(server);
        return status;
    }
    pthread_mutex_lock(&serving.lock);
    serving.files[serving.nservers] = files;
    serving.servers[serving.nservers++] = server;
    pthread_mutex_unlock(&serving.lock);
    return 0;
}

static int serve_start(unsigned index)
{
    const char *where = serving.options.listen[index];
    struct serve_echo *echo;
    int err = serve_echo_start(&serving.options, where, &echo);
    if (err != 0) {
        return serve_site_explain(err, where);
    }
    pthread_mutex_lock(&serving.lock);
    serving.echoes[index] = echo;
    pthread_mutex_unlock(&serving.lock);
    return serve_site_start(serving.servers[index], where);
}

/* All that takes privileges: none of the library's threads is there yet. */
static int serve_bind_all(void)
{
    const struct serve_options *options = &serving.options;
    int status = options->admin != NULL ? admin_bind(options) : 0;
    for (unsigned i = 0; status == 0 && i < options->nlisten; i++) {
        status = serve_add(i);
    }
    return status;
}

/* The directory is read as that user. */
static int serve_become_user(void)
{
    const struct serve_options *options = &serving.options;
    if (geteuid() == 0) {
        access_log_give(serving.user.uid);
    }
    int status = user_become(&serving.user);
    return status == 0 && options->dir != NULL ? serve_files_check_dir(options->dir) : status;
}

static int serve_start_all(void)
{
    const struct serve_options *options = &serving.options;
    int status = options->admin != NULL ? admin_start(options) : 0;
    for (unsigned i = 0; status == 0 && i < options->nlisten; i++) {
        status = serve_start(i);
    }
    return status;
}

static void serve_say_ready(void)
{
    pthread_mutex_lock(&serving.lock);
    serving.ready = !serving.ending;
    if (serving.ready) {
        notify_ready("serving");
    }
    pthread_mutex_unlock(&serving.lock);
}

static int serve_until_the_end(void)
{
    static const struct upgrade_actions actions = { serve_hand, serve_hand_over, serve_keep };
    const char *upgrade = serving.options.upgrade;
    int status = upgrade != NULL ? upgrade_start(upgrade, &actions) : 0;
    if (status != 0) {
        serve_give_up();
        return status;
    }
    upgrade_say_ready();
    serve_keep();                      /* what the other one has left is this one's */
    serve_say_ready();                 /* whoever reads what comes next may send signals */
    pthread_mutex_lock(&serving.lock); /* printing waits for nobody */
    serve_print_start(&serving.options, serving.servers, serving.nservers);
    pthread_mutex_unlock(&serving.lock);
    notify_start_watchdog();
    signals_await_end();
    if (serve_is_handed_over()) {
        notify_end_watchdog();
        serve_leave();
    } else {
        serve_retire();
    }
    status = serve_drain();
    notify_end_watchdog();
    return status;
}

static int serve(void)
{
    int status = 0;
    const struct serve_options *options = &serving.options;
    if (options->access_log != NULL && !options->check) {
        pthread_mutex_lock(&serving.lock); /* SIGHUP may come already */
        status = access_log_open(options->access_log, options->log_format);
        pthread_mutex_unlock(&serving.lock);
    }
    status = status == 0 ? serve_bind_all() : status;
    if (status == 0 && !options->check) {
        status = options->user != NULL ? serve_become_user() : 0;
        status = status == 0 ? serve_start_all() : status;
    }
    if (status != 0) {
        serve_give_up();
    } else if (options->check) {
        output_print(OUTPUT_OUT, "nng-uring serve: these options are good\n");
    } else {
        status = serve_until_the_end();
    }
    upgrade_stop();
    serve_release();
    admin_stop();
    return status;
}

/* What can be known before anything is begun. */
static int serve_prepare(void)
{
    const struct serve_options *options = &serving.options;
    int status = options->user != NULL ? user_find(options->user, &serving.user) : 0;
    if (status == 0 && options->user != NULL && !options->check) {
        return user_prepare(&serving.user);
    }
    return status == 0 && options->dir != NULL ? serve_files_check_dir(options->dir) : status;
}

int cmd_serve(int argc, char **argv)
{
    static const struct signals_actions actions = { serve_count, serve_upgrade, serve_reload,
                                                    serve_finish };
    nng_log_set_logger(serve_log);
    serving.argc = argc;
    serving.argv = argv;
    int status = serve_options_read(&serving.options, argc - 1, argv + 1);
    if (status == 0) {
        status = serve_sockets_take(&serving.options);
    }
    notify_open();
    status = status == 0 ? serve_prepare() : status;
    if (status == 0 && signals_start(&actions) != 0) { /* before there is another thread */
        status = complain("no thread for signals: %m");
    }
    if (status == 0) {
        status = serve();
        signals_stop();
        nng_fini();
        access_log_close();
    }
    output_end();
    return status;
}

/* SPDX-License-Identifier: MIT */
#include "http/server_shard.h"

#include "base/clock.h"
#include "base/seldom.h"
#include "http/response_batch.h"
#include "http/session.h"
#include "http/session_state.h"
#include "io/runtime.h"
#include "net/address.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY (50 * NU_MS)
#define GRACE (250 * NU_MS) /* idle for less, a request may be on its way */
#define MOVES 16            /* of a guest, until it stays where it is for a while */
#define LOOKS_AT 4096       /* sessions at a time, where nobody is idle */

static void server_shard_check_gone(struct nu_server_shard *shard);

/* ---- Who waits for a place ---------------------------------------------------------------- */

static void server_shard_refuse(int fd, struct nu_source *source)
{
    nu_source_leave(source);
    close(fd);
}

static void server_shard_serve(struct nu_server_shard *shard, int fd, struct nu_source *source)
{
    shard->nsessions++;
    if (nu_session_start(&shard->service, fd, source) != 0) {
        shard->nsessions--;
        nu_places_give(&shard->places);
        server_shard_refuse(fd, source);
    }
}

static void server_shard_ask_to_admit(struct nu_server_shard *shard)
{
    if (!shard->admitting) {
        shard->admitting = true;
        nu_loop_post(shard->service.loop, &shard->admit);
    }
}

static void server_shard_append_guest(struct nu_server_shard *shard, struct nu_guest *guest)
{
    nu_list_append(&shard->guests, &guest->link);
    shard->nguests++;
    server_shard_ask_to_admit(shard);
}

static void server_shard_unlist_guest(struct nu_server_shard *shard, struct nu_guest *guest)
{
    nu_list_remove(&guest->link);
    shard->nguests--;
}

static void server_shard_free_guest(struct nu_guest *guest)
{
    nu_places_give_guest();
    free(guest);
}

/* The socket is ours, if so. */
static bool server_shard_add_guest(struct nu_server_shard *shard, int fd, struct nu_source *source,
                                   void (*come)(struct nu_task *task))
{
    if (!nu_places_take_guest()) {
        return false;
    }
    struct nu_guest *guest = malloc(sizeof *guest);
    if (guest == NULL) {
        nu_places_give_guest();
        return false;
    }
    *guest = (struct nu_guest){ .fd = fd, .source = source };
    nu_list_init(&guest->link);
    nu_task_init(&guest->come, come);
    server_shard_append_guest(shard, guest);
    return true;
}

static void server_shard_drop_guests(struct nu_server_shard *shard)
{
    struct nu_list *next;
    for (struct nu_list *n = shard->guests.next; n != &shard->guests; n = next) {
        struct nu_guest *guest = nu_container(n, struct nu_guest, link);
        next = n->next;
        server_shard_unlist_guest(shard, guest);
        server_shard_refuse(guest->fd, guest->source);
        server_shard_free_guest(guest);
    }
    nu_timer_disarm(&shard->service.loop->timers, &shard->retry);
}

/* The last one goes where somebody has been idle for longer. */
static bool server_shard_pass(struct nu_server_shard *shard, uint64_t since)
{
    struct nu_guest *guest = nu_container(shard->guests.prev, struct nu_guest, link);
    if (guest->moves == MOVES) {
        return false;
    }
    server_shard_unlist_guest(shard, guest);
    guest->moves++;
    if (shard->pass(shard, guest, since)) {
        return true;
    }
    nu_list_append(&shard->guests, &guest->link);
    shard->nguests++;
    return false;
}

/* Who has been idle longest goes, be it on another loop. Those found not to be are idle for less
 * long than all others when they are so again. False: nobody is. */
static bool server_shard_make_room(struct nu_server_shard *shard)
{
    struct nu_list *all = &shard->service.sessions;
    unsigned n = shard->nsessions < LOOKS_AT ? shard->nsessions : LOOKS_AT;
    for (; n > 0 && !nu_list_empty(all); n--) {
        struct nu_session *session = nu_container(all->next, struct nu_session, link);
        if (nu_session_is_idle(session)) {
            if (server_shard_pass(shard, session->idle_since)) {
                return true;
            }
            if (session->idle_since + GRACE > nu_loop_now(shard->service.loop)) {
                return false;
            }
            shard->evicting++; /* before it may be over */
            if (nu_session_evict(session)) {
                return true;
            }
            shard->evicting--;
        }
        nu_session_rank(session);
    }
    return server_shard_pass(shard, NU_NEVER);
}

static void server_shard_admit(struct nu_task *task)
{
    struct nu_server_shard *shard = nu_container(task, struct nu_server_shard, admit);
    struct nu_timers *timers = &shard->service.loop->timers;
    bool going_on = true;
    shard->admitting = false;
    while (going_on && !nu_list_empty(&shard->guests)) {
        if (nu_places_take(&shard->places)) {
            struct nu_guest *guest = nu_container(shard->guests.next, struct nu_guest, link);
            int fd = guest->fd;
            struct nu_source *source = guest->source;
            server_shard_unlist_guest(shard, guest);
            server_shard_free_guest(guest);
            server_shard_serve(shard, fd, source);
        } else {
            going_on = shard->evicting < shard->nguests && server_shard_make_room(shard);
        }
    }
    nu_timer_disarm(timers, &shard->retry);
    if (!nu_list_empty(&shard->guests)) {
        nu_timer_arm(timers, &shard->retry, nu_now() + RETRY);
    } else {
        for (unsigned i = 0; i < shard->nlisteners; i++) {
            nu_listener_look(&shard->listeners[i]);
        }
    }
    server_shard_check_gone(shard);
}

static void server_shard_retry(struct nu_timer *timer)
{
    struct nu_server_shard *shard = nu_container(timer, struct nu_server_shard, retry);
    for (struct nu_list *n = shard->guests.next; n != &shard->guests; n = n->next) {
        nu_container(n, struct nu_guest, link)->moves = 0;
    }
    server_shard_ask_to_admit(shard);
}

/* ---- The end ------------------------------------------------------------------------------ */

void nu_server_shard_free(struct nu_server_shard *shard)
{
    nu_response_batch_free_all(&shard->service.spare_batches);
    nu_buf_free(&shard->service.spare_body);
    nu_file_bufpool_free(&shard->service.file_buffers);
    free(shard->listeners);
    free(shard);
}

/* When nothing is left of it, and no task is to come, the server lets go of it. */
static void server_shard_check_gone(struct nu_server_shard *shard)
{
    if (shard->listening == 0 && shard->nsessions == 0 && shard->nguests == 0 &&
        !shard->admitting) {
        (void) shard->gone(shard);
    }
}

static void server_shard_session_ended(struct nu_service *service)
{
    struct nu_server_shard *shard = nu_container(service, struct nu_server_shard, service);
    shard->nsessions--;
    nu_places_give(&shard->places);
    shard->evicting -= shard->evicting > 0;
    if (shard->nguests > 0) {
        server_shard_ask_to_admit(shard);
    }
    server_shard_check_gone(shard);
}

/* Each session leaves the list, or stays in it to finish what it has in hand. */
static void server_shard_for_each_session(struct nu_server_shard *shard,
                                          void (*act)(struct nu_session *session))
{
    struct nu_list *next;
    for (struct nu_list *n = shard->service.sessions.next; n != &shard->service.sessions;
         n = next) {
        next = n->next;
        act(nu_container(n, struct nu_session, link));
    }
}

/* Who has connected, and has not been accepted, is served when the end is a gentle one. */
static void server_shard_empty(struct nu_server_shard *shard, bool gently)
{
    for (unsigned i = 0; i < shard->nlisteners; i++) {
        if (!gently) {
            shard->listeners[i].emptied = false;
        } else if (!shard->left) {
            nu_listener_empty(&shard->listeners[i]);
        }
    }
}

static void server_shard_stop_listening(struct nu_server_shard *shard)
{
    bool left = shard->left;
    shard->left = true;
    for (unsigned i = 0; i < shard->nlisteners && !left; i++) {
        nu_listener_stop(&shard->listeners[i]);
    }
}

static void server_shard_end(struct nu_server_shard *shard, bool gently)
{
    void (*act)(struct nu_session *) = gently ? nu_session_drain : nu_session_stop;
    shard->service.retired = true;
    shard->service.draining = true;
    shard->nsessions++; /* keeps the shard while it is being ended */
    if (!gently) {
        shard->stopped = true;
        server_shard_drop_guests(shard);
    }
    server_shard_empty(shard, gently);
    server_shard_for_each_session(shard, act);
    server_shard_stop_listening(shard);
    shard->nsessions--;
    server_shard_check_gone(shard);
}

/* nng_fini() */
static void server_shard_on_stop(struct nu_loop_hook *hook)
{
    struct nu_server_shard *shard = nu_container(hook, struct nu_server_shard, hook);
    pthread_mutex_lock(shard->lock);
    shard->shut = true; /* the listener's descriptor is about to go */
    shard->drained = true;
    pthread_mutex_unlock(shard->lock);
    server_shard_end(shard, false);
}

/* ---- Tasks -------------------------------------------------------------------------------- */

static void server_shard_task_ran(struct nu_server_shard *shard)
{
    pthread_mutex_lock(shard->lock);
    shard->posted--;
    pthread_mutex_unlock(shard->lock);
}

static void server_shard_guest_came(struct nu_task *task)
{
    struct nu_guest *guest = nu_container(task, struct nu_guest, come);
    struct nu_server_shard *shard = guest->shard;
    server_shard_task_ran(shard);
    server_shard_append_guest(shard, guest);
    if (shard->stopped) {
        server_shard_drop_guests(shard);
    }
    server_shard_check_gone(shard);
}

/* ---- Listening ---------------------------------------------------------------------------- */

static bool server_shard_may_accept(struct nu_listener *listener)
{
    const struct nu_server_shard *shard = listener->user;
    return nu_places_left(&shard->places) || (shard->nguests == 0 && nu_places_guest_left());
}

/* Before it takes a place, or waits for that of somebody else. */
static bool server_shard_admits(const struct nu_service *service, int fd, struct nu_source **source)
{
    nng_sockaddr addr;
    *source = NULL;
    return !nu_sources_limited(service) || nu_address_of_socket(fd, true, &addr) != 0 ||
           nu_sources_admit(service, &addr, source);
}

static void server_shard_accepted(struct nu_listener *listener, int fd)
{
    static struct nu_seldom full;
    struct nu_server_shard *shard = listener->user;
    struct nu_source *source;
    if (!server_shard_admits(&shard->service, fd, &source)) {
        close(fd);
        return;
    }
    if (nu_places_take(&shard->places)) {
        server_shard_serve(shard, fd, source);
        return;
    }
    nu_warn_seldom(&full, "there are as many connections as there may be (--connections, "
                          "ulimit -n): new ones wait, or are closed");
    if (!server_shard_add_guest(shard, fd, source, server_shard_guest_came)) {
        server_shard_refuse(fd, source);
    }
}

static void server_shard_listener_gone(struct nu_listener *listener)
{
    struct nu_server_shard *shard = listener->user;
    if (--shard->listening == 0) {
        pthread_mutex_lock(shard->lock);
        shard->deaf = true;
        pthread_cond_broadcast(shard->changed);
        pthread_mutex_unlock(shard->lock);
    }
    server_shard_check_gone(shard);
}

/* ---- Starting and stopping ---------------------------------------------------------------- */

static void server_shard_run_start(struct nu_task *task)
{
    struct nu_server_shard *shard = nu_container(task, struct nu_server_shard, start);
    server_shard_task_ran(shard);
    for (unsigned i = 0; i < shard->nlisteners; i++) {
        nu_listener_start(&shard->listeners[i]);
    }
    nu_list_append(&shard->service.loop->hooks, &shard->hook.link);
}

static void server_shard_run_retire(struct nu_task *task)
{
    struct nu_server_shard *shard = nu_container(task, struct nu_server_shard, retire);
    server_shard_task_ran(shard);
    shard->service.retired = true;
    server_shard_check_gone(shard);
}

/* The fields that there is room for stay as many. */
static void server_shard_run_change(struct nu_task *task)
{
    struct nu_server_shard *shard = nu_container(task, struct nu_server_shard, change);
    uint64_t *limits = shard->service.limits, fields = limits[NNG_URING_HEAD_FIELDS];
    pthread_mutex_lock(shard->lock);
    shard->changing = false;
    shard->posted--;
    memcpy(limits, shard->limits, sizeof shard->limits);
    pthread_mutex_unlock(shard->lock);
    limits[NNG_URING_HEAD_FIELDS] = fields;
    server_shard_check_gone(shard);
}

static void server_shard_run_leave(struct nu_task *task)
{
    struct nu_server_shard *shard = nu_container(task, struct nu_server_shard, leave);
    server_shard_task_ran(shard);
    shard->service.retired = true;
    shard->nsessions++;
    server_shard_empty(shard, true);
    server_shard_stop_listening(shard);
    shard->nsessions--;
    server_shard_check_gone(shard);
}

static void server_shard_run_drain(struct nu_task *task)
{
    struct nu_server_shard *shard = nu_container(task, struct nu_server_shard, drain);
    server_shard_task_ran(shard);
    server_shard_end(shard, true);
}

static void server_shard_run_stop(struct nu_task *task)
{
    struct nu_server_shard *shard = nu_container(task, struct nu_server_shard, stop);
    server_shard_task_ran(shard);
    server_shard_end(shard, false);
}

static void server_shard_post(struct nu_server_shard *shard, struct nu_task *task)
{
    shard->posted++;
    nu_loop_post(shard->service.loop, task);
}

void nu_server_shard_send(struct nu_server_shard *shard, struct nu_guest *guest)
{
    guest->shard = shard;
    server_shard_post(shard, &guest->come);
}

static void server_shard_init_service(struct nu_server_shard *shard,
                                      const struct nu_shard_setup *setup, unsigned index)
{
    struct nu_service *service = &shard->service;
    service->loop = nu_runtime_loop(index);
    service->pages = setup->pages;
    service->collected = setup->collected;
    service->table = setup->table;
    service->server = setup->server;
    service->get_tls = setup->get_tls;
    service->trusted = *setup->trusted;
    service->proxied = setup->proxied;
    service->hook = setup->hook;
    service->hook_arg = setup->hook_arg;
    service->session_ended = server_shard_session_ended;
    service->fields = shard->fields;
    nu_head_cache_link(service->memos, NU_MEMO_HEADS);
    memcpy(service->limits, setup->limits, sizeof service->limits);
    nu_list_init(&service->sessions);
    atomic_init(&service->idle_since, NU_NEVER);
    nu_list_init(&service->spare_batches);
}

struct nu_server_shard *nu_server_shard_new(const struct nu_shard_setup *setup, unsigned index)
{
    size_t nfields = setup->limits[NNG_URING_HEAD_FIELDS];
    struct nu_server_shard *shard = calloc(1, sizeof *shard + nfields * sizeof shard->fields[0]);
    struct nu_listener *listeners = calloc(setup->listeners, sizeof *listeners);
    if (shard == NULL || listeners == NULL) {
        free(shard);
        free(listeners);
        return NULL;
    }
    shard->listeners = listeners;
    server_shard_init_service(shard, setup, index);
    shard->server = setup->server;
    shard->lock = setup->lock;
    shard->changed = setup->changed;
    shard->gone = setup->gone;
    shard->pass = setup->pass;
    nu_list_init(&shard->guests);
    nu_task_init(&shard->admit, server_shard_admit);
    shard->retry.fire = server_shard_retry;
    shard->places = setup->places;
    shard->index = index;
    nu_task_init(&shard->start, server_shard_run_start);
    nu_task_init(&shard->retire, server_shard_run_retire);
    nu_task_init(&shard->change, server_shard_run_change);
    nu_task_init(&shard->leave, server_shard_run_leave);
    nu_task_init(&shard->drain, server_shard_run_drain);
    nu_task_init(&shard->stop, server_shard_run_stop);
    nu_list_init(&shard->hook.link);
    shard->hook.on_stop = server_shard_on_stop;
    return shard;
}

void nu_server_shard_listen(struct nu_server_shard *shard, int fd, enum nu_sharing sharing)
{
    if (fd < 0) {
        return;
    }
    struct nu_listener *listener = &shard->listeners[shard->nlisteners++];
    listener->user = shard;
    listener->accepted = server_shard_accepted;
    listener->may_accept = server_shard_may_accept;
    listener->gone = server_shard_listener_gone;
    nu_listener_init(listener, shard->service.loop, fd);
    if (sharing != NU_SHARED_WITH_NOBODY) {
        nu_listener_share(listener, sharing);
    }
    shard->listening++;
}

void nu_server_shard_start(struct nu_server_shard *shard)
{
    server_shard_post(shard, &shard->start);
}

bool nu_server_shard_shut(struct nu_server_shard *shard)
{
    if (shard->shut) {
        return false;
    }
    shard->shut = true;
    for (unsigned i = 0; i < shard->nlisteners; i++) {
        nu_listener_shut(&shard->listeners[i]);
    }
    return true;
}

void nu_server_shard_retire(struct nu_server_shard *shard)
{
    if (!shard->retired) {
        shard->retired = true;
        server_shard_post(shard, &shard->retire);
    }
}

void nu_server_shard_change(struct nu_server_shard *shard, const uint64_t *limits)
{
    memcpy(shard->limits, limits, sizeof shard->limits);
    if (!shard->changing) {
        shard->changing = true;
        server_shard_post(shard, &shard->change);
    }
}

void nu_server_shard_share(struct nu_server_shard *shard)
{
    for (unsigned i = 0; i < shard->nlisteners; i++) {
        shard->listeners[i].shared = true;
    }
}

void nu_server_shard_leave(struct nu_server_shard *shard)
{
    if (!shard->shut) {
        shard->shut = true;
        server_shard_post(shard, &shard->leave);
    }
}

void nu_server_shard_drain(struct nu_server_shard *shard)
{
    if (!shard->drained) {
        shard->drained = true;
        shard->shut = true;
        server_shard_post(shard, &shard->drain);
    }
}

void nu_server_shard_stop(struct nu_server_shard *shard)
{
    server_shard_post(shard, &shard->stop);
}

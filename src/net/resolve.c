/* SPDX-License-Identifier: MIT */
#include "net/resolve.h"

#include "base/error.h"
#include "net/address.h"

#include <errno.h>
#include <nng/nng.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define LINGER 10 /* seconds that a thread waits for more work */

/*
 * A lookup belongs to its loop's owner, except while a thread works on it (neither linked nor
 * posted). An owner that wants to be rid of it then takes its loop away; the thread frees it.
 */
struct nu_lookup {
    /* the owner's */
    struct nu_task task; /* delivers the answer */
    struct nu_loop_hook hook;
    nu_resolved done;
    void *arg;

    /* under `lock` */
    struct nu_list link;  /* in `waiting` */
    struct nu_loop *loop; /* NULL: nobody wants the answer any more */
    bool running;         /* a thread works on it */

    /* constant */
    int family;
    const char *port; /* behind the host */

    /* the thread's, then the owner's */
    int err;
    struct addrinfo *list;

    char host[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all that follows */
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static struct nu_list waiting = { &waiting, &waiting }; /* lookups no thread has taken yet */
static unsigned nwaiting;
static unsigned threads; /* that exist */
static unsigned idle;    /* of these, how many wait for work */
static unsigned wasted;  /* and how many work on what nobody wants: getaddrinfo() has no end but its
                          * own */

/* ---- On the threads ----------------------------------------------------------------------- */

static int resolve_translate(int eai, int system_error)
{
    switch (eai) {
    case 0:
        return 0;
    case EAI_MEMORY:
        return NNG_ENOMEM;
    case EAI_AGAIN:
    case EAI_FAIL:
        return NNG_EAGAIN;
    case EAI_SYSTEM:
        return system_error != 0 ? nu_error_from_errno(system_error) : NNG_EAGAIN;
    default: /* no such name, or none of this family */
        return NNG_EADDRINVAL;
    }
}

static void resolve_look_up(struct nu_lookup *lookup)
{
    /* getaddrinfo() would take a port beyond 65535, cut to 16 bits */
    struct sockaddr_storage ss;
    socklen_t len;
    lookup->err = nu_address_parse(lookup->host, lookup->port, lookup->family, &ss, &len);
    if (lookup->err == NNG_EADDRINVAL) {
        return;
    }
    struct addrinfo hints = { .ai_family = lookup->family,
                              .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICSERV };
    errno = 0;
    int eai = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->list);
    lookup->err = resolve_translate(eai, errno);
    if (lookup->err != 0) {
        lookup->list = NULL;
    }
}

int nu_resolve_numeric(const char *host, const char *port, int family, struct sockaddr_storage *ss,
                       socklen_t *len)
{
    struct addrinfo *list, hints = { .ai_family = family,
                                     .ai_socktype = SOCK_STREAM,
                                     .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
    errno = 0;
    int eai = getaddrinfo(host, port, &hints, &list);
    if (eai != 0) {
        return eai == EAI_NONAME ? NNG_ENOENT : resolve_translate(eai, errno);
    }
    memcpy(ss, list->ai_addr, list->ai_addrlen);
    *len = list->ai_addrlen;
    freeaddrinfo(list);
    return 0;
}

static void resolve_free_lookup(struct nu_lookup *lookup)
{
    if (lookup->list != NULL) {
        freeaddrinfo(lookup->list);
    }
    free(lookup);
}

/* The next lookup; NULL after a while without one, or where others are at work enough. Called and
 * returns with the lock held. */
static struct nu_lookup *resolve_take(void)
{
    if (threads - wasted > NU_RESOLVE_THREADS) {
        return NULL;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LINGER;
    while (nu_list_empty(&waiting)) {
        idle++;
        int err = pthread_cond_clockwait(&work, &lock, CLOCK_MONOTONIC, &until);
        idle--;
        if (err == ETIMEDOUT && nu_list_empty(&waiting)) {
            return NULL;
        }
    }
    struct nu_lookup *lookup = nu_container(waiting.next, struct nu_lookup, link);
    nu_list_remove(&lookup->link);
    nwaiting--;
    lookup->running = true;
    return lookup;
}

static void *resolve_resolver(void *arg)
{
    (void) arg;
    struct nu_lookup *lookup;
    pthread_mutex_lock(&lock);
    while ((lookup = resolve_take()) != NULL) {
        pthread_mutex_unlock(&lock);
        resolve_look_up(lookup);
        pthread_mutex_lock(&lock);
        lookup->running = false;
        /* Posting under the lock: the loop cannot end meanwhile, see resolve_deliver(). */
        if (lookup->loop != NULL) {
            nu_loop_post(lookup->loop, &lookup->task);
        } else {
            wasted--;
            resolve_free_lookup(lookup);
        }
    }
    threads--;
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* ---- On the loop's owner ------------------------------------------------------------------ */

static void resolve_deliver(struct nu_task *task)
{
    struct nu_lookup *lookup = nu_container(task, struct nu_lookup, task);
    /* The lock says that the thread is through with nu_loop_post(), so the loop may go. */
    pthread_mutex_lock(&lock);
    bool wanted = lookup->loop != NULL;
    pthread_mutex_unlock(&lock);
    if (wanted) {
        nu_list_remove(&lookup->hook.link);
        lookup->done(lookup->arg, lookup->err, lookup->list);
    }
    resolve_free_lookup(lookup);
}

/* A child made by fork() has none of the threads; nng_fini() before fork() left no lookup. */

static void resolve_before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void resolve_in_parent(void)
{
    pthread_mutex_unlock(&lock);
}

static void resolve_in_child(void)
{
    work = (pthread_cond_t) PTHREAD_COND_INITIALIZER;
    threads = idle = wasted = nwaiting = 0;
    nu_list_init(&waiting);
    pthread_mutex_unlock(&lock);
}

static void resolve_watch_forks(void)
{
    pthread_atfork(resolve_before_fork, resolve_in_parent, resolve_in_child);
}

/* Wakes a thread or starts one; false when there is none at all. Called with the lock held. */
static bool resolve_put_to_work(void)
{
    pthread_t thread;
    if (nwaiting > idle && threads - wasted < NU_RESOLVE_THREADS && threads < NU_RESOLVE_MOST &&
        pthread_create(&thread, NULL, resolve_resolver, NULL) == 0) { /* blocks signals as we do */
        pthread_detach(thread);
        threads++;
    }
    pthread_cond_signal(&work);
    return threads > 0;
}

/* `next`: its thread's place is to be taken by another, for those that wait. */
static void resolve_give_up(struct nu_lookup *lookup, bool next)
{
    nu_list_remove(&lookup->hook.link);
    pthread_mutex_lock(&lock);
    lookup->loop = NULL;
    bool ours = nu_list_linked(&lookup->link);
    if (ours) {
        nu_list_remove(&lookup->link);
        nwaiting--;
    }
    wasted += lookup->running;
    if (lookup->running && next) {
        (void) resolve_put_to_work();
    }
    pthread_mutex_unlock(&lock);
    if (ours) {
        resolve_free_lookup(lookup);
    }
}

void nu_resolve_drop(struct nu_lookup *lookup)
{
    resolve_give_up(lookup, true);
}

/* Those that wait end now, too. */
static void resolve_on_stop(struct nu_loop_hook *hook)
{
    struct nu_lookup *lookup = nu_container(hook, struct nu_lookup, hook);
    nu_resolved done = lookup->done;
    void *arg = lookup->arg;
    resolve_give_up(lookup, false);
    done(arg, NNG_ECLOSED, NULL);
}

int nu_resolve(struct nu_lookup **lookupp, struct nu_loop *loop, const char *host, const char *port,
               int family, nu_resolved done, void *arg)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, resolve_watch_forks);
    size_t host_size = strlen(host) + 1, port_size = strlen(port) + 1;
    struct nu_lookup *lookup = calloc(1, sizeof *lookup + host_size + port_size);
    if (lookup == NULL) {
        return NNG_ENOMEM;
    }
    memcpy(lookup->host, host, host_size);
    lookup->port = memcpy(lookup->host + host_size, port, port_size);
    lookup->family = family;
    lookup->done = done;
    lookup->arg = arg;
    lookup->loop = loop;
    nu_task_init(&lookup->task, resolve_deliver);
    lookup->hook.on_stop = resolve_on_stop;

    pthread_mutex_lock(&lock);
    nu_list_append(&waiting, &lookup->link);
    nwaiting++;
    bool started = resolve_put_to_work();
    if (!started) {
        nu_list_remove(&lookup->link);
        nwaiting--;
    }
    pthread_mutex_unlock(&lock);
    if (!started) {
        free(lookup);
        return NNG_ENOMEM;
    }
    nu_list_append(&loop->hooks, &lookup->hook.link);
    *lookupp = lookup;
    return 0;
}

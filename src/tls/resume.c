/* SPDX-License-Identifier: MIT */
#include "tls/resume.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Where a connection's sessions go. (Not freed by OpenSSL with the SSL: it forgets who frees what
 * at the program's end, which connections may outlive.) */
struct nu_resume_place {
    struct nu_resume *resume;
    char text[];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int place_index = -1; /* of an SSL's own data: its place; -1: no memory */

static void resume_make_index(void)
{
    place_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* ---- What is kept ------------------------------------------------------------------------- */

static void resume_drop(struct nu_kept_session **link)
{
    struct nu_kept_session *kept = *link;
    *link = kept->next;
    SSL_SESSION_free(kept->session);
    free(kept);
}

static time_t resume_made_at(const SSL_SESSION *session)
{
#if OPENSSL_VERSION_NUMBER >= 0x30300000L
    return SSL_SESSION_get_time_ex(session);
#else
    return SSL_SESSION_get_time(session);
#endif
}

static bool resume_is_stale(const SSL_SESSION *session)
{
    return resume_made_at(session) + SSL_SESSION_get_timeout(session) <= time(NULL) ||
           SSL_SESSION_is_resumable(session) != 1;
}

/* With the lock held: the newest session of that place, which is then the caller's; NULL: none. */
static SSL_SESSION *resume_take(struct nu_resume *resume, const char *place)
{
    struct nu_kept_session **link = &resume->kept;
    while (*link != NULL) {
        SSL_SESSION *session = (*link)->session;
        if (resume_is_stale(session)) {
            resume_drop(link);
        } else if (strcmp((*link)->place, place) != 0) {
            link = &(*link)->next;
        } else {
            SSL_SESSION_up_ref(session);
            if (SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION) {
                resume_drop(link);
            }
            return session;
        }
    }
    return NULL;
}

/* With the lock held. */
static void resume_trim(struct nu_resume *resume)
{
    struct nu_kept_session **link = &resume->kept;
    for (unsigned n = 0; n < NU_RESUME_MOST && *link != NULL; n++) {
        link = &(*link)->next;
    }
    while (*link != NULL) {
        resume_drop(link);
    }
}

/* OpenSSL has a session for us; 1: we keep it. */
static int resume_keep(SSL *ssl, SSL_SESSION *session)
{
    const struct nu_resume_place *place = SSL_get_ex_data(ssl, place_index);
    size_t size = place != NULL ? strlen(place->text) + 1 : 0;
    struct nu_kept_session *kept = place != NULL ? malloc(sizeof *kept + size) : NULL;
    if (kept == NULL) {
        return 0;
    }
    memcpy(kept->place, place->text, size);
    kept->session = session;
    pthread_mutex_lock(&place->resume->lock);
    kept->next = place->resume->kept;
    place->resume->kept = kept;
    resume_trim(place->resume);
    pthread_mutex_unlock(&place->resume->lock);
    return 1;
}

void nu_resume_init(struct nu_resume *resume)
{
    pthread_mutex_init(&resume->lock, NULL);
    resume->kept = NULL;
}

void nu_resume_free(struct nu_resume *resume)
{
    while (resume->kept != NULL) {
        resume_drop(&resume->kept);
    }
    pthread_mutex_destroy(&resume->lock);
}

void nu_resume_enable(SSL_CTX *ctx)
{
    pthread_once(&once, resume_make_index);
    if (place_index >= 0) {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, resume_keep);
    }
}

/* ---- A connection ------------------------------------------------------------------------- */

static struct nu_resume_place *resume_place_new(struct nu_resume *resume, const char *host,
                                                unsigned port)
{
    size_t size = strlen(host) + sizeof ":65535";
    struct nu_resume_place *place = malloc(sizeof *place + size);
    if (place != NULL) {
        place->resume = resume;
        (void) snprintf(place->text, size, "%s:%u", host, port);
    }
    return place;
}

struct nu_resume_place *nu_resume_begin(SSL *ssl, struct nu_resume *resume, const char *host,
                                        unsigned port)
{
    struct nu_resume_place *place = place_index >= 0 ? resume_place_new(resume, host, port) : NULL;
    if (place == NULL || SSL_set_ex_data(ssl, place_index, place) != 1) {
        free(place);
        return NULL;
    }
    pthread_mutex_lock(&resume->lock);
    SSL_SESSION *session = resume_take(resume, place->text);
    pthread_mutex_unlock(&resume->lock);
    if (session != NULL) {
        (void) SSL_set_session(ssl, session);
        SSL_SESSION_free(session);
    }
    return place;
}

void nu_resume_end(struct nu_resume_place *place)
{
    free(place);
}

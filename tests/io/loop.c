/* SPDX-License-Identifier: MIT */
#include "io/loop.h"

#include "base/clock.h"
#include "io/runtime.h"
#include "support/owner.h"
#include "support/random.h"
#include "support/scale.h"

#include <criterion/criterion.h>
#include <nng/nng.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

TestSuite(loop, .timeout = 60, .fini = nng_fini);

#define THREADS 8
#define POSTS ((unsigned) NU_TIMES(20000))

/* Tasks of one thread, which counts on from one to the next. */
struct poster {
    struct nu_loop *loop;
    struct entry *entries;
    unsigned next; /* the number that must come next; the owner's */
    atomic_uint run;
};

struct entry {
    struct nu_task task;
    struct poster *poster;
    unsigned number;
};

static void check_number(struct nu_task *task)
{
    struct entry *entry = nu_container(task, struct entry, task);
    cr_assert_eq(nu_loop_self(), entry->poster->loop);
    cr_assert_eq(entry->number, entry->poster->next);
    entry->poster->next++;
    atomic_fetch_add(&entry->poster->run, 1);
}

static void *post_all(void *arg)
{
    struct poster *poster = arg;
    unsigned seed = (unsigned) (uintptr_t) poster;
    for (unsigned i = 0; i < POSTS; i++) {
        poster->entries[i] = (struct entry){ { .run = check_number }, poster, i };
        nu_loop_post(poster->loop, &poster->entries[i].task);
        if (t_random(&seed, 2000) == 0) {
            usleep(1000); /* so that it falls asleep now and then */
        }
    }
    return NULL;
}

/* From many threads at once: each task once, those of a thread in its order, no wake-up lost. */
Test(loop, posts_from_many_threads)
{
    struct poster posters[THREADS];
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        posters[i] =
            (struct poster){ .loop = t_a_loop(i), .entries = calloc(POSTS, sizeof(struct entry)) };
        cr_assert_eq(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        while (atomic_load(&posters[i].run) < POSTS) {
            usleep(200);
        }
        free(posters[i].entries);
    }
}

struct alarm {
    struct nu_timer timer;
    atomic_int due; /* when it fired: 1 if it was time by the loop's clock, else -1 */
};

static void look_at_the_clock(struct nu_timer *timer)
{
    struct alarm *alarm = nu_container(timer, struct alarm, timer);
    atomic_store(&alarm->due, nu_loop_now(nu_loop_self()) >= timer->when ? 1 : -1);
}

static void arm_and_be_late(void *arg)
{
    struct alarm *alarm = arg;
    struct nu_loop *loop = nu_loop_self();
    nu_timer_arm(&loop->timers, &alarm->timer, nu_loop_now(loop) + NU_MS);
    nu_nap(2);
}

/* Else who looks whether it is time, and arms the timer anew if not, does so without end. */
Test(loop, time_has_come_when_a_timer_fires)
{
    struct alarm alarm = { .timer = { .fire = look_at_the_clock } };
    t_run_on(t_a_loop(0), arm_and_be_late, &alarm);
    while (atomic_load(&alarm.due) == 0) {
        usleep(200);
    }
    cr_assert_eq(atomic_load(&alarm.due), 1);
}

static void post_on_owner(void *arg)
{
    struct poster *poster = arg;
    for (unsigned i = 0; i < 3; i++) {
        poster->entries[i] = (struct entry){ { .run = check_number }, poster, i };
        nu_loop_post(poster->loop, &poster->entries[i].task);
    }
    cr_assert_eq(atomic_load(&poster->run), 0); /* later, not now */
    while (atomic_load(&poster->run) < 3) {
        nu_loop_iterate(poster->loop); /* as one does who waits in a callback */
    }
}

Test(loop, posts_of_its_own)
{
    struct poster poster = { .loop = t_a_loop(0), .entries = calloc(3, sizeof(struct entry)) };
    t_run_on(poster.loop, post_on_owner, &poster);
    cr_assert_eq(atomic_load(&poster.run), 3);
    free(poster.entries);
}

/* A task that notes its letter, and posts others. */
struct scribe {
    struct nu_task task;
    char letter;
    bool turns;            /* takes a turn of the loop when it has posted */
    struct scribe **posts; /* up to a NULL; or NULL */
};

static char written[16];
static unsigned nwritten;

static void turn_without_waiting(void)
{
    nu_loop_wake(nu_loop_self());
    nu_loop_iterate(nu_loop_self());
}

static void write_letter(struct nu_task *task)
{
    struct scribe *scribe = nu_container(task, struct scribe, task);
    written[nwritten++] = scribe->letter;
    for (struct scribe **s = scribe->posts; s != NULL && *s != NULL; s++) {
        nu_loop_post(nu_loop_self(), &(*s)->task);
    }
    if (scribe->turns) {
        turn_without_waiting();
    }
}

static void write_all(void *arg)
{
    struct scribe **first = arg;
    nwritten = 0;
    memset(written, 0, sizeof written);
    for (; *first != NULL; first++) {
        nu_loop_post(nu_loop_self(), &(*first)->task);
    }
    turn_without_waiting();
    turn_without_waiting();
}

/* A prompt task runs right behind the one that posted it, if that posted it alone. */
Test(loop, prompt)
{
    struct scribe p = { .task = { .run = write_letter, .prompt = true }, .letter = 'p' };
    struct scribe q = { .task = { .run = write_letter, .prompt = true }, .letter = 'q' };
    struct scribe n = { .task = { .run = write_letter }, .letter = 'n' };
    struct scribe *one[] = { &p, NULL };
    struct scribe *two[] = { &p, &q, NULL };
    struct scribe *plain[] = { &n, NULL };
    struct scribe a = { .task = { .run = write_letter }, .letter = 'a', .posts = one };
    struct scribe b = { .task = { .run = write_letter }, .letter = 'b' };
    struct scribe *all[] = { &a, &b, NULL };
    struct scribe *alone[] = { &a, NULL };
    struct nu_loop *loop = t_a_loop(0);

    t_run_on(loop, write_all, all);
    cr_assert_str_eq(written, "apb");
    t_run_on(loop, write_all, alone);
    cr_assert_str_eq(written, "ap");
    a.posts = two;
    t_run_on(loop, write_all, all);
    cr_assert_str_eq(written, "abpq");
    a.posts = plain;
    t_run_on(loop, write_all, all);
    cr_assert_str_eq(written, "abn");
    a.posts = one;
    p.posts = plain;
    t_run_on(loop, write_all, all);
    cr_assert_str_eq(written, "apbn");
    a.turns = true; /* which runs what is due, in its order */
    t_run_on(loop, write_all, all);
    cr_assert_str_eq(written, "abpn");
}

static void check_signals(void *arg)
{
    sigset_t set;
    (void) arg;
    cr_assert_eq(pthread_sigmask(SIG_SETMASK, NULL, &set), 0);
    for (int sig = 1; sig < SIGRTMAX; sig++) {
        bool reserved = sig == SIGKILL || sig == SIGSTOP || (sig >= 32 && sig < SIGRTMIN);
        cr_assert(reserved || sigismember(&set, sig) == 1, "signal %d", sig);
    }
}

static void note_signal(int sig)
{
    (void) sig;
}

/* Owners block every signal; those who start them keep their own mask. */
Test(loop, signals)
{
    sigset_t before, after;
    cr_assert_neq(signal(SIGUSR1, note_signal), SIG_ERR);
    cr_assert_eq(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    struct nu_loop *loop = t_a_loop(0);
    cr_assert_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int sig = 1; sig < SIGRTMAX; sig++) {
        cr_assert_eq(sigismember(&before, sig), sigismember(&after, sig));
    }
    t_run_on(loop, check_signals, NULL);
}

/* An idle library uses no CPU. */
Test(loop, idle)
{
    struct timespec before, after;
    (void) t_a_loop(0);
    usleep(20000);
    cr_assert_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before), 0);
    usleep(300000);
    cr_assert_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after), 0);
    double used =
        (double) (after.tv_sec - before.tv_sec) + (double) (after.tv_nsec - before.tv_nsec) / 1e9;
    cr_assert_lt(used, 0.1);
}

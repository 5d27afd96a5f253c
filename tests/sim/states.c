/* SPDX-License-Identifier: MIT */
#include "sim/states.h"

#include "base/trace.h"
#include "sim/seed.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define STATES 12U

/* As http/session_state.c and ws/ws_state.c have them. */
static struct machine {
    const char *name;
    const char *states[STATES];
    struct {
        const char *from, *to; /* NULL: all others, words apart: those */
    } rules[4];
    uint64_t n[STATES][STATES];
    const char *format, *words[STATES]; /* where the library has these */
} machines[] = {
    { .name = "session",
      .states = { "running", "reading", "collecting", "deferred", "handling", "loading", "writing",
                  "sending", "draining", "lingering", "closed" },
      .rules = { { "running", NULL },
                 { "reading collecting deferred handling loading writing sending draining "
                   "lingering",
                   "running closed" } } },
    { .name = "ws",
      .states = { "open", "closing", "ending", "gone" },
      .rules = { { "open", "closing ending" }, { "closing", "ending" }, { "ending", "gone" } } },
};

#define MACHINES (sizeof machines / sizeof machines[0])

void sim_states_watch(void)
{
    nu_trace_on = true;
}

static unsigned states_index(struct machine *m, const char *state)
{
    unsigned i = 0;
    while (i < STATES && m->words[i] != state) {
        i++;
    }
    if (i < STATES) {
        return i;
    }
    i = 0;
    while (i < STATES && m->states[i] != NULL && strcmp(m->states[i], state) != 0) {
        i++;
    }
    sim_check(i < STATES && m->states[i] != NULL, "%s has a state that is not known: %s", m->name,
              state);
    m->words[i] = state;
    return i;
}

static bool states_is_of(struct machine *m, const char *format)
{
    size_t n = strlen(m->name);
    if (m->format == NULL && strncmp(format, m->name, n) == 0 &&
        strcmp(format + n, " %p: %s -> %s") == 0) {
        m->format = format;
    }
    return m->format == format;
}

/* What the library prints of its states. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
void __wrap_nu_trace_print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const void *who = va_arg(args, const void *);
    const char *from = va_arg(args, const char *), *to = va_arg(args, const char *);
    va_end(args);
    for (struct machine *m = machines; m < machines + MACHINES; m++) {
        if (states_is_of(m, format)) {
            m->n[states_index(m, from)][states_index(m, to)]++;
            sim_trace("%s %p: %s -> %s", m->name, who, from, to);
            return;
        }
    }
    sim_fail("a trace that is not known: %s", format);
}

/* ---- The report --------------------------------------------------------------------------- */

static bool states_has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = words; (at = strstr(at, word)) != NULL; at += n) {
        if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool states_allowed(const struct machine *m, unsigned from, unsigned to)
{
    for (unsigned i = 0; i < 4 && m->rules[i].from != NULL; i++) {
        if (from != to && states_has_word(m->rules[i].from, m->states[from])) {
            return m->rules[i].to == NULL || states_has_word(m->rules[i].to, m->states[to]);
        }
    }
    return false;
}

void sim_states_report(FILE *to)
{
    for (const struct machine *m = machines; m < machines + MACHINES; m++) {
        for (unsigned i = 0; i < STATES && m->states[i] != NULL; i++) {
            bool any = false;
            for (unsigned k = 0; k < STATES && m->states[k] != NULL; k++) {
                if (states_allowed(m, i, k)) {
                    if (!any) {
                        fprintf(to, "  %s, %s ->", m->name, m->states[i]);
                    }
                    any = true;
                    fprintf(to, m->n[i][k] > 0 ? " %s:%" PRIu64 : " %s:not reached", m->states[k],
                            m->n[i][k]);
                }
            }
            fputs(any ? "\n" : "", to);
        }
    }
}

/* SPDX-License-Identifier: MIT */
#include "nng/libnng.h"

#include "io/cpus.h"
#include "io/runtime.h"
#include "nng/relay.h"

#include <dlfcn.h>
#include <nng/compat/nanomsg/nn.h>
#include <nng/nng.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REMEDY                                                                                     \
    "NNG's sockets, protocols and messages come from there: install it (Debian: apt-get install "  \
    "libnng1), or set NNG_URING_LIBNNG to where it is"

void *_Atomic nu_libnng_functions[NU_NNG_FUNCTIONS];

#define NAME(type, name, params, args, none) #name,
#define NAME_OTHER(name) #name,

static const char *const names[] = { NU_FORWARDS(NAME) NU_OTHERS(NAME_OTHER) };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char reason[512]; /* constant once opened */

/* Sanitizers refuse RTLD_DEEPBIND, which keeps NNG from using our functions for its own. They can
 * do without where nobody else sees ours: in a program that they are a part of. */
static int libnng_flags(void)
{
    if (dlsym(RTLD_DEFAULT, "__sanitizer_print_stack_trace") == NULL) {
        return RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND;
    }
    return dlsym(RTLD_DEFAULT, "nng_uring_loops") == NULL ? RTLD_NOW | RTLD_LOCAL : 0;
}

/* What is wrong with what was opened, or NULL. */
static const char *libnng_judge(void *handle)
{
    const char *(*version)(void) = (const char *(*) (void) ) dlsym(handle, "nng_version");
    if (dlsym(handle, "nng_uring_loops") != NULL) {
        return "it is nng-uring";
    }
    return version == NULL || strncmp(version(), "1.", 2) != 0 ? "it is no NNG 1.x" : NULL;
}

static void libnng_pass_parameters(void *handle)
{
    __typeof__(&nng_init_set_parameter) set =
        (__typeof__(set)) dlsym(handle, "nng_init_set_parameter");
    for (int i = 1; set != NULL && i <= NNG_INIT_MAX_POLLER_THREADS; i++) {
        if (nu_cpus_parameter(i) != 0) {
            set(i, nu_cpus_parameter(i));
        }
    }
}

/* nng_fini() ends both: operations have ended with our loops; now NNG's aios, sockets and threads.
 */
static void libnng_end(void)
{
    nu_relay_end();
    if (NU_NNG(nng_closeall) != NULL && NU_NNG(nng_fini) != NULL) {
        NU_NNG(nng_closeall)();
        NU_NNG(nng_fini)();
    }
}

static void libnng_open(void)
{
    const char *path = secure_getenv("NNG_URING_LIBNNG");
    path = path != NULL && path[0] != '\0' ? path : "libnng.so.1";
    int flags = libnng_flags();
    void *handle = flags != 0 ? dlopen(path, flags) : NULL;
    const char *wrong = flags == 0       ? "under a sanitizer, link with libnng-uring-nng.a"
                        : handle == NULL ? dlerror()
                                         : libnng_judge(handle);
    if (wrong != NULL) {
        snprintf(reason, sizeof reason, "%s: %s. " REMEDY, path, wrong);
        return;
    }
    libnng_pass_parameters(handle);
    nu_runtime_at_fini(nu_relay_stop, libnng_end);
    for (int i = 0; i < NU_NNG_FUNCTIONS; i++) {
        atomic_store_explicit(&nu_libnng_functions[i], dlsym(handle, names[i]),
                              memory_order_release);
    }
}

void *nu_libnng_find(enum nu_nng_function function)
{
    pthread_once(&once, libnng_open);
    return atomic_load_explicit(&nu_libnng_functions[function], memory_order_acquire);
}

const char *nng_uring_nng_reason(void)
{
    pthread_once(&once, libnng_open);
    return reason;
}

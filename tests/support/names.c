/* SPDX-License-Identifier: MIT */
#include "support/names.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

sem_t t_names_held;
sem_t t_names_released;

typedef int (*getter)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

__attribute__((constructor)) static void names_init(void)
{
    sem_init(&t_names_held, 0, 0);
    sem_init(&t_names_released, 0, 0);
}

static int names_get_list(getter real, const char *host, const char *port,
                          const struct addrinfo *hints, struct addrinfo **list)
{
    char text[512], *save = NULL;
    struct addrinfo **end = list;
    snprintf(text, sizeof text, "%s", host);
    *list = NULL;
    for (char *p = strtok_r(text, ",", &save); p != NULL; p = strtok_r(NULL, ",", &save)) {
        if (real(p, port, hints, end) == 0) { /* else it is of the other family */
            while (*end != NULL) {
                end = &(*end)->ai_next;
            }
        }
    }
    return *list != NULL ? 0 : EAI_NONAME;
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **list)
{
    getter real = (getter) dlsym(RTLD_NEXT, "getaddrinfo");
    if (hints != NULL && (hints->ai_flags & AI_NUMERICHOST) != 0) {
        return real(host, port, hints, list);
    }
    if (host != NULL && strcmp(host, "localhost.test") == 0) {
        host = "::1,127.0.0.1,::1,127.0.0.1";
    }
    if (host != NULL && strcmp(host, "elsewhere.test") == 0) {
        host = "2001:db8::1,127.0.0.1";
    }
    if (host != NULL && strchr(host, ',') != NULL) {
        return names_get_list(real, host, port, hints, list);
    }
    if (host == NULL || strcmp(host, "held") != 0) {
        return real(host, port, hints, list);
    }
    sem_post(&t_names_held);
    sem_wait(&t_names_released);
    return real("127.0.0.1", port, hints, list);
}

/* SPDX-License-Identifier: MIT */
#include <nng/nng.h>

#include <stdlib.h>
#include <string.h>

#define TEXT(x) #x
#define VERSION(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

void *nng_alloc(size_t size)
{
    return size == 0 ? NULL : calloc(1, size);
}

void nng_free(void *ptr, size_t size)
{
    (void) size;
    free(ptr);
}

char *nng_strdup(const char *str)
{
    return strdup(str);
}

void nng_strfree(char *str)
{
    free(str);
}

const char *nng_version(void)
{
    return VERSION(NNG_MAJOR_VERSION, NNG_MINOR_VERSION, NNG_PATCH_VERSION) NNG_RELEASE_SUFFIX;
}

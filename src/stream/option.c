/* SPDX-License-Identifier: MIT */
#include "stream/option.h"

#include <string.h>

/* What follows the option's name in `name`, "" for the most; NULL: it is another one. */
static const char *option_match(const struct nu_option *option, const char *name)
{
    size_t n = strlen(option->name);
    bool begins = strncmp(option->name, name, n) == 0;
    bool family = option->name[n - 1] == ':';
    return begins && (family == (name[n] != '\0')) ? name + n : NULL;
}

static const struct nu_option *option_find(const struct nu_option *table, const char *name)
{
    for (const struct nu_option *option = table; option->name != NULL; option++) {
        if (name != NULL && option_match(option, name) != NULL) {
            return option;
        }
    }
    return NULL;
}

static int option_call_get(const struct nu_option *option, void *object, const char *name,
                           union nu_option_value *value)
{
    if (option->get == NULL) {
        return NNG_EWRITEONLY;
    }
    if (option->type == NU_OPTION_STRING) {
        value->part = option_match(option, name);
    }
    return option->get(object, value);
}

static int option_call_set(const struct nu_option *option, void *object, const char *name,
                           const union nu_option_value *value)
{
    if (option->set == NULL) {
        return NNG_EREADONLY;
    }
    union nu_option_value given = *value;
    if (option->type == NU_OPTION_STRING) {
        given.part = option_match(option, name);
    }
    return option->set(object, &given);
}

int nu_option_get(const struct nu_option *table, void *object, const char *name,
                  enum nu_option_type type, union nu_option_value *value)
{
    const struct nu_option *option = option_find(table, name);
    if (option == NULL) {
        return NNG_ENOTSUP;
    }
    return option->type == type ? option_call_get(option, object, name, value) : NNG_EBADTYPE;
}

int nu_option_set(const struct nu_option *table, void *object, const char *name,
                  enum nu_option_type type, const union nu_option_value *value)
{
    const struct nu_option *option = option_find(table, name);
    if (option == NULL) {
        return NNG_ENOTSUP;
    }
    return option->type == type ? option_call_set(option, object, name, value) : NNG_EBADTYPE;
}

/* ---- As bytes ----------------------------------------------------------------------------- */

/* Bytes of a value; 0 for a string, which has as many as it has. */
static size_t option_size(enum nu_option_type type)
{
    static const size_t sizes[] = {
        [NU_OPTION_BOOL] = sizeof(bool),       [NU_OPTION_INT] = sizeof(int),
        [NU_OPTION_MS] = sizeof(nng_duration), [NU_OPTION_SIZE] = sizeof(size_t),
        [NU_OPTION_UINT64] = sizeof(uint64_t), [NU_OPTION_STRING] = 0,
        [NU_OPTION_PTR] = sizeof(void *),      [NU_OPTION_ADDR] = sizeof(nng_sockaddr),
    };
    return sizes[type];
}

static int option_give(const void *from, size_t n, void *buf, size_t *size)
{
    bool fits = buf != NULL && *size >= n;
    if (fits) {
        memcpy(buf, from, n);
    }
    *size = n;
    return fits ? 0 : NNG_EINVAL;
}

int nu_option_get_bytes(const struct nu_option *table, void *object, const char *name, void *buf,
                        size_t *size)
{
    const struct nu_option *option = option_find(table, name);
    union nu_option_value value;
    if (option == NULL) {
        return NNG_ENOTSUP;
    }
    int err = option_call_get(option, object, name, &value);
    if (err != 0) {
        return err;
    }
    if (option->type != NU_OPTION_STRING) {
        return option_give(&value, option_size(option->type), buf, size);
    }
    err = option_give(value.text, strlen(value.text) + 1, buf, size);
    nng_strfree(value.text);
    return err;
}

int nu_option_set_bytes(const struct nu_option *table, void *object, const char *name,
                        const void *buf, size_t size)
{
    const struct nu_option *option = option_find(table, name);
    union nu_option_value value;
    if (option == NULL) {
        return NNG_ENOTSUP;
    }
    if (buf == NULL) {
        return NNG_EINVAL;
    }
    if (option->type == NU_OPTION_STRING) {
        if (size == 0 || memchr(buf, '\0', size) != (const char *) buf + size - 1) {
            return NNG_EINVAL;
        }
        value.text = (char *) (uintptr_t) buf;
    } else if (size == option_size(option->type)) {
        memcpy(&value, buf, size);
    } else {
        return NNG_EINVAL;
    }
    return option_call_set(option, object, name, &value);
}

/* SPDX-License-Identifier: MIT */
#include "stream/tls_facts.h"

int nu_tls_facts_verified(nu_tls_facts_get get, void *object, union nu_option_value *value)
{
    nng_uring_tls_info *info;
    int err = get(object, &info);
    if (err == 0) {
        value->b = info->verified;
        nng_uring_tls_info_free(info);
    }
    return err;
}

int nu_tls_facts_peer_cn(nu_tls_facts_get get, void *object, union nu_option_value *value)
{
    nng_uring_tls_info *info;
    int err = get(object, &info);
    if (err == 0) {
        value->text = info->peer_cn;
        info->peer_cn = NULL; /* the caller's now */
        nng_uring_tls_info_free(info);
        err = value->text != NULL ? 0 : NNG_ENOENT;
    }
    return err;
}

int nu_tls_facts_peer_alt_names(nu_tls_facts_get get, void *object, union nu_option_value *value)
{
    nng_uring_tls_info *info;
    int err = get(object, &info);
    if (err == 0) {
        value->ptr = info->peer_alt_names;
        info->peer_alt_names = NULL;
        nng_uring_tls_info_free(info);
        err = value->ptr != NULL ? 0 : NNG_ENOENT;
    }
    return err;
}

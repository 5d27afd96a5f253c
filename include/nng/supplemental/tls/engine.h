/* SPDX-License-Identifier: MIT */
/* What a TLS engine for NNG is written against. */
#ifndef NNG_SUPPLEMENTAL_TLS_ENGINE_H
#define NNG_SUPPLEMENTAL_TLS_ENGINE_H

#error "nng-uring encrypts with OpenSSL; NNG's engines cannot be plugged in"

#endif

/* SPDX-License-Identifier: MIT */
/* A list of addresses and networks, as in "10.0.0.0/8,::1". Pure text. */
#ifndef NU_WIRE_NETWORKS_H
#define NU_WIRE_NETWORKS_H

#include <stdbool.h>
#include <stdint.h>

#define NU_NETWORKS 32 /* in a list */

struct nu_networks {
    unsigned n;
    bool local; /* "unix" is among them: who comes by a UNIX socket */
    struct nu_network {
        uint8_t address[16]; /* IPv4 as IPv6 has it (RFC 4291 2.5.5.2) */
        unsigned bits;       /* of it that count */
    } v[NU_NETWORKS];
};

/* Reads a list; false: it is none, or too long. */
bool nu_networks_parse(struct nu_networks *networks, const char *text);

/* Whether an address is in one of them; of IPv4 it has four bytes, of IPv6 sixteen. */
bool nu_networks_have(const struct nu_networks *networks, const void *address, bool v4);

#endif

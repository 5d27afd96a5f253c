/* SPDX-License-Identifier: MIT */
#include "wire/networks.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 50 /* of one, with its NUL */

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

/* "/24"; "": all of them. */
static bool networks_bits(const char *text, unsigned most, unsigned *bits)
{
    *bits = most;
    if (*text == '\0') {
        return true;
    }
    size_t len = strspn(text + 1, "0123456789");
    *bits = (unsigned) strtoul(text + 1, NULL, 10);
    return len > 0 && len < 4 && text[1 + len] == '\0' && *bits <= most;
}

static bool networks_add(struct nu_networks *networks, const char *text, size_t len)
{
    char one[LONGEST];
    if (len == 0 || len >= sizeof one || networks->n == NU_NETWORKS) {
        return false;
    }
    memcpy(one, text, len);
    one[len] = '\0';
    if (strcmp(one, "unix") == 0) {
        networks->local = true;
        return true;
    }
    struct nu_network *network = &networks->v[networks->n++];
    char bits[8] = "", *slash = strchr(one, '/');
    if (slash != NULL) {
        if (strlen(slash) >= sizeof bits) {
            return false;
        }
        memcpy(bits, slash, strlen(slash) + 1);
        *slash = '\0';
    }
    if (inet_pton(AF_INET6, one, network->address) == 1) {
        return networks_bits(bits, 128, &network->bits);
    }
    memcpy(network->address, v4_prefix, sizeof v4_prefix);
    bool good = inet_pton(AF_INET, one, network->address + sizeof v4_prefix) == 1 &&
                networks_bits(bits, 32, &network->bits);
    network->bits += 96;
    return good;
}

bool nu_networks_parse(struct nu_networks *networks, const char *text)
{
    *networks = (struct nu_networks){ 0 };
    for (;;) {
        size_t len = strcspn(text, ",");
        if (!networks_add(networks, text, len)) {
            return false;
        }
        if (text[len] == '\0') {
            return true;
        }
        text += len + 1;
    }
}

static bool networks_is_in(const struct nu_network *network, const uint8_t address[16])
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(network->address, address, whole) != 0) {
        return false;
    }
    return rest == 0 || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool nu_networks_have(const struct nu_networks *networks, const void *address, bool v4)
{
    uint8_t full[16];
    memcpy(full, v4_prefix, sizeof v4_prefix);
    memcpy(full + (v4 ? sizeof v4_prefix : 0), address, v4 ? 4 : 16);
    for (unsigned i = 0; i < networks->n; i++) {
        if (networks_is_in(&networks->v[i], full)) {
            return true;
        }
    }
    return false;
}

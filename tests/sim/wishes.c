/* SPDX-License-Identifier: MIT */
#include "sim/wishes.h"

#include "sim/files.h"
#include "sim/seed.h"
#include "sim/tcp.h"

#include <string.h>

const struct sim_wish sim_wishes[SIM_WISHES] = {
    { "/call", SIM_SAYS_URI, NULL, true },
    { "/wait", SIM_SAYS_URI, NULL, true },
    { "/defer", SIM_SAYS_URI, NULL, true },
    { "/collect", SIM_SAYS_URI, NULL, true },
    { "/pull", SIM_SAYS_URI, NULL, true },
    { "/leave", SIM_SAYS_URI, NULL, true },
    { "/static", SIM_SAYS_FIXED, NULL, false },
    { "/one", SIM_SAYS_FILE, "small", false },
    { "/files/small", SIM_SAYS_FILE, "small", false },
    { "/files/folder/", SIM_SAYS_FILE, "folder/index.html", false },
    { "/files/empty", SIM_SAYS_FILE, "empty", false },
    { "/files/" SIM_MOVING, SIM_SAYS_MOVING, NULL, false },
    { "/files/large", SIM_SAYS_FILE, "large", false },
};

size_t sim_some_body(void)
{
    size_t most = sim_tcp_scale() * 10;
    most = most < SIM_BODY ? most : SIM_BODY;
    return sim_pick((unsigned) (sim_chance(4) ? most : most / 10 + 1));
}

static bool wishes_is_file(const char *name, const char *body, size_t n)
{
    const struct sim_file *file = sim_file_named(name);
    bool same = n == 0 || memcmp(body, sim_file_bytes(file, 0, n), n) == 0;
    return same && n == sim_file_size(file);
}

static bool wishes_is_fixed(const char *body, size_t n)
{
    return n == SIM_FIXED && sim_is_body(body, n);
}

void sim_check_answer(const struct sim_wish *wish, const char *uri, const char *body, size_t n,
                      unsigned who)
{
    if (wish->answer == SIM_SAYS_FIXED) {
        sim_check(wishes_is_fixed(body, n), "client %u: wrong body", who);
    } else if (wish->answer == SIM_SAYS_FILE) {
        sim_check(wishes_is_file(wish->file, body, n),
                  "client %u: %zu bytes, which are not those of %s", who, n, wish->file);
    } else if (wish->answer == SIM_SAYS_URI) {
        sim_check(n == strlen(uri) && memcmp(body, uri, n) == 0,
                  "client %u: the response to %s is %.*s", who, uri, (int) n, body);
    }
}

#!/bin/bash
# SPDX-License-Identifier: MIT
# What 10,000 idle connections cost the process; what the kernel keeps for their sockets is not
# counted.
source "$(dirname "$0")/lib.sh"
need node wrk

count=10000
limit=1024

grown() {
    at_most "$limit" "$bytes"
}

# measure WHAT OPTION...
measure() {
    local what=$1 before answered
    shift
    serve "$@"
    timeout 30 wrk -t 1 -c 64 -d 1s "$url/" >/dev/null # rings and buffers are in use
    sleep 0.5
    before=$(rss)
    start_clients
    answered=$(ask open $count)
    check "memory: $count connections, $what" same $count "$answered"
    sleep 0.5
    bytes=$((($(rss) - before) * 1024 / count))
    note "$before kB before, $(rss) kB with them: $bytes bytes each"
    check "memory: at most $limit bytes each, $what" grown
    check "memory: another is served, $what" status 200 "$url/"
    end_clients
    check "memory: descriptors come back, $what" await 10 fds_back 40
    check_stop "memory: $what"
}

[ "$(ulimit -n)" -ge 12000 ] || ulimit -n 20000
measure "one loop" --loops 1
measure "default loops"

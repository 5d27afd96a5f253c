#!/bin/bash
# SPDX-License-Identifier: MIT
# What requests cost: 1000 connections for a while, and the system calls of 64 under strace.
source "$(dirname "$0")/lib.sh"
need wrk strace
seconds=${ACCEPTANCE_SECONDS:-30}

# hammer CONNECTIONS: runs wrk against the first page; its output is in $work/wrk.
hammer() {
    timeout $((seconds + 60)) wrk -t 2 -c "$1" -d "${seconds}s" --timeout 10s "$url/" >"$work/wrk" &&
        no_errors
}

figures() {
    note "$(grep -E 'Latency|requests in|Requests/sec' "$work/wrk" | tr -s ' \n' ' ')"
}

check_load() {
    local before
    serve
    before=$(fds)
    check "calls: 1000 keep-alive connections for $seconds s" hammer 1000
    figures
    check "calls: descriptors back at $before" await 10 fds_back "$before"
    note "$(fds) descriptors, $(rss) kB resident"
    check_stop "calls: load"
}

traced() {
    ! grep -qx $'TracerPid:\t0' /proc/"$server"/task/*/status
}

# calls PATTERN: how often the system calls that match were made.
calls() {
    awk -v name="^($1)\$" '$NF ~ name && $4 ~ /^[0-9]+$/ { n += $4 } END { print n + 0 }' \
        "$work/strace"
}

check_calls() {
    local tracer requests enters others
    serve
    # Slots, rings and buffers are made at the first need; that is not what is counted.
    timeout 30 wrk -t 2 -c 64 -d 1s "$url/" >/dev/null
    timeout -s INT $((seconds + 90)) strace -c -f -q -p "$server" -o "$work/strace" &
    tracer=$!
    helpers+=("$tracer")
    await 10 traced
    check "calls: 64 keep-alive connections under strace" hammer 64
    figures
    kill -INT "$tracer"
    wait "$tracer" || true
    requests=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' "$work/wrk")
    enters=$(calls io_uring_enter)
    others=$(($(calls '[a-z0-9_]+') - enters - $(calls total)))
    note "$requests requests, $enters io_uring_enter ($(awk -v e="$enters" -v r="$requests" \
        'BEGIN { printf "%.4f a request, one for %.1f", e / r, r / e }')), $others others"
    check "calls: at most one io_uring_enter for eight requests" \
        at_most "$requests" $((enters * 8))
    # Each connection costs a few when it begins and ends, each request none.
    check "calls: no other system call for a request" at_most $((64 * 8 + 100)) "$others"
    check_stop "calls: strace"
}

check_calls
check_load

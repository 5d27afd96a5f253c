#!/bin/bash
# SPDX-License-Identifier: MIT
# A server with nothing to do does nothing.
source "$(dirname "$0")/lib.sh"
need strace wrk node

no_ticks() {
    local before
    before=$(ticks)
    sleep 5
    same 0 "$(($(ticks) - before))"
}

switches() {
    cat /proc/"$server"/task/*/status | awk '/ctxt_switches/ { n += $2 } END { print n }'
}

no_switch() {
    local before
    before=$(switches)
    sleep 5
    same "$before" "$(switches)"
}

# Attaching and detaching interrupt what waits, so only what is between counts.
no_call() {
    local tracer from to
    timeout -s INT 20 strace -f -q -ttt -p "$server" -o "$work/strace" &
    tracer=$!
    helpers+=("$tracer")
    sleep 1
    from=$(date +%s.%N)
    sleep 3
    to=$(date +%s.%N)
    kill -INT "$tracer"
    wait "$tracer" || true
    grep -q . "$work/strace" || {
        echo "strace has seen nothing, not even what it interrupts"
        return 1
    }
    awk -v from="$from" -v to="$to" '$2 > from && $2 < to { print; n++ } END { exit n > 0 }' \
        "$work/strace"
}

check_idle() {
    check "idle: no CPU time in 5 s, $1" no_ticks
    check "idle: no context switch in 5 s, $1" no_switch
    check "idle: no system call in 3 s, $1" no_call
}

serve
check_idle "just started"
timeout 30 wrk -t 1 -c 64 -d 1s "$url/" >/dev/null
sleep 3 # the deadlines of what was
check_idle "after load"
check "idle: it still serves" status 200 "$url/"
check_stop idle

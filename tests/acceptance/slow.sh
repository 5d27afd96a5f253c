#!/bin/bash
# SPDX-License-Identifier: MIT
# Slow clients: 200 that send a byte a second keep nobody waiting, and are gone when the time for a
# head is over, which is 10 s by default.
source "$(dirname "$0")/lib.sh"
need node wrk curl

others() {
    timeout 30 wrk -t 1 -c 50 -d 3s --latency "$url/" >"$work/wrk" && no_errors
}

quick() {
    local took
    took=$(timeout 10 curl -sS -o "$work/body" -w '%{time_total}' "$url/")
    awk -v took="$took" 'BEGIN { print took " s"; exit took > 0.1 }'
}

all_there() {
    [ "$(fds)" -ge $((before + 200)) ]
}

gone() {
    [ "$(ask trickling)" = '0 200' ]
}

serve
before=$(fds)
start_clients
ask trickle 200 >/dev/null
began=$SECONDS
check "slow: 200 begin" await 5 all_there
check "slow: 50 others are served" others
note "$(grep -E 'requests in|99%' "$work/wrk" | tr -s ' \n' ' ')"
check "slow: one more in no time" quick
check "slow: after five seconds all are there" same '200 0' "$(ask trickling)"
check "slow: after ten all were told 408 and are gone" await 10 gone
note "gone after $((SECONDS - began)) s: $(ask trickling)"
check "slow: descriptors back" await 5 fds_back "$before"
end_clients
check_stop "slow: head"

serve --head-timeout 2000
start_clients
ask trickle 200 >/dev/null
check "slow: with --head-timeout 2000 they are gone after two" await 4 gone
end_clients
check_stop "slow: --head-timeout"

serve --idle-timeout 1000
before=$(fds)
start_clients
check "slow: 200 that keep their connections" same 200 "$(ask open 200)"
check "slow: with --idle-timeout 1000 they are gone after one" await 3 fds_back "$before"
end_clients
check_stop "slow: --idle-timeout"

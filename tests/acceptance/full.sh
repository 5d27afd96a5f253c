#!/bin/bash
# SPDX-License-Identifier: MIT
# More clients than there are descriptors for, or than are allowed: nothing spins, and those who
# wait are served when others leave.
source "$(dirname "$0")/lib.sh"
need node prlimit

# 2% of five seconds is ten ticks.
quiet() {
    local before
    before=$(ticks)
    sleep 5
    used=$(($(ticks) - before))
    note "CPU time in 5 s: $used ticks of 10 ms"
    at_most 10 "$used"
}

answered_more() {
    [ "$(ask count)" -ge "$1" ]
}

# besiege WHAT MOST: 200 clients, of whom no more than MOST can be there at once.
besiege() {
    local first
    start_clients
    first=$(ask open 200)
    note "$first of 200 are served"
    check "full: some are served, not all, $1" [ "$first" -gt 10 -a "$first" -le "$2" ]
    check "full: the CPU has a rest, $1" quiet
    ask drop 10 >/dev/null
    check "full: ten leave, ten others are served, $1" await 5 answered_more "$first"
    end_clients
    check "full: all leave, and it serves, $1" await 5 status 200 -m 2 "$url/"
    check_stop "full: $1"
}

start prlimit --nofile=64 "$program" serve --listen 127.0.0.1:0
besiege "64 descriptors" 63
start prlimit --nofile=64 "$program" serve --connections 1000 --listen 127.0.0.1:0
besiege "64 descriptors, 1,000 connections allowed" 63
serve --connections 50
besiege "50 connections allowed" 50

#!/bin/bash
# SPDX-License-Identifier: MIT
# Headless Chromium loads the site; its net log says what it asked for and what it was told.
source "$(dirname "$0")/lib.sh"
need chromium node

load() {
    timeout -k 5 60 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --user-data-dir="$work/profile" --log-net-log="$work/net.json" --dump-dom "$1" \
        >"$work/dom" 2>"$work/chromium.err"
}

shows() {
    grep -qF "$1" "$work/dom" || {
        echo "not in what it shows: $1"
        return 1
    }
}

page() {
    load "$url$1" && shows "<title>$2" && shows "$3"
}

assets() {
    timeout 30 node tests/acceptance/netlog.js "$work/net.json" "$url$1" || echo "FAIL browser: $?"
}

serve
check "browser: the first page" page / 'nng-uring</title>' 'carried by io_uring</h1>'
assets /
check "browser: the second page" page /write-path.html '' '</html>'
assets /write-path.html
check_stop browser

#!/bin/bash
# SPDX-License-Identifier: MIT
# Node.js: its own agent, streams in both directions, and raw pipelined requests (node.js).
source "$(dirname "$0")/lib.sh"
need node

mkdir -p "$work/site"
head -c 2000000 /dev/urandom >"$work/site/data.bin"
start "$handlers" "$work/site"
timeout 120 node tests/acceptance/node.js "$url" "$work/site/data.bin" ||
    echo "FAIL node: exit status $?"
check_stop node

#!/bin/bash
# SPDX-License-Identifier: MIT
# One big file, and clients that come and go while they download it. Needs some of TMPDIR.
source "$(dirname "$0")/lib.sh"
need curl perl

hash_of() {
    sha256sum | cut -d' ' -f1
}

make_big() {
    truncate -s 3G "$work/site/big"
    for at in 0 1023 2047 2048 3071; do
        dd if=/dev/urandom of="$work/site/big" bs=1M count=1 seek=$at conv=notrunc status=none
    done
}

big() {
    same "$(hash_of <"$work/site/big")" "$(timeout 300 curl -sS "$url/big" | hash_of)"
}

# 500 clients read a little of a download and go: a half with a reset, a half with a FIN.
vanish() {
    timeout 120 perl -MSocket -e '
        my ($host, $port) = $ARGV[0] =~ m{//(.*):(\d+)};
        my @socks;
        for my $i (1 .. 500) {
            socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
            connect($s, pack_sockaddr_in($port, inet_aton($host))) or die "connect: $!";
            syswrite($s, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n") or die "write: $!";
            push @socks, $s;
        }
        for my $i (0 .. $#socks) {
            sysread($socks[$i], my $some, 1 + $i * 100) or die "read: $!";
            setsockopt($socks[$i], SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)) if $i % 2;
            shutdown($socks[$i], 1) if $i % 4 == 0;
            close $socks[$i];
        }' "$url"
}

check_vanishing() {
    local before rss0
    check "downloads: a small file" gives 200 "$work/site/small" "$url/small"
    sleep 0.3
    before=$(fds)
    rss0=$(rss)
    check "downloads: 500 clients vanish half-way" vanish
    check "downloads: descriptors back at $before" await 10 fds_back "$before"
    note "$(fds) descriptors; resident $rss0 kB before, $(rss) kB after"
    check "downloads: the server still serves" gives 200 "$work/site/small" "$url/small"
}

started() {
    [ -s "$work/medium" ]
}

check_sigterm() {
    local download status=0 ended=0
    head -c 128M /dev/urandom >"$work/site/medium"
    timeout 60 curl -s --limit-rate 40M -o "$work/medium" "$url/medium" &
    download=$!
    helpers+=("$download")
    await 10 started
    stop >"$work/why" || ended=$?
    wait "$download" || status=$?
    check "downloads: one goes on to its end after SIGTERM" cmp "$work/medium" "$work/site/medium"
    check "downloads: curl is content with it" same 0 $status
    check "downloads: and then the exit status is 0" same 0 $ended
}

mkdir "$work/site"
echo small >"$work/site/small"
make_big
serve "$work/site"
check "downloads: a sparse file of 3 GiB" big
check_vanishing
check_sigterm

#!/bin/bash
# SPDX-License-Identifier: MIT
# Every file below a directory, downloaded and compared. Needs a few GB in TMPDIR.
source "$(dirname "$0")/lib.sh"
need curl perl
tree=${ACCEPTANCE_TREE:-/usr/share}

# Reads a list of paths, NUL behind each: the curl configuration that downloads them.
curl_config() {
    tree=$tree url=$url out=$work/files perl -0ne '
        chomp;
        my $path = substr($_, length $ENV{tree});
        $path =~ s/([^A-Za-z0-9._~\/-])/sprintf("%%%02X", ord $1)/ge;
        printf "url = \"%s%s\"\noutput = \"%s/%06d\"\nwrite-out = \"%%{http_code}\\n\"\n",
            $ENV{url}, $path, $ENV{out}, $.;
        open my $file, ">", sprintf("%s/%06d", $ENV{out}, $.) or die $!;'
}

# fetch_batch LIST: the paths whose bytes differ are added to $work/differ.
fetch_batch() {
    local n status=0
    n=$(tr -dc '\0' <"$1" | wc -c)
    mkdir "$work/files"
    curl_config <"$1" >"$work/config"
    timeout 300 curl -s -g --path-as-is --parallel --parallel-max 16 -K "$work/config" \
        >"$work/codes" 2>"$work/curl.err" || status=$?
    [ $status = 0 ] || note "curl: exit status $status: $(head -n 1 "$work/curl.err")"
    [ "$(grep -cx 200 "$work/codes")" = "$n" ] ||
        note "other than 200: $(grep -vx 200 "$work/codes" | sort | uniq -c | tr '\n' ' ')"
    # A backslash begins a line where the name has odd characters.
    xargs -0 sha256sum <"$1" | sed -e 's/^\\//' -e 's/ .*//' >"$work/want"
    find "$work/files" -type f -print0 | sort -z | xargs -0 sha256sum | cut -d' ' -f1 >"$work/got"
    paste <(tr '\0\n' '\n?' <"$1") "$work/want" "$work/got" |
        awk -F '\t' '$(NF - 1) != $NF { print $1 }' >>"$work/differ"
    rm -rf "$work/files"
}

identical() {
    ! grep . "$work/differ"
}

serve "$tree"
began=$SECONDS
(cd "$work" && find "$tree" -type f -readable -print0 | sort -z | split -t '\0' -l 4000 - batch.)
total=$(cat "$work"/batch.* | tr -dc '\0' | wc -c)
: >"$work/differ"
for batch in "$work"/batch.*; do
    fetch_batch "$batch"
    note "$(basename "$batch"): $(wc -l <"$work/differ") differ so far"
done
check "tree: $total files below $tree are identical" identical
note "$((SECONDS - began)) s"
check_stop tree

#!/bin/bash
# SPDX-License-Identifier: MIT
# wget: a tree mirrored twice, and a download that goes on where it was cut off.
source "$(dirname "$0")/lib.sh"
need wget

site=$work/site
mkdir -p "$site/sub"
for name in index a b sub/index sub/c; do
    cat >"$site/$name.html" <<END
<!DOCTYPE html><title>$name</title><img src="/pixel.svg">
<a href="/a.html">a</a> <a href="/b.html">b</a> <a href="/sub/">sub</a> <a href="/sub/c.html">c</a>
END
done
echo '<svg xmlns="http://www.w3.org/2000/svg"/>' >"$site/pixel.svg"
head -c 500000 /dev/urandom >"$work/data.bin"
find "$site" -type f -exec touch -d '2024-02-29 12:00:00 UTC' {} +

# By HEAD and comparing: of what it is told is 304 (no type comes with that) this wget follows no
# links. mirror SAVED: how many files are fetched, the others being there already.
mirror() {
    LC_ALL=C timeout 60 wget --mirror --no-if-modified-since -nH -e robots=off -P "$work/copy" \
        "$url/" 2>"$work/wget" &&
        same "$1" "$(grep -c ' saved \[' "$work/wget")" &&
        diff -r "$site" "$work/copy"
}

not_modified() {
    local all=(index.html a.html b.html sub/index.html sub/c.html pixel.svg)
    LC_ALL=C timeout 60 wget -N -x -nH -P "$work/copy" "${all[@]/#/$url/}" 2>"$work/wget" &&
        same 6 "$(grep -c ' 304 Not Modified' "$work/wget")"
}

changed() {
    echo '<!DOCTYPE html><title>new</title>' >"$site/b.html"
    mirror 1
}

continued() {
    cp "$work/data.bin" "$site/data.bin"
    head -c 200000 "$work/data.bin" >"$work/copy/data.bin"
    LC_ALL=C timeout 60 wget -c -O "$work/copy/data.bin" "$url/data.bin" 2>"$work/wget" &&
        grep -q '206 Partial Content' "$work/wget" && cmp "$work/data.bin" "$work/copy/data.bin"
}

serve "$site"
check "wget: --mirror" mirror 6
check "wget: --mirror again fetches nothing" mirror 0
check "wget: -N: six times 304" not_modified
check "wget: --mirror when one has changed" changed
check "wget: -c" continued
check_stop wget

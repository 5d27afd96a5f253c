/* SPDX-License-Identifier: MIT */
#include "http/mime.h"

#include <criterion/criterion.h>
#include <string.h>

#define UNKNOWN "application/octet-stream"

Test(mime, known, .timeout = 10)
{
    static const char *const known[][2] = {
        { "index.html", "text/html; charset=utf-8" },
        { "a/b.c/index.HTM", "text/html; charset=utf-8" },
        { "x.7z", "application/x-7z-compressed" },
        { "x.zst", "application/zstd" },
        { "style.css", "text/css; charset=utf-8" },
        { "a.tar.gz", "application/gzip" },
        { "a.PNG", "image/png" },
        { "a.jpg", "image/jpeg" },
        { "a.jpeg", "image/jpeg" },
        { "a.svg", "image/svg+xml" },
        { "a.js", "text/javascript; charset=utf-8" },
        { "a.json", "application/json" },
        { "a.txt", "text/plain; charset=utf-8" },
        { "a.c", "text/plain; charset=utf-8" },
        { "a.woff2", "font/woff2" },
        { ".html", "text/html; charset=utf-8" },
        { "README", "text/plain; charset=utf-8" },
        { "doc/Readme", "text/plain; charset=utf-8" },
        { "README.md", "text/markdown; charset=utf-8" },
        { "a.mpd", "application/dash+xml" },
        { "a.VTT", "text/vtt; charset=utf-8" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        cr_assert_str_eq(nu_mime_type(known[i][0]), known[i][1], "%s", known[i][0]);
    }
}

Test(mime, unknown, .timeout = 10)
{
    static const char *const unknown[] = { "",        "html",    ".",        "a.",      "a.htmlx",
                                           "a.html.", "a.html/", "a.html/b", "a.htm/l", "a. html",
                                           "..",      "READMEX", "XREADME",  "README/", "/",
                                           "a.\xff",  "a.7",     "a.zstd" };
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        cr_assert_str_eq(nu_mime_type(unknown[i]), UNKNOWN, "%s", unknown[i]);
    }
}

/* What NNG 1.x has a type for has one here. (bin is "unknown" there, too.) */
Test(mime, all_of_nng, .timeout = 10)
{
    static const char *const names[] = {
        "x.ai",   "x.aif", "x.aiff", "x.avi", "x.au",   "x.bmp", "x.css", "x.eps",
        "x.gif",  "x.htm", "x.html", "x.ico", "x.jpeg", "x.jpg", "x.js",  "x.md",
        "x.mp2",  "x.mp3", "x.mpeg", "x.mpg", "x.pdf",  "x.png", "x.ps",  "x.rtf",
        "x.text", "x.tif", "x.tiff", "x.txt", "x.wav",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert_str_neq(nu_mime_type(names[i]), UNKNOWN, "%s", names[i]);
    }
    cr_assert_str_eq(nu_mime_type("x.bin"), UNKNOWN);
}

/* All of NNG's table, and how it looks for the end of a name. */
Test(mime, as_nng, .timeout = 10)
{
    static const char *const known[][2] = {
        { "x.html", "text/html" },
        { "x.htm", "text/html" },
        { "a/x.CSS", "text/css" },
        { "x.js", "application/javascript" },
        { "x.json", "application/json" },
        { "x.txt", "text/plain" },
        { "x.text", "text/plain" },
        { ".txt", "text/plain" },
        { "README", "text/plain" },
        { "a/xreadme", "text/plain" },
        { "x.md", "text/markdown" },
        { "x.svg", "image/svg+xml" },
        { "x.avi", "video/avi" },
        { "x.mp3", "audio/mpeg3" },
        { "x.mp2", "video/mpeg" },
        { "x.mp4", "video/mp4" },
        { "x.bin", UNKNOWN },
        { "x.xml", UNKNOWN },
        { "x.gz", UNKNOWN },
        { "html", UNKNOWN },
        { "x.htmlx", UNKNOWN },
        { "x.html/", UNKNOWN },
        { "", UNKNOWN },
        { "README.x", UNKNOWN },
        { "x.woff2", "font/woff2" },
        { "x.ico", "image/x-icon" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        cr_assert_str_eq(nu_mime_type_nng(known[i][0]), known[i][1], "%s", known[i][0]);
    }
}

/* bsearch() finds them only if they are sorted. */
Test(mime, every_one, .timeout = 10)
{
    static const char suffixes[] =
        "3gp 7z aac ai aif aiff apng asc atom au avi avif bmp bz2 "
        "c cjs conf css csv doc docx dvi eot eps epub flac geojson gif "
        "glb gltf gz h heic heif htm html ico ics ini jar jpeg jpg "
        "js json jsonld jxl log m3u8 m4a m4s m4v map md mid midi mjs "
        "mkv mov mp2 mp3 mp4 mpd mpeg mpg odp ods odt oga ogg ogv "
        "opus otf pdf png ppt pptx ps rar rss rtf sgml svg tar text "
        "tgz tif tiff toml tsv ttc ttf txt vtt wasm wav weba webm webmanifest "
        "webp woff woff2 xhtml xls xlsx xml xpm xsl xz yaml yml zip zst ";
    char name[16] = "x.";
    const char *p = suffixes;
    for (size_t n = strcspn(p, " "); n > 0; p += n + 1, n = strcspn(p, " ")) {
        memcpy(name + 2, p, n);
        name[2 + n] = '\0';
        cr_assert_str_neq(nu_mime_type(name), UNKNOWN, "%s", name);
    }
}

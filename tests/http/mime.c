#include "http/mime.h"

#include <criterion/criterion.h>

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
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        cr_assert_str_eq(nu_mime_type(known[i][0]), known[i][1], "%s", known[i][0]);
    }
}

Test(mime, unknown, .timeout = 10)
{
    static const char *const unknown[] = { "",        "html",    ".",        "a.",      "a.htmlx",
                                           "a.html.", "a.html/", "a.html/b", "a.htm/l", "a. html",
                                           "..",      "/",       "a.\xff",   "a.7",     "a.zstd" };
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        cr_assert_str_eq(nu_mime_type(unknown[i]), UNKNOWN, "%s", unknown[i]);
    }
}

/* bsearch() finds them only if they are sorted: these are the neighbours of all kinds. */
Test(mime, every_letter, .timeout = 10)
{
    static const char *const names[] = {
        "x.aac",  "x.avif", "x.bmp",    "x.bz2",  "x.csv",  "x.eot",   "x.flac", "x.gif",  "x.h",
        "x.ico",  "x.jar",  "x.jsonld", "x.m4a",  "x.map",  "x.md",    "x.mjs",  "x.mp3",  "x.mp4",
        "x.ogg",  "x.otf",  "x.pdf",    "x.ps",   "x.rss",  "x.rtf",   "x.tar",  "x.tiff", "x.ttf",
        "x.wasm", "x.wav",  "x.webm",   "x.webp", "x.woff", "x.xhtml", "x.xml",  "x.xz",   "x.zip",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_assert_str_neq(nu_mime_type(names[i]), UNKNOWN, "%s", names[i]);
    }
}

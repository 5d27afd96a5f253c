/* SPDX-License-Identifier: MIT */
#include "http/mime.h"

#include "wire/chars.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Sorted by suffix, for bsearch(). Text is UTF-8 unless it says so itself. */
static const struct type {
    const char *suffix;
    const char *type;
} types[] = {
    { "3gp", "video/3gpp" },
    { "7z", "application/x-7z-compressed" },
    { "aac", "audio/aac" },
    { "ai", "application/postscript" },
    { "aif", "audio/aiff" },
    { "aiff", "audio/aiff" },
    { "apng", "image/apng" },
    { "asc", "text/plain; charset=utf-8" },
    { "atom", "application/atom+xml" },
    { "au", "audio/basic" },
    { "avi", "video/x-msvideo" },
    { "avif", "image/avif" },
    { "bin", "application/octet-stream" },
    { "bmp", "image/bmp" },
    { "bz2", "application/x-bzip2" },
    { "c", "text/plain; charset=utf-8" },
    { "cjs", "text/javascript; charset=utf-8" },
    { "conf", "text/plain; charset=utf-8" },
    { "css", "text/css; charset=utf-8" },
    { "csv", "text/csv; charset=utf-8" },
    { "doc", "application/msword" },
    { "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
    { "dvi", "application/x-dvi" },
    { "eot", "application/vnd.ms-fontobject" },
    { "eps", "application/postscript" },
    { "epub", "application/epub+zip" },
    { "flac", "audio/flac" },
    { "geojson", "application/geo+json" },
    { "gif", "image/gif" },
    { "glb", "model/gltf-binary" },
    { "gltf", "model/gltf+json" },
    { "gz", "application/gzip" },
    { "h", "text/plain; charset=utf-8" },
    { "heic", "image/heic" },
    { "heif", "image/heif" },
    { "htm", "text/html; charset=utf-8" },
    { "html", "text/html; charset=utf-8" },
    { "ico", "image/x-icon" },
    { "ics", "text/calendar; charset=utf-8" },
    { "ini", "text/plain; charset=utf-8" },
    { "jar", "application/java-archive" },
    { "jpeg", "image/jpeg" },
    { "jpg", "image/jpeg" },
    { "js", "text/javascript; charset=utf-8" },
    { "json", "application/json" },
    { "jsonld", "application/ld+json" },
    { "jxl", "image/jxl" },
    { "log", "text/plain; charset=utf-8" },
    { "m3u8", "application/vnd.apple.mpegurl" },
    { "m4a", "audio/mp4" },
    { "m4s", "video/iso.segment" },
    { "m4v", "video/mp4" },
    { "map", "application/json" },
    { "md", "text/markdown; charset=utf-8" },
    { "mid", "audio/midi" },
    { "midi", "audio/midi" },
    { "mjs", "text/javascript; charset=utf-8" },
    { "mkv", "video/matroska" },
    { "mov", "video/quicktime" },
    { "mp2", "audio/mpeg" },
    { "mp3", "audio/mpeg" },
    { "mp4", "video/mp4" },
    { "mpd", "application/dash+xml" },
    { "mpeg", "video/mpeg" },
    { "mpg", "video/mpeg" },
    { "odp", "application/vnd.oasis.opendocument.presentation" },
    { "ods", "application/vnd.oasis.opendocument.spreadsheet" },
    { "odt", "application/vnd.oasis.opendocument.text" },
    { "oga", "audio/ogg" },
    { "ogg", "audio/ogg" },
    { "ogv", "video/ogg" },
    { "opus", "audio/ogg" },
    { "otf", "font/otf" },
    { "pdf", "application/pdf" },
    { "png", "image/png" },
    { "ppt", "application/vnd.ms-powerpoint" },
    { "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
    { "ps", "application/postscript" },
    { "rar", "application/vnd.rar" },
    { "rss", "application/rss+xml" },
    { "rtf", "text/rtf" },
    { "sgml", "text/sgml" },
    { "svg", "image/svg+xml" },
    { "tar", "application/x-tar" },
    { "text", "text/plain; charset=utf-8" },
    { "tgz", "application/gzip" },
    { "tif", "image/tiff" },
    { "tiff", "image/tiff" },
    { "toml", "application/toml" },
    { "tsv", "text/tab-separated-values; charset=utf-8" },
    { "ttc", "font/collection" },
    { "ttf", "font/ttf" },
    { "txt", "text/plain; charset=utf-8" },
    { "vtt", "text/vtt; charset=utf-8" },
    { "wasm", "application/wasm" },
    { "wav", "audio/wav" },
    { "weba", "audio/webm" },
    { "webm", "video/webm" },
    { "webmanifest", "application/manifest+json" },
    { "webp", "image/webp" },
    { "woff", "font/woff" },
    { "woff2", "font/woff2" },
    { "xhtml", "application/xhtml+xml" },
    { "xls", "application/vnd.ms-excel" },
    { "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
    { "xml", "text/xml; charset=utf-8" },
    { "xpm", "image/x-xpixmap" },
    { "xsl", "text/xml; charset=utf-8" },
    { "xz", "application/x-xz" },
    { "yaml", "application/yaml" },
    { "yml", "application/yaml" },
    { "zip", "application/zip" },
    { "zst", "application/zstd" },
};

/* What NNG 1.12 knows, and how it calls it. The ends of names: "README" is no suffix. */
static const struct type nng_types[] = {
    { ".ai", "application/postscript" },
    { ".aif", "audio/aiff" },
    { ".aiff", "audio/aiff" },
    { ".au", "audio/basic" },
    { ".avi", "video/avi" },
    { ".bmp", "image/bmp" },
    { ".css", "text/css" },
    { ".eps", "application/postscript" },
    { ".gif", "image/gif" },
    { ".htm", "text/html" },
    { ".html", "text/html" },
    { ".ico", "image/x-icon" },
    { ".jpeg", "image/jpeg" },
    { ".jpg", "image/jpeg" },
    { ".js", "application/javascript" },
    { ".json", "application/json" },
    { ".md", "text/markdown" },
    { ".mp2", "video/mpeg" },
    { ".mp3", "audio/mpeg3" },
    { ".mp4", "video/mp4" },
    { ".mpeg", "video/mpeg" },
    { ".mpg", "video/mpeg" },
    { ".pdf", "application/pdf" },
    { ".png", "image/png" },
    { ".ps", "application/postscript" },
    { ".rtf", "text/rtf" },
    { ".svg", "image/svg+xml" },
    { ".text", "text/plain" },
    { ".tif", "image/tiff" },
    { ".tiff", "image/tiff" },
    { ".txt", "text/plain" },
    { ".wasm", "application/wasm" },
    { ".wav", "audio/wav" },
    { ".webp", "image/webp" },
    { ".woff", "font/woff" },
    { ".woff2", "font/woff2" },
    { "README", "text/plain" },
};

#define UNKNOWN "application/octet-stream"

/* Without the locale, to which an I may be something else than a large i. */
static int mime_compare(const void *key, const void *entry)
{
    const char *a = key, *b = ((const struct type *) entry)->suffix;
    while (*a != '\0' && nu_chars_lower(*a) == *b) {
        a++;
        b++;
    }
    return (unsigned char) nu_chars_lower(*a) - (unsigned char) *b;
}

const char *nu_mime_type(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *file = slash != NULL ? slash + 1 : name;
    const char *dot = strrchr(file, '.');
    const struct type *type = NULL;
    if (dot != NULL) {
        type =
            bsearch(dot + 1, types, sizeof types / sizeof types[0], sizeof types[0], mime_compare);
    } else if (strlen(file) == 6 && nu_chars_same(file, "README", 6)) {
        return "text/plain; charset=utf-8";
    }
    return type != NULL ? type->type : UNKNOWN;
}

const char *nu_mime_type_nng(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof nng_types / sizeof nng_types[0]; i++) {
        size_t n = strlen(nng_types[i].suffix);
        if (n <= len && nu_chars_same(name + len - n, nng_types[i].suffix, n)) {
            return nng_types[i].type;
        }
    }
    return UNKNOWN;
}

/* SPDX-License-Identifier: MIT */
#include "cmd/site.h"

#include <stddef.h>

/* The assembler reads the files, from the top of the tree, where make runs. */
#define FILE_BYTES(name, file)                                                                     \
    __asm__(".pushsection .rodata\n" name ": .incbin \"src/cmd/site/" file "\"\n" name             \
            "_end: .byte 0\n.popsection\n")

FILE_BYTES("site_index", "index.html");
FILE_BYTES("site_path", "write-path.html");
FILE_BYTES("site_style", "style.css");
FILE_BYTES("site_icon", "favicon.svg");
FILE_BYTES("site_status_page", "status.html");

extern const char site_index[], site_index_end[], site_path[], site_path_end[];
extern const char site_style[], site_style_end[], site_icon[], site_icon_end[];
extern const char site_status_page[], site_status_page_end[];

const struct site_page site_pages[] = {
    { "/", "text/html; charset=utf-8", site_index, site_index_end },
    { "/write-path.html", "text/html; charset=utf-8", site_path, site_path_end },
    { "/style.css", "text/css; charset=utf-8", site_style, site_style_end },
    { "/favicon.svg", "image/svg+xml", site_icon, site_icon_end },
    { NULL, NULL, NULL, NULL },
};

const struct site_page site_status = { "/", "text/html; charset=utf-8", site_status_page,
                                       site_status_page_end };

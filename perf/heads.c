/* SPDX-License-Identifier: MIT */
#include "heads.h"

#include <stdio.h>

/* A document, a script, an image and a fetch(), by four browsers. */
static const char *const browsers[] = {
    "Connection: keep-alive\r\n"
    "Cache-Control: max-age=0\r\n"
    "sec-ch-ua: \"Chromium\";v=\"142\", \"Google Chrome\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "sec-ch-ua-platform: \"Windows\"\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "image/apng,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-User: ?1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n",

    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    "Accept: */*\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Connection: keep-alive\r\n"
    "Sec-Fetch-Dest: script\r\n"
    "Sec-Fetch-Mode: no-cors\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Priority: u=2\r\n",

    "Connection: keep-alive\r\n"
    "Accept: image/webp,image/avif,image/jxl,image/heic,video/*;q=0.8,image/png,image/svg+xml,"
    "image/*;q=0.8,*/*;q=0.5\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Accept-Language: fr-FR,fr;q=0.9\r\n"
    "Sec-Fetch-Mode: no-cors\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.5 Safari/605.1.15\r\n"
    "Sec-Fetch-Dest: image\r\n",

    "Connection: keep-alive\r\n"
    "sec-ch-ua-platform: \"Android\"\r\n"
    "User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Mobile Safari/537.36\r\n"
    "sec-ch-ua: \"Chromium\";v=\"142\", \"Google Chrome\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\n"
    "DNT: 1\r\n"
    "sec-ch-ua-mobile: ?1\r\n"
    "Accept: application/json\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n",
};

size_t heads_fields(unsigned i, char *out, size_t room)
{
    unsigned seed = (i + 1) * 2654435761U;
    int n = snprintf(out, room,
                     "%sReferer: http://127.0.0.1/shop/%u/list?page=%u\r\n"
                     "Cookie: theme=light; session=%08x%08x; visited=%u\r\n",
                     browsers[i % (sizeof browsers / sizeof *browsers)], seed % 900, i, seed,
                     ~seed * 40503U, seed % 10000);
    return n > 0 && (size_t) n < room ? (size_t) n : 0;
}

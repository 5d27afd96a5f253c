// SPDX-License-Identifier: MIT
// Checks what Chromium's net log says of a page: node netlog.js LOG URL. Everything that the page at
// URL names must have come with 200 and the right type, be it to Chromium or, when it had no use for
// it, to us. Prints "ok NAME" or "FAIL NAME: why" for each.
'use strict';
const fs = require('fs');

const [, , log, page] = process.argv;
const types = { css: 'text/css', svg: 'image/svg+xml', html: 'text/html', '': 'text/html' };

// Chromium that was ended leaves the array open.
function parse(text) {
    try {
        return JSON.parse(text);
    } catch {
        return JSON.parse(text.trim().replace(/,$/, '') + ']}');
    }
}

// What Chromium got: status and type of each URL.
function responses() {
    const { constants, events } = parse(fs.readFileSync(log, 'utf8'));
    const type = constants.logEventTypes;
    const urls = new Map();
    const got = new Map();
    for (const { type: t, source, params } of events) {
        if (t === type.URL_REQUEST_START_JOB && params?.url) urls.set(source.id, params.url);
        if (t === type.HTTP_TRANSACTION_READ_RESPONSE_HEADERS && urls.has(source.id)) {
            const [line, ...fields] = params.headers;
            const field = fields.find(text => /^content-type:/i.test(text)) ?? '';
            got.set(urls.get(source.id), [Number(line.split(' ')[1]), field.slice(13).trim()]);
        }
    }
    return got;
}

async function main() {
    const html = await (await fetch(page)).text();
    const names = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(match => match[1]);
    const all = new Set([page, ...names.map(name => new URL(name, page).href.replace(/#.*/, ''))]);
    const got = responses();
    for (const url of all) {
        if (new URL(url).origin !== new URL(page).origin) continue;
        const who = got.has(url) ? 'Chromium' : 'fetch';
        let [status, type] = got.get(url) ?? [0, ''];
        if (who === 'fetch') {
            const res = await fetch(url);
            [status, type] = [res.status, res.headers.get('content-type') ?? ''];
        }
        const path = new URL(url).pathname;
        const want = types[path.match(/\.(\w+)$/)?.[1] ?? ''];
        const good = status === 200 && type.split(';')[0] === want;
        const name = `browser: ${path} of ${new URL(page).pathname} (to ${who})`;
        console.log(good ? `ok ${name}` : `FAIL ${name}: ${status} ${type}, expected 200 ${want}`);
    }
}

main();

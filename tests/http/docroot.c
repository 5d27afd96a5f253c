/* SPDX-License-Identifier: MIT */
/* What a directory handler's path leads to, and what its links lead to. */
#include "http/docroot.h"

#include "io/loop.h"
#include "support/site.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(docroot, .timeout = 60);

static struct t_site site;

static char *at(const char *name)
{
    return strdup(t_site_at(&site, name));
}

static void make_link(const char *to, const char *name)
{
    cr_assert_eq(symlink(to, t_site_at(&site, name)), 0);
}

static void make_dir(const char *name)
{
    cr_assert_eq(mkdir(t_site_at(&site, name), 0755), 0);
}

static void move(const char *from, const char *to)
{
    char *old = at(from);
    cr_assert_eq(rename(old, t_site_at(&site, to)), 0);
    free(old);
}

static void open_releases(void)
{
    t_site_open(&site);
    make_dir("one");
    make_dir("two");
    t_site_text(&site, "one/f", "first");
    t_site_text(&site, "two/f", "second");
}

/* As `ln -sfn` and deployments do it: another link takes its place. */
Test(docroot, link_that_is_put_elsewhere)
{
    open_releases();
    make_link("one", "current");
    t_web_directory(&site.web, "/d", t_site_at(&site, "current"));
    for (int i = 0; i < 3; i++) {
        t_web_assert(&site.web, "/d/f", 200, "first");
        make_link("two", "next");
        move("next", "current");
        t_web_assert(&site.web, "/d/f", 200, "second");
        make_link("one", "next");
        move("next", "current");
    }
    t_web_assert(&site.web, "/d/f", 200, "first");
    t_site_close(&site);
}

Test(docroot, directory_that_is_renamed_and_made_anew)
{
    open_releases();
    t_web_directory(&site.web, "/d", t_site_at(&site, "one"));
    t_web_assert(&site.web, "/d/f", 200, "first");
    move("one", "old");
    t_web_assert(&site.web, "/d/f", 404, NULL);
    move("two", "one");
    t_web_assert(&site.web, "/d/f", 200, "second");
    cr_assert_eq(unlink(t_site_at(&site, "one/f")), 0);
    cr_assert_eq(rmdir(t_site_at(&site, "one")), 0);
    t_web_assert(&site.web, "/d/f", 404, NULL);
    make_dir("one");
    t_site_text(&site, "one/f", "third");
    t_web_assert(&site.web, "/d/f", 200, "third");
    t_site_close(&site);
}

Test(docroot, file_that_is_put_elsewhere)
{
    nng_http_handler *handler;
    open_releases();
    make_link("one", "current");
    cr_assert_eq(nng_http_handler_alloc_file(&handler, "/f", t_site_at(&site, "current/f")), 0);
    t_web_add(&site.web, handler);
    t_web_assert(&site.web, "/f", 200, "first");
    make_link("two", "next");
    move("next", "current");
    t_web_assert(&site.web, "/f", 200, "second");
    t_site_close(&site);
}

/* ---- Links --------------------------------------------------------------------------------- */

static void link_absolute(const char *to, const char *name)
{
    char *path = at(to);
    make_link(path, name);
    free(path);
}

/* By absolute path, but to what is inside; also by way of a directory, and to an index. */
Test(docroot, absolute_links_to_what_is_inside)
{
    open_releases();
    make_dir("one/sub");
    t_site_text(&site, "one/sub/index.html", "an index");
    link_absolute("one/f", "one/file");
    link_absolute("one/sub", "one/dir");
    link_absolute("one", "one/self");
    make_dir("one/sub2");
    link_absolute("one/f", "one/sub2/index.html");
    t_web_directory(&site.web, "/d", t_site_at(&site, "one"));
    t_web_assert(&site.web, "/d/file", 200, "first");
    t_web_assert(&site.web, "/d/dir/index.html", 200, "an index");
    t_web_assert(&site.web, "/d/dir", 200, "an index");
    t_web_assert(&site.web, "/d/self/self/f", 200, "first");
    t_web_assert(&site.web, "/d/sub2", 200, "first");
    t_site_close(&site);
}

/* The index file is opened as confined as any other. */
Test(docroot, links_that_lead_out)
{
    open_releases();
    static const char *const dirs[] = { "one/a", "one/b", "one/c" };
    for (int i = 0; i < 3; i++) {
        make_dir(dirs[i]);
    }
    link_absolute("two/f", "one/a/index.html");
    make_link("../../two/f", "one/b/index.html");
    make_link("/proc/self/cwd/README.md", "one/c/index.html");
    link_absolute("two/f", "one/abs");
    make_link("../two/f", "one/rel");
    link_absolute("two", "one/dir");
    make_link("/etc/hostname", "one/etc");
    link_absolute("nothing", "one/dangling");
    make_dir("one2"); /* whose name begins like the root's */
    t_site_text(&site, "one2/f", "beside");
    link_absolute("one2/f", "one/beside");
    t_web_directory(&site.web, "/d", t_site_at(&site, "one"));
    static const char *const paths[] = {
        "/d/a",   "/d/a/",    "/d/a/index.html", "/d/b",   "/d/b/index.html", "/d/c",      "/d/abs",
        "/d/rel", "/d/dir/f", "/d/dir",          "/d/etc", "/d/dangling",     "/d/beside",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        t_web_assert(&site.web, paths[i], 404, NULL);
    }
    t_web_assert(&site.web, "/d/f", 200, "first");
    t_site_close(&site);
}

/* ---- A '/' at the end ---------------------------------------------------------------------- */

static void assert_moved(const char *target, const char *location)
{
    struct t_http_client b;
    char line[128];
    t_http_client_open(&b, site.web.port);
    t_http_client_get(&b, target);
    t_http_client_assert(&b, 301, NULL);
    snprintf(line, sizeof line, "Location: %s", location);
    cr_assert(t_http_client_line(&b, line), "%s: %s", target, b.head);
    t_http_client_close(&b);
}

Test(docroot, slash_redirects)
{
    nng_http_handler *handler;
    open_releases();
    t_site_text(&site, "one/index.html", "root's");
    make_dir("one/docs");
    make_dir("one/docs/a b");
    make_dir("one/empty");
    t_site_text(&site, "one/docs/index.html", "docs'");
    t_site_text(&site, "one/docs/a b/index.htm", "deeper");
    cr_assert_eq(nng_http_handler_alloc_directory(&handler, "/d", t_site_at(&site, "one")), 0);
    cr_assert_eq(nng_http_handler_set_tree(handler), 0); /* others may be there, too */
    cr_assert_eq(nng_uring_handler_set_slash_redirects(handler, true), 0);
    t_web_add(&site.web, handler);
    cr_assert_eq(nng_uring_handler_set_slash_redirects(handler, false), NNG_EBUSY);
    assert_moved("/d", "/d/");
    assert_moved("/d/docs", "/d/docs/");
    assert_moved("/d/docs?a=%20b&c", "/d/docs/?a=%20b&c");
    assert_moved("/d/docs/a%20b", "/d/docs/a%20b/");
    assert_moved("/d/./docs/../docs", "/d/docs/");
    t_web_assert(&site.web, "/d/", 200, "root's");
    t_web_assert(&site.web, "/d/docs/", 200, "docs'");
    t_web_assert(&site.web, "/d/docs/a%20b/", 200, "deeper");
    t_web_assert(&site.web, "/d/docs/index.html", 200, "docs'");
    t_web_assert(&site.web, "/d/empty", 404, NULL);
    t_web_directory(&site.web, "/nng", t_site_at(&site, "one")); /* as NNG has it */
    t_web_assert(&site.web, "/nng/docs", 200, "docs'");
    t_web_assert(&site.web, "/nng", 200, "root's");
    t_site_close(&site);
}

/* ---- Cost ---------------------------------------------------------------------------------- */

static bool leads_to(struct nu_docroot_slot *slot, const char *path, const struct nu_loop *loop,
                     const char *name)
{
    struct nu_docroot *root;
    struct stat is, st;
    cr_assert_eq(nu_docroot_get(slot, path, loop, &root), 0);
    cr_assert_eq(fstat(root->fd, &is), 0);
    cr_assert_eq(stat(t_site_at(&site, name), &st), 0);
    nu_docroot_drop(root);
    return is.st_ino == st.st_ino && is.st_dev == st.st_dev;
}

/* All that a turn of a loop serves has one look between them; the next turn has its own, and so has
 * another loop. */
Test(docroot, one_look_a_turn)
{
    struct nu_docroot_slot slot = { 0 };
    struct nu_loop loop = { .index = 1, .turns = 7 }, other = { .index = 2, .turns = 7 };
    open_releases();
    make_link("one", "current");
    char *path = at("current");
    cr_assert(leads_to(&slot, path, &loop, "one"));
    make_link("two", "next");
    move("next", "current");
    cr_assert(leads_to(&slot, path, &loop, "one"));
    cr_assert(leads_to(&slot, path, &other, "two"));
    make_link("one", "next");
    move("next", "current");
    loop.turns++;
    cr_assert(leads_to(&slot, path, &loop, "one"));
    nu_docroot_drop(slot.now);
    free(path);
    t_site_close(&site);
}

/* Nothing is opened for good with every look. */
Test(docroot, descriptors)
{
    open_releases();
    make_link("one", "current");
    t_web_directory(&site.web, "/d", t_site_at(&site, "current"));
    for (int i = 0; i < 50; i++) {
        make_link(i % 2 ? "one" : "two", "next");
        move("next", "current");
        t_web_assert(&site.web, "/d/f", 200, i % 2 ? "first" : "second");
    }
    t_site_close(&site); /* looks for descriptors left open */
}

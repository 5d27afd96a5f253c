/* SPDX-License-Identifier: MIT */
#include "support/child.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ARGS 16

static void become(int program, char *const argv[], int out, int err, void (*prepare)(void))
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (prepare != NULL) {
        prepare();
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user would undo it */
    fexecve(program, argv, environ);
    _exit(126);
}

void t_child_start(struct t_child *child, const char *args, void (*prepare)(void))
{
    const char *path = getenv("NNG_URING_BIN");
    char words[4096], *argv[MAX_ARGS + 1] = { "nng-uring" };
    int argc = 1, out[2], err[2];
    cr_assert_lt(strlen(args), sizeof words);
    strcpy(words, args);
    for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
        cr_assert_lt(argc, MAX_ARGS);
        argv[argc++] = word;
    }
    path = path != NULL ? path : NU_PROGRAM;
    /* By descriptor: another user may not be allowed to look into our directory. */
    int program = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(program, 0, "%s: %s", path, strerror(errno));
    cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(err, O_CLOEXEC), 0);
    *child = (struct t_child){ .out = out[0], .err = err[0] };
    child->pid = fork();
    if (child->pid == 0) {
        become(program, argv, out[1], err[1], prepare);
    }
    cr_assert_gt(child->pid, 0);
    close(out[1]);
    close(err[1]);
    close(program);
}

/* Reads until `text` has appeared: false when the end came first, as it does for NULL. */
static bool read_text(int fd, char *buffer, const char *text)
{
    size_t have = strlen(buffer);
    ssize_t n;
    while (text == NULL || strstr(buffer, text) == NULL) {
        if ((n = read(fd, buffer + have, NU_CHILD_TEXT - 1 - have)) <= 0) {
            return false;
        }
        have += (size_t) n;
        buffer[have] = '\0';
    }
    return true;
}

static void await(struct t_child *child, int fd, char *buffer, const char *text)
{
    if (!read_text(fd, buffer, text)) {
        int status = t_child_end(child);
        cr_assert_fail("it ended (%d) without '%s', but with\n%s%s", status, text, child->out_text,
                       child->err_text);
    }
}

void t_child_await_out(struct t_child *child, const char *text)
{
    await(child, child->out, child->out_text, text);
}

void t_child_await_err(struct t_child *child, const char *text)
{
    await(child, child->err, child->err_text, text);
}

int t_child_end(struct t_child *child)
{
    int status;
    read_text(child->out, child->out_text, NULL);
    read_text(child->err, child->err_text, NULL);
    close(child->out);
    close(child->err);
    cr_assert_eq(waitpid(child->pid, &status, 0), child->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int t_child_run(struct t_child *child, const char *args, void (*prepare)(void))
{
    t_child_start(child, args, prepare);
    return t_child_end(child);
}

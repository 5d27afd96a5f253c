/* SPDX-License-Identifier: MIT */
#include <nng/nng.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(random, .timeout = 30);

Test(random, every_bit_is_now_set_and_now_not)
{
    uint32_t set = 0, clear = 0;

    for (int i = 0; i < 1000; i++) {
        uint32_t value = nng_random();
        set |= value;
        clear |= ~value;
    }
    cr_assert_eq(set, UINT32_MAX);
    cr_assert_eq(clear, UINT32_MAX);
}

Test(random, a_child_has_numbers_of_its_own)
{
    int ends[2];
    uint64_t mine, childs;

    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    mine = (uint64_t) nng_random() << 32 | nng_random();
    if (pid == 0) {
        _exit(write(ends[1], &mine, sizeof(mine)) != (ssize_t) sizeof(mine));
    }
    cr_assert_eq(read(ends[0], &childs, sizeof(childs)), (ssize_t) sizeof(childs));
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    cr_assert_neq(mine, childs);
}

/* getrandom(2) fails from here on. */
static void forbid_getrandom(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

Test(random, without_the_kernel_no_number_is_made_up, .signal = SIGABRT)
{
    forbid_getrandom();
    nng_random();
}

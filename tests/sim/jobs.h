/* SPDX-License-Identifier: MIT */
/* An operation that the made-up ring holds, and what becomes of it when it is tried. */
#ifndef NU_TESTS_SIM_JOBS_H
#define NU_TESTS_SIM_JOBS_H

#include "io/op.h"
#include "sim/tcp.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_KINDS (NU_OP_HANGUP + 1)

extern const char *const sim_kind_names[SIM_KINDS];

/* What its completion may say, by the man pages; they end with 0. */
extern const int *const sim_kind_errors[SIM_KINDS];

/* Something rare happens once in so many times; 0: never. */
extern unsigned sim_rare;

struct nu_bufring;

enum sim_job_state {
    SIM_JOB_FREE,
    SIM_JOB_QUEUED,  /* an SQE that was not submitted */
    SIM_JOB_WAITING, /* submitted; to be tried when its socket is ready */
};

#define SIM_FEW 4U

struct sim_job {
    enum sim_job_state state;
    struct nu_op *op;
    struct nu_op was;                /* the op as it was prepared */
    struct iovec *iov, few[SIM_FEW]; /* few: for `iov` to point to */
    unsigned niov;
    struct sim_sock *sock;
    uint64_t user_data;
    uint64_t deadline; /* SIM_NEVER: none, or it has passed in vain */
    bool linked;       /* its timeout is still to complete */
    uint64_t sum;      /* of the bytes that it is to write */
    uint64_t ready_at; /* a connect's */
    int told;          /* what a multishot poll has said */
};

struct sim_outcome {
    int res;
    uint32_t flags;
    bool wait;
};

/* It has bytes to write: those of `iov`. */
bool sim_job_gathers(const struct sim_job *job);

/* Of these. */
uint64_t sim_job_sum(const struct sim_job *job);

/* From now on what it receives into is the kernel's alone, which AddressSanitizer then watches; or
 * it is not any more. */
void sim_job_mark(const struct sim_job *job, bool kernels);

/* Its memory is the kernel's until now: fails the run where somebody has touched it. */
void sim_job_check_memory(const struct sim_job *job);

/* Tries it; `wait`: it is not over. A write alone or a read, of what `sock` and `iov` say. */
struct sim_outcome sim_job_perform(struct sim_job *job, struct nu_bufring *buffers);
struct sim_outcome sim_job_writev(struct sim_job *job);
struct sim_outcome sim_job_readv(struct sim_job *job);

/* Its socket says that it is worth a try; or (hot) says so to the kernel, maybe in vain: what a
 * peer's FIN wakes is, for a write. */
bool sim_job_ready(const struct sim_job *job);
bool sim_job_hot(const struct sim_job *job);

/* Its deadline has passed. */
bool sim_job_due(const struct sim_job *job);

#endif

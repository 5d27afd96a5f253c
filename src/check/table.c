/* SPDX-License-Identifier: MIT */
#include "check/table.h"

#include "check/accept.h"
#include "check/cancel.h"
#include "check/close.h"
#include "check/file.h"
#include "check/limits.h"
#include "check/owner.h"
#include "check/queue.h"
#include "check/receive.h"
#include "check/setup.h"
#include "check/sigpipe.h"
#include "check/timeout.h"
#include "check/wake.h"
#include "check/write.h"

static const struct nu_check checks[] = {
    { "setup-flags", NU_USED, "a ring with SINGLE_ISSUER, DEFER_TASKRUN and SUBMIT_ALL",
      "COOP_TASKRUN, then no flags", nu_setup_flags },
    { "setup-size", NU_USED, "a loop's ring fits into this process's locked memory",
      "a smaller ring: halved until it fits", nu_setup_size },
    { "setup-registered", NU_USED, "a ring is entered through a registered descriptor",
      "the plain descriptor", nu_setup_registered },
    { "setup-submit-all", NU_USED, "a bad entry does not hold up those behind it",
      "the rest is submitted by the next call", nu_setup_submit_all },
    { "wait-deadline", NU_NEEDED, "a wait ends with -ETIME at its deadline (EXT_ARG)", NULL,
      nu_wait_deadline },
    { "wait-eintr", NU_NEEDED, "a signal may end a wait, but loses nothing", NULL, nu_wait_eintr },

    { "write-vector", NU_NEEDED, "WRITEV puts 1024 entries on a socket, in order", NULL,
      nu_write_vector },
    { "write-waits", NU_NEEDED, "WRITEV on a full socket waits for room", NULL, nu_write_waits },
    { "write-short", NU_NEEDED, "a short WRITEV tells how many bytes the peer receives", NULL,
      nu_write_short },
    { "write-short-link", NU_UNUSED, "a short WRITEV may break the chain behind its timeout", NULL,
      nu_write_short_link },
    { "write-stable", NU_NEEDED, "vector, message header and time may go after the submit", NULL,
      nu_write_stable },
    { "write-nowait", NU_USED, "WRITEV with RWF_NOWAIT on a full socket says -EAGAIN at once",
      "WRITEV linked to its timeout from the start", nu_write_nowait },
    { "write-nonblock", NU_UNUSED, "WRITEV on a socket with O_NONBLOCK waits, or says -EAGAIN",
      NULL, nu_write_nonblock },
    { "write-dead-peer", NU_NEEDED, "WRITEV to a dead peer fails, and a blocked SIGPIPE stays so",
      NULL, nu_write_dead_peer },
    { "write-reset", NU_NEEDED, "WRITEV that waits when the peer resets ends", NULL,
      nu_write_reset },
    { "write-sigpipe", NU_UNUSED, "WRITEV to a dead peer raises SIGPIPE where it is not blocked",
      NULL, nu_write_sigpipe },
    { "write-nosignal", NU_USED, "WRITEV with RWF_NOSIGNAL raises no SIGPIPE",
      "SENDMSG with MSG_DONTWAIT", nu_write_nosignal },
    { "send-dontwait", NU_USED, "SENDMSG with MSG_DONTWAIT on a full socket says -EAGAIN at once",
      "application threads hand their writes to a loop", nu_send_dontwait },
    { "send-nosignal", NU_NEEDED, "SENDMSG to a dead peer fails without SIGPIPE", NULL,
      nu_send_nosignal },
    { "send-waitall", NU_UNUSED, "SENDMSG with MSG_WAITALL tells the count when it is cut", NULL,
      nu_send_waitall },
    { "poll-room", NU_NEEDED, "POLL_ADD waits for room on a socket, to a deadline", NULL,
      nu_poll_room },

    { "timeout-relative", NU_NEEDED, "LINK_TIMEOUT ends a write that waits", NULL,
      nu_timeout_relative },
    { "timeout-absolute", NU_NEEDED, "LINK_TIMEOUT takes an absolute time, past or to come", NULL,
      nu_timeout_absolute },
    { "timeout-in-time", NU_NEEDED, "LINK_TIMEOUT leaves a write alone that is in time", NULL,
      nu_timeout_in_time },
    { "timeout-skip", NU_UNUSED, "a timeout with CQE_SKIP_SUCCESS never completes", NULL,
      nu_timeout_skip },
    { "timeout-cut", NU_UNUSED, "a timeout that comes one submit later does not stay behind", NULL,
      nu_timeout_cut },
    { "timeout-clocks", NU_UNUSED, "LINK_TIMEOUT goes by BOOTTIME and REALTIME, too", NULL,
      nu_timeout_clocks },
    { "timeout-names", NU_UNUSED, "of two operations of one name, a timeout ends one", NULL,
      nu_timeout_names },
    { "timeout-race", NU_NEEDED, "10000 expiries against completions: every byte accounted for",
      NULL, nu_timeout_race },
    { "timeout-half-closed", NU_NEEDED, "a write ends at its deadline, or by cancelling it then",
      NULL, nu_timeout_half_closed },

    { "cancel-during", NU_NEEDED, "ASYNC_CANCEL ends what waits", NULL, nu_cancel_during },
    { "cancel-before", NU_NEEDED, "ASYNC_CANCEL does not reach what comes after it", NULL,
      nu_cancel_before },
    { "cancel-after", NU_NEEDED, "ASYNC_CANCEL of what has ended finds nobody", NULL,
      nu_cancel_after },
    { "cancel-by-fd", NU_UNUSED, "ASYNC_CANCEL by descriptor ends all that waits on it", NULL,
      nu_cancel_by_fd },
    { "cancel-half-closed", NU_NEEDED, "ASYNC_CANCEL finds a write in the end, asked repeatedly",
      NULL, nu_cancel_half_closed },
    { "cancel-race", NU_NEEDED, "2000 cancellations against completions: every byte accounted for",
      NULL, nu_cancel_race },

    { "accept-multishot", NU_NEEDED, "one ACCEPT takes many connections", NULL,
      nu_accept_multishot },
    { "accept-ends", NU_NEEDED, "ACCEPT ends when cancelled, and with the listening", NULL,
      nu_accept_ends },
    { "accept-limit", NU_NEEDED, "ACCEPT ends when descriptors run out, and loses nobody", NULL,
      nu_accept_limit },
    { "accept-direct", NU_UNUSED, "ACCEPT into the ring's own table of files", NULL,
      nu_accept_direct },
    { "connect", NU_NEEDED, "CONNECT tells whether somebody listens", NULL, nu_connecting },

    { "receive-waits", NU_NEEDED, "RECV waits for data, and tells the end", NULL,
      nu_receive_waits },
    { "receive-vector", NU_NEEDED, "READV on a socket waits for data", NULL, nu_receive_vector },
    { "receive-reset", NU_NEEDED, "RECV that waits when the peer resets ends", NULL,
      nu_receive_reset },
    { "receive-multishot", NU_UNUSED, "one RECV takes many messages", NULL, nu_receive_multishot },
    { "receive-multishot-ends", NU_UNUSED, "RECV, multishot, ends without buffers and cancelled",
      NULL, nu_receive_multishot_ends },
    { "buffers-ring", NU_USED, "RECV takes a buffer from a ring of them when data comes",
      "a buffer for each connection", nu_file_bufpool_ring },
    { "buffers-empty", NU_USED, "RECV without a buffer says -ENOBUFS, and nothing is lost",
      "a buffer for each connection", nu_file_bufpool_empty },

    { "close-in-flight", NU_NEEDED, "a receive outlives its descriptor and can be cancelled", NULL,
      nu_close_in_flight },
    { "shutdown-in-flight", NU_NEEDED, "shutdown() ends what waits on a socket", NULL,
      nu_shutdown_in_flight },
    { "shutdown-operation", NU_UNUSED, "IORING_OP_SHUTDOWN, though it takes a kernel thread", NULL,
      nu_shutdown_operation },

    { "queue-sq-full", NU_NEEDED, "a full submission queue says so, and goes on", NULL,
      nu_queue_sq_full },
    { "queue-cq-overflow", NU_NEEDED, "no completion is lost when their queue is full (NODROP)",
      NULL, nu_queue_cq_overflow },
    { "queue-overflow-multishot", NU_NEEDED, "nor is a connection that was accepted meanwhile",
      NULL, nu_queue_overflow_multishot },

    { "wake-message", NU_USED, "a message wakes a ring, sent by a thread that has none",
      "an eventfd", nu_wake_message },
    { "wake-eventfd", NU_NEEDED, "an eventfd that is read wakes a ring", NULL, nu_wake_eventfd },
    { "wake-from-ring", NU_UNUSED, "a message wakes a ring, sent by another ring", NULL,
      nu_wake_from_ring },

    { "owner-only", NU_USED, "a ring refuses every thread but its owner",
      "nobody but the owner tries", nu_owner_only },
    { "owner-late", NU_UNUSED, "a ring belongs to the thread that enables it (R_DISABLED)", NULL,
      nu_owner_expired },
    { "owner-exits", NU_UNUSED, "operations of a thread that exits end truthfully", NULL,
      nu_owner_exits },
    { "owner-forks", NU_NEEDED, "a ring goes on when its process forks, without the child", NULL,
      nu_owner_forks },
    { "owner-killed", NU_NEEDED, "a process with operations in flight dies when it is killed", NULL,
      nu_owner_killed },

    { "limits-memlock", NU_USED, "64 KiB of locked memory are enough for a small ring", NULL,
      nu_limits_memlock },
    { "limits-return", NU_NEEDED, "a closed ring gives its locked memory back", NULL,
      nu_limits_return },
    { "limits-workers", NU_USED, "the kernel's threads for a ring can be limited",
      "the kernel's own limit", nu_limits_workers },
    { "idle-cpu", NU_NEEDED, "an idle ring uses no CPU", NULL, nu_idle_cpu },
    { "idle-iowait", NU_USED, "an idle ring is not counted as iowait (NO_IOWAIT)",
      "idle loops show as iowait", nu_idle_iowait },

    { "file-open", NU_NEEDED, "OPENAT2 stays below its root (RESOLVE_BENEATH)", NULL,
      nu_file_open },
    { "file-read", NU_NEEDED, "READ takes a file's bytes from an offset", NULL, nu_file_read },
    { "file-cached", NU_USED, "cachestat tells what of a file is in the page cache",
      "reading into buffers", nu_file_cached },
};

const struct nu_check *nu_checks(size_t *count)
{
    *count = sizeof checks / sizeof checks[0];
    return checks;
}

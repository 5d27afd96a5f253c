#include "check/table.h"

#include "check/setup.h"
#include "check/sigpipe.h"
#include "check/timeout.h"
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

    { "timeout-relative", NU_NEEDED, "LINK_TIMEOUT ends a write that waits", NULL,
      nu_timeout_relative },
    { "timeout-absolute", NU_NEEDED, "LINK_TIMEOUT takes an absolute time, past or to come", NULL,
      nu_timeout_absolute },
    { "timeout-in-time", NU_NEEDED, "LINK_TIMEOUT leaves a write alone that is in time", NULL,
      nu_timeout_in_time },
    { "timeout-skip", NU_NEEDED, "a timeout with CQE_SKIP_SUCCESS never completes", NULL,
      nu_timeout_skip },
    { "timeout-cut", NU_UNUSED, "a timeout that comes one submit later does not stay behind", NULL,
      nu_timeout_cut },
    { "timeout-clocks", NU_UNUSED, "LINK_TIMEOUT goes by BOOTTIME and REALTIME, too", NULL,
      nu_timeout_clocks },
    { "timeout-race", NU_NEEDED, "10000 expiries against completions: every byte accounted for",
      NULL, nu_timeout_race },
    { "timeout-half-closed", NU_NEEDED, "a write ends at its deadline, or by cancelling it then",
      NULL, nu_timeout_half_closed },
};

const struct nu_check *nu_checks(size_t *count)
{
    *count = sizeof checks / sizeof checks[0];
    return checks;
}

/* SPDX-License-Identifier: MIT */
#include "wire/method.h"

#include <string.h>

bool nu_method_known(struct nu_slice method)
{
    /* Each with a space behind it; the usual ones come first. */
    static const char methods[] =
        "GET POST HEAD PUT DELETE OPTIONS PATCH CONNECT TRACE ACL "
        "BASELINE-CONTROL BIND CHECKIN CHECKOUT COPY LABEL LINK LOCK MERGE MKACTIVITY "
        "MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE ORDERPATCH PROPFIND "
        "PROPPATCH REBIND REPORT SEARCH UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE "
        "UPDATEREDIRECTREF VERSION-CONTROL ";

    for (const char *p = methods; *p != '\0'; p = strchr(p, ' ') + 1) {
        if (strncmp(p, method.p, method.n) == 0 && p[method.n] == ' ') {
            return true;
        }
    }
    return false;
}

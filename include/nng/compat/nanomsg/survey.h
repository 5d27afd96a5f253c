/* SPDX-License-Identifier: MIT */
/* nanomsg's SURVEYOR and RESPONDENT. */
#ifndef NNG_COMPAT_SURVEY_H
#define NNG_COMPAT_SURVEY_H

#include <nng/compat/nanomsg/nn.h>

#define NN_PROTO_SURVEY 6
#define NN_SURVEYOR (NN_PROTO_SURVEY * 16 + 2)
#define NN_RESPONDENT (NN_PROTO_SURVEY * 16 + 3)

#define NN_SURVEYOR_DEADLINE (NN_SURVEYOR * 16 + 1)

#endif

/* SPDX-License-Identifier: MIT */
/* nanomsg's PUSH and PULL. */
#ifndef NNG_COMPAT_PIPELINE_H
#define NNG_COMPAT_PIPELINE_H

#include <nng/compat/nanomsg/nn.h>

#define NN_PROTO_PIPELINE 5
#define NN_PUSH (NN_PROTO_PIPELINE * 16 + 0)
#define NN_PULL (NN_PROTO_PIPELINE * 16 + 1)

#endif

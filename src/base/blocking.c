// SPDX-License-Identifier: MIT
#include "base/blocking.h"

#include <stddef.h>

_Thread_local const struct nu_blocking *nu_blocking_mine;

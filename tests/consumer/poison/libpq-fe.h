// SPDX-License-Identifier: BSL-1.0
#error kedge.hpp must not need <libpq-fe.h>

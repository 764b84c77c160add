// SPDX-License-Identifier: BSL-1.0
#error this unit must not need <libpq-fe.h>

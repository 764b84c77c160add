// SPDX-License-Identifier: BSL-1.0
#pragma once

// The database client for any connection; complete, also with KEDGE_SEPARATE_COMPILATION.

#include <kedge/database/client.hpp>
#include <kedge/database/core.hpp>

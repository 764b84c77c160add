// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/breaker_snapshot.hpp>
#include <kedge/core/health.hpp>
#include <kedge/core/pool_snapshot.hpp>
#include <kedge/core/retry_budget_snapshot.hpp>

namespace kedge {

/// The state of a @ref database_client at one moment.
struct database_snapshot {
    pool_snapshot pool{};
    breaker_snapshot breaker{};
    retry_budget_snapshot retries{};
    health_snapshot health{};  ///< as the checks of @ref database_client::async_run know it
};

}  // namespace kedge

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/breaker_snapshot.hpp>
#include <kedge/core/health.hpp>
#include <kedge/core/retry_budget_snapshot.hpp>

namespace kedge {

/// The state of a @ref payment_client at one moment.
struct payment_snapshot {
    breaker_snapshot charges;         ///< the circuit breaker of charges and refunds
    breaker_snapshot reads;           ///< that of questions for a status and of reconciliation
    retry_budget_snapshot retries{};  ///< what all its charges and refunds share
    int in_flight = 0;                ///< calls that have not completed, those that ask for a status included
    health_snapshot health{};         ///< as the checks know it: those of @ref payment_client::async_run and by hand
    bool shut_down = false;
};

}  // namespace kedge

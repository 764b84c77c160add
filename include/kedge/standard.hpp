// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/pipeline.hpp>

#include <string>
#include <utility>

namespace kedge {

/// The clients' own defaults; sources: the deployment that kedge was written for, and Microsoft's standard handler.
struct standard_options {
    std::string name{};  ///< of the breaker, in events and snapshots
    nanoseconds attempt_limit = std::chrono::seconds(5);  ///< each attempt; above 0, below `total_limit`
    nanoseconds total_limit = std::chrono::seconds(30);  ///< the whole call with all its waits; above 0
    int max_retries = 3;  ///< tries after the first, 0 to 1000
    bool idempotent = false;  ///< see `retry_options::idempotent`
    int max_in_flight = 32;  ///< calls at a time, at least 1; fewer than whoever calls has places
    int max_waiting = 16;    ///< places in the queue behind them, at least 0
    listener on_event{};  ///< hears retry and breaker
};

/** Everything at once: `total_timeout` ⊃ `retry` ⊃ `circuit_breaker` ⊃ `concurrency_limit` ⊃ `timeout`.
 *
 *  A backend that hangs becomes a timeout *inside* the breaker and opens it; the limit holds its place until the
 *  operation has really ended. Keep the pipeline and share it: breaker, budget and limit live in it.
 *  @throws std::invalid_argument names the option and its value
 */
template <context C> auto standard(C& ctx, standard_options options = {}) {
    return pipeline(ctx, total_timeout{options.total_limit},
                    retry{{.max_retries = options.max_retries, .idempotent = options.idempotent, .on_event = options.on_event}},
                    circuit_breaker{{.name = options.name, .on_event = options.on_event}},
                    concurrency_limit(options.max_in_flight, options.max_waiting), timeout{options.attempt_limit});
}

}  // namespace kedge

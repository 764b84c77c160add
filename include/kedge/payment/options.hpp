// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/event.hpp>
#include <kedge/core/time.hpp>
#include <kedge/log/sink.hpp>
#include <kedge/payment/secret.hpp>

#include <functional>
#include <memory>
#include <string>

namespace kedge {

/// How a @ref payment_client behaves. Numbers marked [seed] are those of the system that kedge replaces. A wrong number ends in
/// `std::invalid_argument` when the client is made.
struct payment_options {
    /// Of the provider, e.g. "https://api.payment-service.com". Read by the transport; a given exchange needs none.
    std::string url{};

    /// Shows in events.
    std::string name = "payment";

    /// Sent as `Authorization: Bearer …`; empty: no such header. Never printed.
    secret<std::string> api_key{};

    /// Gives the key that is in force now, when the provider refuses the one that was sent (401): from a file that was replaced,
    /// or of a token that a task of yours renews. A call with another key is repeated once; with the same, or if this throws, or
    /// without this function, the refusal is its end. Called on the executor of a call's handler, by several threads at once if
    /// that has them; must not block.
    std::function<secret<std::string>()> fresh_api_key{};

    /// For each attempt, waiting for a connection included, and for each health check; 1 ms or more, below `total_timeout`
    /// [seed].
    nanoseconds attempt_timeout = std::chrono::milliseconds(5000);

    /// For a charge or refund with all its attempts and waits, from its start: four attempts of 5 s and their waits fit. A tenth
    /// of it, at most 3 s, is kept to ask once what became of a payment that ended without a clear answer.
    nanoseconds total_timeout = std::chrono::seconds(30);

    /// For name, TCP and TLS together, inside the attempt's; more than 0. Read by the transport.
    nanoseconds connect_timeout = std::chrono::seconds(5);

    /// Tries after the first, 0 to 1000: 3 makes up to 4 attempts, all with the same key and the same bytes [seed].
    int max_retries = 3;

    /// Failures in a row that open the circuit breaker, 1 or more [seed]; see `circuit_breaker_options::consecutive_failures`.
    int breaker_threshold = 5;

    /// Between two health checks of `payment_client::async_run`, 1 ms or more [seed].
    nanoseconds health_interval = std::chrono::seconds(30);

    /// So long after the last byte may have left, a key that the provider does not know was never executed: what is on its way
    /// longer is lost. More than 0. Default: twice the 30 s that a network and a gateway may keep a request.
    nanoseconds settle_after = std::chrono::seconds(60);

    /// Calls go straight through: no retries, no refusal by the breaker or the limit of calls in flight; each still has its
    /// attempt's limit and counts. A record in `sink` says so at the start, and every hour in which there are calls.
    bool bypass = false;

    /// Hears of each failed call, in one record; may be null.
    std::shared_ptr<log::sink> sink{};

    /// Hears retries, the circuit breakers and changes of health.
    listener on_event{};
};

}  // namespace kedge

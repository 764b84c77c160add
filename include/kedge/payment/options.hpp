// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/event.hpp>
#include <kedge/core/time.hpp>
#include <kedge/log/sink.hpp>
#include <kedge/payment/secret.hpp>

#include <memory>
#include <string>

namespace kedge {

/// Of a @ref payment_client. The numbers are those of the request that kedge was made for, unless another source is said.
struct payment_options {
    /// Of the provider, e.g. "https://api.payment-service.com". Read by the transport; a given exchange needs none.
    std::string url{};

    /// Shows in events.
    std::string name = "payment";

    /// Sent as `Authorization: Bearer …`; empty: no such header.
    secret<std::string> api_key{};

    /// For each attempt; above 0 and below `total_timeout`.
    nanoseconds attempt_timeout = std::chrono::milliseconds(5000);

    /// For a call with all its attempts and waits (four attempts and their waits fit).
    nanoseconds total_timeout = std::chrono::seconds(30);

    /// For TCP and TLS together, inside the attempt's. Read by the transport.
    nanoseconds connect_timeout = std::chrono::seconds(5);

    /// Tries after the first: 3 makes up to 4 attempts, all with the same key and the same bytes.
    int max_retries = 3;

    /// So many failures in a row open the circuit breaker; see @ref circuit_breaker_options::consecutive_failures.
    int breaker_threshold = 5;

    /// Between two health checks of `payment_client::async_run`.
    nanoseconds health_interval = std::chrono::seconds(30);

    /// Hears of each failed call, in one record; may be null.
    std::shared_ptr<log::sink> sink{};

    /// Hears retries and the circuit breaker.
    listener on_event{};
};

}  // namespace kedge

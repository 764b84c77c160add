// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/event.hpp>
#include <kedge/core/time.hpp>
#include <kedge/log/sink.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace kedge {

/// How a @ref database_client behaves. Numbers marked [seed] are those of the system that kedge replaces. Times are more than
/// 0; a wrong number ends in `std::invalid_argument` when the client is made.
struct database_options {
    std::string name = "database";  ///< in events
    std::string url{};              ///< e.g. `sqlite:/var/lib/shop.db`, `sqlite::memory:`; the connection's type says which

    /// Open at the same time, 1 to 100 000 [seed].
    int max_connections = 20;

    /// Waiting for a connection; never infinite [seed].
    nanoseconds acquire_timeout = std::chrono::milliseconds(30'000);

    /// Opening one, or making one usable again; never infinite (HikariCP).
    nanoseconds connect_timeout = std::chrono::seconds(5);

    /// One attempt, waiting for a connection included; below `total_timeout`. As long as `acquire_timeout`, so that who
    /// waited in vain hears of the pool and not of the server.
    nanoseconds query_timeout = std::chrono::seconds(30);

    /// The call with its retries: room for two attempts that take their whole time.
    nanoseconds total_timeout = std::chrono::seconds(60);

    /// Tries after the first, 0 to 1000; only of what is harmless to repeat (Google SRE, chapter 21).
    int max_retries = 3;

    /// Failures in a row that open the breaker, 1 or more [seed]; see `circuit_breaker_options::consecutive_failures`.
    int breaker_threshold = 5;

    /// Between the checks of `database_client::async_run`, 1 ms or more [seed].
    nanoseconds health_interval = std::chrono::seconds(30);

    /// Calls go straight through: no retries, no refusal by the breaker; each still has its attempt's limit and counts. A
    /// record in `sink` says so at the start, and every hour in which there are calls.
    bool bypass = false;

    std::shared_ptr<log::sink> sink{};  ///< hears of failed calls; none: nobody does
    listener on_event{};                ///< hears of breaker, pool, retries and health
};

}  // namespace kedge

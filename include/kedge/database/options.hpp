// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/circuit_breaker.hpp>
#include <kedge/connection_pool.hpp>
#include <kedge/core/event.hpp>
#include <kedge/log/sink.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace kedge {

/// How a @ref database_client behaves. Numbers marked [seed] are those of the system that kedge replaces.
struct database_options {
    std::string name = "database";  ///< in events, records and snapshots
    std::string url{};              ///< e.g. `postgresql://shop@db/shop`, `sqlite:/var/lib/shop.db`, `sqlite::memory:`

    int max_connections = 20;                                      ///< 1 or more [seed]
    nanoseconds acquire_timeout = std::chrono::milliseconds(30'000);  ///< waiting for a connection [seed]
    nanoseconds connect_timeout = std::chrono::seconds(5);         ///< opening one
    nanoseconds query_timeout = std::chrono::seconds(30);          ///< one attempt, waiting included
    nanoseconds total_timeout = std::chrono::seconds(60);          ///< the call with its retries; more than query_timeout
    int max_retries = 3;                                           ///< after the first attempt, 0 or more; only what is harmless
    int breaker_threshold = 5;                                     ///< failures in a row that open the breaker [seed]
    nanoseconds health_interval = std::chrono::seconds(30);        ///< between the pings of async_run [seed]

    std::shared_ptr<log::sink> sink{};  ///< hears of failed calls; none: nobody does
    listener on_event{};                ///< hears of breaker, pool and retries
};

/// The state of a @ref database_client at one moment.
struct database_snapshot {
    pool_snapshot pool{};
    breaker_snapshot breaker{};
};

}  // namespace kedge

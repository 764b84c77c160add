// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/testing/simulation.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <map>
#include <string>

namespace incident {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::nanoseconds;
using kedge::time_point;
using kedge::to_string;
using simulation = kedge::testing::simulation;
using boost::system::system_error;

/// The moment of the deployment.
inline const std::chrono::system_clock::time_point deployment =
    std::chrono::sys_days{std::chrono::October / 26 / 2025} + 15h + 26min + 46s;

/// A payment service that does what a scenario wants, at given virtual times. It executes a charge once for each key,
/// as providers with idempotency keys do.
class scripted_service {
public:
    explicit scripted_service(simulation& sim) : sim_(sim) {}

    time_point silent_until{}, resets_until{};
    int fails_of_ten = 0;
    int requests = 0;
    std::map<std::string, int> charged;  ///< executions by key

    asio::awaitable<void> charge(std::string key) {
        const int number = requests++;
        if (sim_.now() < silent_until) co_await kedge::async_sleep(sim_, silent_until - sim_.now(), asio::use_awaitable);
        if (sim_.now() < resets_until || number * 7 % 10 < fails_of_ten) {
            co_await kedge::async_sleep(sim_, 1ms, asio::use_awaitable);
            throw system_error(asio::error::connection_reset);
        }
        charged.try_emplace(key, 0).first->second |= 1;
        co_await kedge::async_sleep(sim_, 100ms, asio::use_awaitable);
    }

private:
    simulation& sim_;
};

}  // namespace incident

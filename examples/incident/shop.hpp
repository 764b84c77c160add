// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "customers.hpp"

#include <kedge/error.hpp>
#include <kedge/payment/journal.hpp>
#include <kedge/testing/scripted_exchange.hpp>
#include <kedge/testing/simulation.hpp>

#include <cstdint>
#include <memory>

namespace incident {

using simulation = kedge::testing::simulation;

/// The moment of the deployment.
inline const std::chrono::system_clock::time_point deployment =
    std::chrono::sys_days{std::chrono::October / 26 / 2025} + 15h + 26min + 46s;

/// A shop at that moment, on a virtual clock, and its payment provider, which does what a scenario says.
struct shop {
    explicit shop(std::uint64_t seed) : sim(seed, deployment) {}

    simulation sim;
    std::shared_ptr<kedge::testing::scripted_exchange> provider = std::make_shared<kedge::testing::scripted_exchange>(sim);
    std::shared_ptr<kedge::payment::journal> journal = std::make_shared<kedge::payment::memory_journal>();

    /// One request as the shop sent it before it had kedge: given up after 5000 ms, and that is all.
    asio::awaitable<kedge::error_code> charge_plainly(int number);
};

}  // namespace incident

// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include "../../benchmarks/scenarios/cancel_storm.hpp"
#include "../../benchmarks/scenarios/lifetime_expiry.hpp"
#include "../../benchmarks/scenarios/overload.hpp"
#include "../../benchmarks/scenarios/server_down_up.hpp"
#include "../../benchmarks/scenarios/slow_dial.hpp"
#include "../../benchmarks/scenarios/spike.hpp"

// The goals of the pool's scenarios (benchmarks/README.md): where pools differ.

using namespace pool_scenarios;

TEST_CASE("spike: a pool does not open a connection for each of those who wait", "[pool]") {
    const spike::seen s = spike::play(1);
    CHECK(s.opened <= spike::most_opened);
    CHECK(s.refused == 0);
}

TEST_CASE("cancel storm: a cancellation that meets its grant loses no connection", "[pool]") {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const cancel_storm::seen s = cancel_storm::play(seed);
        CHECK(s.lost_slots == 0);
        CHECK(s.cancelled > s.attempts / 20);
        CHECK(s.granted_anyway > 10);  // or it was no storm
    }
}

TEST_CASE("overload: what is more than the server can do does not reach it", "[pool]") {
    CHECK(overload::goodput(overload::long_patience, 1) >= 0.9);
    for (std::uint64_t seed = 1; seed <= 3; ++seed) CHECK(overload::goodput(overload::short_patience, seed) >= 0.9);
    CHECK(overload::goodput(overload::short_patience, 1, overload::short_patience - overload::query) >= 0.9);
}

TEST_CASE("server down and up: dials no more often than backoff allows, and neither storms nor sleeps afterwards", "[pool]") {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const server_down_up::seen s = server_down_up::play(seed);
        CHECK(s.dials_while_down <= server_down_up::most_dials_within(10s));
        CHECK(s.until_first_success <= kedge::core::dial_backoff.cap + 2ms);
        CHECK(s.dials_in_first_second <= s.needed + kedge::core::most_dials);
        CHECK(s.slow_refusals == 0);
    }
}

TEST_CASE("slow dial: who waits is served by what comes back", "[pool]") {
    CHECK(slow_dial::play(1).longest <= slow_dial::most_wait);
}

TEST_CASE("lifetime expiry: connections that end together are not missed", "[pool]") {
    const lifetime_expiry::seen with = lifetime_expiry::play(1);
    CHECK(with.renewed >= lifetime_expiry::connections);
    CHECK(with.p99 <= lifetime_expiry::play(1, 0s).p99 + 1ms);
}

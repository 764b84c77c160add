// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "catch.hpp"
#include "scripted_operation.hpp"

#include <kedge/call.hpp>
#include <kedge/testing/simulation.hpp>

#include <optional>

namespace kedge_test {

struct ending {
    error_code ec;
    int value = -1;
    kedge::nanoseconds at{0};
};

/// Runs one call to its end and says how and when it ended, counted from its start.
template <class Pipeline, class Op>
std::optional<ending> play(kedge::testing::simulation& sim, const Pipeline& p, Op op, kedge::call c = {}) {
    std::optional<ending> end;
    const auto start = sim.now();
    p.async_call(op, c, [&](error_code ec, int value) {
        REQUIRE(!end);
        end = ending{ec, value, sim.now() - start};
    });
    REQUIRE(!end);  // never inside the initiation
    sim.run();
    return end;
}

}  // namespace kedge_test

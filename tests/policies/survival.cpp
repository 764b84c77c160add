// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include "../../benchmarks/survival/cascade.hpp"
#include "../../benchmarks/survival/columns.hpp"
#include "../../benchmarks/survival/deadlines.hpp"
#include "../../benchmarks/survival/do_no_harm.hpp"
#include "../../benchmarks/survival/metastability.hpp"
#include "../../benchmarks/survival/outage.hpp"
#include "../../benchmarks/survival/recovery.hpp"

// The goals of the survival rows (benchmarks/README.md), in short: a change of defaults that lets an outage hurt more than
// no library would is a defect.

using namespace survival;

namespace {

constexpr std::array defaults{column_called("kedge"), column_called("payment_client"), column_called("database_client")};

}  // namespace

TEST_CASE("E0: random errors cost nobody a call that would have succeeded without kedge", "[survival]") {
    const do_no_harm::schedule few{.settling = 5s, .counted = 2'000};
    for (const do_no_harm::cell errors : {do_no_harm::cell{5, 100}, {30, 1}, {30, 3}, {30, 100}}) {
        const double without = do_no_harm::success(columns[0], errors, 1, few);
        for (const column& c : defaults) {
            INFO(c.name << ", " << errors.percent << " % of errors, " << errors.calls_per_second << " calls/s");
            CHECK(do_no_harm::success(c, errors, 1, few) >= without);
        }
    }
}

TEST_CASE("E1: an outage is not made worse by retries", "[survival]") {
    for (const column& c : defaults) {
        INFO(c.name);
        const double attempts = outage::total(c, 1, 0s).attempts_per_call;
        CHECK(attempts <= 1.1);
        CHECK(attempts <= 0.01);  // the goal is reached by budget and breaker each: here both are at work
    }
}

TEST_CASE("E2: a server that has its capacity back is not kept down by what piled up", "[survival]") {
    const nanoseconds long_enough = metastability::goal + 5s;
    const nanoseconds kept_down = metastability::play(column_called("plain_retry"), 1, long_enough).until_recovered;
    REQUIRE(kept_down == long_enough);  // or the row could not tell
    for (const column& c : columns) {   // the breaker alone, too: the others have a limit besides, which is enough here
        if (!c.ours) continue;
        INFO(c.name);
        CHECK(metastability::play(c, 1, long_enough).until_recovered <= metastability::goal);
    }
}

TEST_CASE("E3: while a dependency hangs, refusals come at once", "[survival]") {
    for (const column& c : defaults) {
        INFO(c.name);
        const outage::waits w = outage::silent(c, 1);
        REQUIRE(w.refusal_p99);
        CHECK(*w.refusal_p99 <= 1ms);
        CHECK(w.full_limit <= 2 * c.at_a_time);
    }
}

TEST_CASE("E4: a dependency that comes back is asked gently", "[survival]") {
    for (const column& c : defaults) {
        INFO(c.name);
        const recovery::start s = recovery::play(c, 1, 45s);
        REQUIRE(s.came_back);
        CHECK(s.requests <= recovery::most_probes);
        CHECK(s.dials <= recovery::most_dials);
    }
}

TEST_CASE("E5: a dead tier takes nobody with it who knows how long its callers wait", "[survival]") {
    const cascade::tier informed{64, true};
    REQUIRE(cascade::other_route(column_called("no_policy"), 1, informed) < 0.1);
    for (const column& c : defaults) {
        INFO(c.name);
        CHECK(cascade::other_route(c, 1, informed) >= cascade::goal);
    }
}

TEST_CASE("E5: a tier of 64 places keeps some for its other route", "[survival]") {
    CHECK(cascade::other_route(column_called("kedge"), 1, {64}) >= cascade::goal);
    CHECK(cascade::other_route(column_called("payment_client"), 1, {64}) >= cascade::goal);
}

TEST_CASE("E6: no call outlives its deadline", "[survival]") {
    REQUIRE(deadlines_kept::late(column_called("plain_retry"), 1) > 0.1);
    for (const column& c : defaults) {
        INFO(c.name);
        CHECK(deadlines_kept::late(c, 1) <= deadlines_kept::goal);
    }
}

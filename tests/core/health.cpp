// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <kedge/core/health.hpp>

#include <boost/system/errc.hpp>

#include <string>

using namespace std::chrono_literals;
using kedge::health;
using kedge::time_point;
using kedge::core::health_record;

namespace {

const auto bad = make_error_code(boost::system::errc::connection_refused);

/// Plays checks ('.' good, 'x' bad, '-' refused by kedge) and shows the state after each.
std::string states_after(const std::string& checks, bool breaker_closed = true) {
    health_record record;
    std::string seen;
    for (const char c : checks) {
        if (c == '-') record.refused(make_error_code(boost::system::errc::resource_unavailable_try_again), time_point{1h});
        else record.add(c == 'x' ? bad : boost::system::error_code{}, breaker_closed, time_point{1h});
        seen += "?udD"[static_cast<int>(record.snapshot(time_point{1h}).state)];
    }
    return seen;
}

}  // namespace

TEST_CASE("health: the first check decides, later two of three", "[health]") {
    CHECK(states_after("....") == "uuuu");
    CHECK(states_after("x") == "D");
    CHECK(states_after(".x.x.") == "uuuDu");
    CHECK(states_after("..x..x..") == "uuuuuuuu");
    CHECK(states_after("xxx.x..") == "DDDDDuu");
    CHECK(states_after("xx..xx") == "DDDuuD");
}

TEST_CASE("health: a breaker that is not closed makes it degraded, not better than down", "[health]") {
    CHECK(states_after("...", false) == "ddd");
    CHECK(states_after("xx", false) == "DD");
}

TEST_CASE("health: a check that kedge itself refused says nothing of the dependency", "[health]") {
    CHECK(states_after(".-.") == "udu");
    CHECK(states_after("-x") == "dD");     // the first that got through decides
    CHECK(states_after("x-.-.") == "DDDDu");  // and still two of three must agree
    CHECK(states_after(".-x-x") == "ududD");
}

TEST_CASE("health: a change is told once, with the error behind it", "[health]") {
    health_record record;
    CHECK(record.snapshot(time_point{1h}).state == health::unknown);
    const auto up = record.add({}, true, time_point{1h});
    REQUIRE(up);
    CHECK(up->from == health::unknown);
    CHECK(up->to == health::up);
    CHECK_FALSE(record.add(bad, true, time_point{2h}));
    const auto down = record.add(bad, true, time_point{3h});
    REQUIRE(down);
    CHECK(down->to == health::down);
    CHECK(down->error == bad);
    CHECK_FALSE(record.add(bad, true, time_point{4h}));
    CHECK(record.snapshot(time_point{5h}).in_state == 2h);
    CHECK(record.snapshot(time_point{5h}).failures_in_a_row == 3);
}

TEST_CASE("health: the interval varies by a tenth", "[health]") {
    for (std::uint64_t random = 1; random != 0; random <<= 1) {
        CHECK(health_record::next_wait(30s, random) >= 27s);
        CHECK(health_record::next_wait(30s, random) <= 33s);
    }
    CHECK(health_record::next_wait(30s, 0) == 27s);
}

// SPDX-License-Identifier: BSL-1.0
// A group or stream that was just made, and that not all of the service sees yet.
#include "courier.hpp"

#include <algorithm>

using namespace kedge_test;

namespace {

/// How many requests within the time, if each is answered as `say` wants.
template <class Say> int requests_within(courier& c, nanoseconds span, Say say) {
    const time_point end = c.now + span;
    int requests = 0;
    while (c.now < end && requests < 1000) {
        if (c.sent.empty()) c.pass(std::max(std::min(c.core->due(), end) - c.now, nanoseconds::zero()));
        if (!c.sent.empty()) ++requests, c.answer(say(c.sent[0].what));
    }
    return requests;
}

}  // namespace

TEST_CASE("a group that is there and is not seen is asked for with pauses, and the outage is told of") {
    courier c;
    c.submit("a");
    c.pass(1s);
    const auto group_is_missing = [](operation what) {
        return what == operation::create_group ? answer_kind::exists : answer_kind::missing;
    };
    CHECK(requests_within(c, 1min, group_is_missing) < 150);
    CHECK(c.counters().outages == 1);
    REQUIRE(c.alarms == std::vector{delivery_alarm::outage});
    requests_within(c, 31s, [](operation) { return answer_kind::accepted; });
    CHECK(c.counters().accounting() == delivery_accounting{.offered = 1, .acked = 1});
    CHECK(c.alarms.back() == delivery_alarm::recovered);
}

TEST_CASE("a stream that is made and is not seen is asked for with pauses, and the outage is told of") {
    courier c;
    c.submit("a");
    c.pass(1s);
    const auto stream_is_missing = [](operation what) {
        return what == operation::put_events ? answer_kind::missing : answer_kind::accepted;
    };
    CHECK(requests_within(c, 1min, stream_is_missing) < 150);
    CHECK(c.counters().outages == 1);
    REQUIRE(c.alarms == std::vector{delivery_alarm::outage});
}

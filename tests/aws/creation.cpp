// SPDX-License-Identifier: BSL-1.0
// Groups and streams that are made on demand, and that not all of the service sees at once.
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

/// An event that goes nowhere for a minute, by what is answered.
template <class Answers> void asks_with_pauses(courier& c, Answers answers) {
    c.submit("a");
    c.pass(1s);
    CHECK(requests_within(c, 1min, answers) < 150);
    CHECK(c.counters().outages == 1);
    REQUIRE(c.alarms == std::vector{delivery_alarm::outage});
}

}  // namespace

TEST_CASE("a missing stream is created, and a missing group with it, by one request at a time") {
    courier c({.max_in_flight = 2, .retention_days = 30});
    for (int i = 0; i < 2; ++i) {  // the window grows
        c.submit("warm");
        c.pass(1s);
        c.answer(answer_kind::accepted);
    }
    c.submit("a");
    c.submit("b", log::level::info, -30h);
    c.pass(1s);
    REQUIRE(c.sent.size() == 2);
    c.answer(answer_kind::missing);
    REQUIRE(c.sent.size() == 2);  // the other one is still under way
    CHECK(c.sent[1].what == operation::create_stream);
    std::swap(c.sent[0], c.sent[1]);
    c.answer(answer_kind::missing);  // the stream's group
    REQUIRE(c.sent.size() == 2);
    CHECK(c.sent[1].what == operation::create_group);
    c.answer(answer_kind::missing);  // the other one, late
    const auto expect = [&c](operation what, answer_kind then) {
        REQUIRE(c.sent.size() == 1);
        CHECK(c.sent[0].what == what);
        c.answer(then);
    };
    expect(operation::create_group, answer_kind::accepted);
    expect(operation::put_retention, answer_kind::accepted);
    expect(operation::create_stream, answer_kind::exists);
    REQUIRE(c.sent.size() == 2);
    c.answer(answer_kind::accepted);
    expect(operation::put_events, answer_kind::accepted);
    CHECK(c.counters().creations == 1);
    CHECK(c.counters().accounting() == delivery_accounting{.offered = 4, .acked = 4});
}

TEST_CASE("a group that somebody else creates keeps its retention; one that cannot be kept shorter is told of") {
    courier c({.retention_days = 30});
    c.submit("a");
    c.pass(1s);
    service_answer no_group = answer_of(answer_kind::missing);
    no_group.of_group = true;
    c.answer(no_group);
    CHECK(c.sent[0].what == operation::create_group);
    SECTION("somebody else") {
        c.answer(answer_kind::exists);
        CHECK(c.sent[0].what == operation::create_stream);
    }
    SECTION("it was made, and the answer lost") {
        c.lose();
        c.answer(answer_kind::exists);
        CHECK(c.sent[0].what == operation::put_retention);
    }
    SECTION("conflicts pass, other refusals are final") {
        c.answer(answer_kind::accepted);
        c.answer(answer_kind::conflict);
        c.pass_until_due();
        CHECK(c.sent[0].what == operation::put_retention);
        c.answer(answer_kind::denied);
        CHECK(c.alarms == std::vector{delivery_alarm::retention});
        CHECK(c.sent[0].what == operation::create_stream);
    }
}

TEST_CASE("a group that is there and is not seen is asked for with pauses, and the outage is told of") {
    courier c;
    const auto group_is_missing = [](operation what) {
        return what == operation::create_group ? answer_kind::exists : answer_kind::missing;
    };
    asks_with_pauses(c, group_is_missing);
    requests_within(c, 31s, [](operation) { return answer_kind::accepted; });
    CHECK(c.counters().accounting() == delivery_accounting{.offered = 1, .acked = 1});
    CHECK(c.alarms.back() == delivery_alarm::recovered);
}

TEST_CASE("a stream that is made and is not seen is asked for with pauses, and the outage is told of") {
    courier c;
    const auto stream_is_missing = [](operation what) {
        return what == operation::put_events ? answer_kind::missing : answer_kind::accepted;
    };
    asks_with_pauses(c, stream_is_missing);
}

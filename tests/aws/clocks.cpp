// SPDX-License-Identifier: BSL-1.0
// Which clock is believed when an event's age is judged.
#include "courier.hpp"

using namespace kedge_test;
using texts = std::vector<std::string>;

TEST_CASE("a wrong clock is corrected by the service's, and only a right one makes the keys suspicious") {
    courier c;
    c.submit("a");
    c.pass(1s);
    c.see_clock(10min);
    c.answer(answer_kind::bad_signature);
    CHECK(c.refreshes == 0);
    CHECK(c.core->due() <= c.now + 100ms);
    CHECK(c.counters().clock_skew == 600s);
    c.pass_until_due();
    c.answer(answer_kind::bad_signature);
    CHECK(c.refreshes == 1);
    CHECK(c.alarms == std::vector{delivery_alarm::credentials});
}

TEST_CASE("what is too old is rejected here; what lies ahead becomes the present, or is rejected") {
    const bool clamp = GENERATE(true, false);
    courier c({.clamp_too_new = clamp});
    c.see_clock(0ms);
    c.submit("old", log::level::info, -14 * 24h);
    c.pass(1s);
    CHECK(c.sent.empty());
    CHECK(c.counters().rejected[rejection::too_old] == 1);
    c.submit("ahead", log::level::info, 3h);
    c.submit("now");
    c.pass(1s);
    CHECK(c.sent[0].texts.size() == (clamp ? 2 : 1));
    CHECK(c.counters().clamped == clamp);
    CHECK(c.counters().rejected[rejection::too_new] == !clamp);
    if (clamp) CHECK(c.sent[0].times.back() == c.at().wall_ms);
    CHECK(c.counters().pending_bytes > 0);
    c.answer(answer_kind::accepted);
    CHECK(c.counters().pending_bytes == 0);
}

TEST_CASE("the service's clock judges what is old, and the group's retention too") {
    SECTION("skew") {
        courier c;
        c.see_clock(1h);
        c.submit("x", log::level::info, -14 * 24h + 30min);
        c.pass(1s);
        CHECK(c.counters().rejected[rejection::too_old] == 1);
    }
    SECTION("retention, if it was set here: a group that was there may have another") {
        courier c({.retention_days = 3});
        c.submit("x", log::level::info, -3 * 24h);
        c.pass(1s);
        REQUIRE(c.sent.size() == 1);
        service_answer no_group = answer_of(answer_kind::missing);
        no_group.of_group = true;
        c.answer(no_group);
        c.see_clock(0ms);
        for (int i = 0; i < 3; ++i) c.answer(answer_kind::accepted);  // group, retention, stream
        CHECK(c.counters().rejected[rejection::expired] == 1);
        CHECK(c.sent.empty());
    }
}

TEST_CASE("that our clock is set, or the machine sleeps, makes nothing too old or too new that was neither") {
    const auto by = GENERATE(15 * 24h, -15 * 24h);
    courier c;
    c.see_clock(1min);
    SECTION("our clock is set while events wait") {
        c.submit("x");
        c.submit("ahead", log::level::info, 5h);
        c.clock_set = by;
        c.pass(1s);
        REQUIRE(c.sent.size() == 1);
        CHECK(c.sent[0].texts == texts{"x", "ahead"});
        const std::int64_t theirs = c.at().wall_ms + std::chrono::milliseconds(1min - by).count();
        CHECK(c.sent[0].times == std::vector{theirs - 61'000, by > 0h ? theirs - 61'000 + 18'000'000 : theirs});
    }
    SECTION("the machine slept") {
        c.clock_set = std::chrono::abs(by);
        c.submit("x");
        c.pass(1s);
        CHECK(c.sent[0].times == std::vector{c.at().wall_ms - 1000});
    }
    SECTION("until the clocks are compared again") {
        c.clock_set = by;
        c.see_clock(1min);
        c.submit("old", log::level::info, -15 * 24h);
        c.pass(1s);
        CHECK(c.refused == texts{"old"});
    }
    CHECK(c.counters().rejected.total() == c.refused.size());
}

TEST_CASE("before the service was heard our clock rejects nothing: it may be any") {
    courier c({.clamp_too_new = false});
    c.submit("old", log::level::info, -15 * 24h);
    c.submit("ahead", log::level::info, 3h);
    c.pass(1s);
    REQUIRE(c.sent.size() == 1);
    c.see_clock(-14 * 24h);
    c.answer(answer_kind::bad_signature);
    c.pass_until_due();
    CHECK(c.sent[0].texts == texts{"old"});
    c.answer(answer_kind::accepted);
    CHECK(c.refused == texts{"ahead"});
}

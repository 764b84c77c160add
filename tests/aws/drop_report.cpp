// SPDX-License-Identifier: BSL-1.0
// Where the stream is told of what was dropped.
#include "courier.hpp"

#include <algorithm>

using namespace kedge_test;
using texts = std::vector<std::string>;

namespace {

/// What a batch holds: "!" for the record of drops, and of a large text its end.
texts told(const sent_request& one) {
    texts out = one.texts;
    for (std::string& text : out)
        if (text.find(" dropped (") != std::string::npos) text = "!";
        else if (text.size() > 1000) text = text.back();
    return out;
}

/// Two are too much for a batch.
std::string large(int number) { return std::string(600'000, 'x') + std::to_string(number); }

std::int64_t ms(const courier& c) { return c.at().wall_ms; }

}  // namespace

TEST_CASE("when the way is free again the next batch tells what was dropped") {
    courier c({.queue = {.events = 2}, .format = log::python_format});
    c.submit("a");
    c.submit("b");
    c.pass(1s);
    c.submit("c");
    c.submit("d");
    c.lose();
    REQUIRE(c.sent[0].texts == texts{"a", "b"});
    c.answer(answer_kind::accepted);
    c.pass_until_due();
    REQUIRE(c.sent.size() == 1);
    REQUIRE(c.sent[0].texts.size() == 1);
    CHECK(c.sent[0].texts[0].starts_with("[WARNING] 2 events were dropped (queue_full=2) between 2084-01-29T16:00:01.000Z and "));
    c.answer(answer_kind::accepted);
    for (const char* text : {"e", "f", "g"}) c.submit(text);  // the last is dropped
    c.pass(1s);
    CHECK(c.sent[0].texts == texts{"e", "f"});  // not every moment
    c.answer(answer_kind::accepted);
    c.pass(10s);
    CHECK(c.sent[0].texts[0].starts_with("[WARNING] 1 event was"));
}

TEST_CASE("the record of drops stands where the gap is, and takes along what lingers") {
    courier c({.queue = {.events = 4, .when_full = overflow::keep_errors}});
    for (const char* text : {"one", "two", "three"}) {
        c.submit(text);
        c.now += 1ms;
    }
    c.submit("lost");  // the last quarter is for errors
    const std::int64_t gap = ms(c);
    c.now += 1ms;
    c.submit("behind", log::level::error);
    c.pass_until_due();
    REQUIRE(c.sent.size() == 1);
    CHECK(told(c.sent[0]) == texts{"one", "two", "three", "!", "behind"});
    CHECK(c.sent[0].times == std::vector<std::int64_t>{gap - 3, gap - 2, gap - 1, gap, gap + 1});
    CHECK(c.core->due() == never);
}

TEST_CASE("the record of drops waits for the batches in front of the gap") {
    courier c({.queue = {.events = 3}});
    for (int i = 0; i < 3; ++i) c.submit(large(i));
    c.now += 1ms;
    c.submit("lost");
    c.pass(0s);
    CHECK(told(c.sent[0]) == texts{"0"});
    SECTION("and no longer") {
        c.answer(answer_kind::accepted);
        CHECK(told(c.sent[0]) == texts{"1"});
        c.answer(answer_kind::accepted);
        CHECK(told(c.sent[0]) == texts{"2", "!"});
    }
    SECTION("but not for those that came later, when ever more is lost") {
        c.answer(answer_kind::accepted);
        CHECK(told(c.sent[0]) == texts{"1"});
        c.now += 1ms;
        c.submit(large(3));
        c.submit("lost");
        c.answer(answer_kind::accepted);
        CHECK(told(c.sent[0]) == texts{"2", "!"});
        CHECK(c.counters().pending == 3);
    }
}

TEST_CASE("that the oldest gave way is told in front of what remains") {
    courier c({.queue = {.events = 3, .when_full = overflow::drop_oldest}});
    for (int i = 0; i < 4; ++i) {
        c.submit(large(i));
        c.now += 1ms;
    }
    c.pass(0s);
    CHECK(told(c.sent[0]) == texts{"!", "1"});
    CHECK(c.counters().pending == 4);
}

TEST_CASE("the record of drops has a time that the service takes") {
    const auto skew = GENERATE(0h, -3h, 15 * 24h);
    courier c({.queue = {.events = 1}});
    c.see_clock(skew);
    c.submit("a", log::level::info, skew - 1h);
    SECTION("though the gap is older") { c.submit("lost", log::level::info, skew - 15 * 24h); }
    SECTION("though the gap lies ahead") { c.submit("lost", log::level::info, skew + 5h); }
    SECTION("though the machine's clock is wrong") {
        c.submit("lost", log::level::info, skew == 0h ? 3h : 0h);
    }
    c.pass(1s);
    for (int i = 0; i < 9 && told(c.sent[0]).back() != "!"; ++i) {
        c.answer(answer_kind::accepted);
        c.pass_until_due();
    }
    CHECK(c.sent[0].times.back() == ms(c) + std::chrono::milliseconds(skew).count());
}

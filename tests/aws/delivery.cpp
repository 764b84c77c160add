// SPDX-License-Identifier: BSL-1.0
// What follows from each answer; all of them together, at random, are played in accounting.cpp.
#include "courier.hpp"

using namespace kedge_test;
using texts = std::vector<std::string>;

TEST_CASE("a batch goes when its time has come, and its acknowledgement settles it") {
    courier c;
    CHECK_FALSE(c.submit("a"));
    CHECK_FALSE(c.submit("b"));
    c.pass(1s - 1ns);
    CHECK(c.sent.empty());
    CHECK(c.core->due() == c.now + 1ns);
    c.pass(1ns);
    REQUIRE(c.sent.size() == 1);
    CHECK(c.sent[0].texts == texts{"a", "b"});
    CHECK(c.core->due() == never);
    c.now += 20ms;
    CHECK(c.counters().oldest == 1020ms);
    c.answer(answer_kind::accepted);
    const delivery_counters n = c.counters();
    CHECK(n.accounting() == delivery_accounting{.offered = 2, .acked = 2});
    CHECK(n.pending_bytes == 0);
    CHECK(n.acked_bytes == 2 * 27);
    CHECK(n.acked_batches == 1);
    CHECK(n.ack_latency == 1020ms);
    CHECK(n.oldest == 0s);
}

TEST_CASE("rejected ranges are counted by index, never sent again") {
    courier c;
    for (const char* text : {"0", "1", "2", "3", "4", "5", "6"}) c.submit(text);
    c.pass(1s);
    service_answer answer = answer_of(answer_kind::accepted);
    answer.rejected = {.too_old_end = 2, .expired_end = 3, .too_new_start = 6};
    c.answer(answer);
    CHECK(c.refused == texts{"0", "1", "6", "2"});  // by reason
    CHECK(c.counters().rejected[rejection::too_old] == 2);
    CHECK(c.counters().rejected[rejection::too_new] == 1);
    CHECK(c.counters().rejected[rejection::expired] == 1);
    CHECK(c.counters().acked == 3);
    CHECK(c.counters().acked_bytes == 3 * 27);
    CHECK(c.counters().pending_bytes == 0);
    SECTION("ranges that overlap or lie outside") {
        for (const char* text : {"a", "b"}) c.submit(text);
        c.pass(1s);
        answer.rejected = {.too_old_end = 99, .expired_end = 1, .too_new_start = 0};
        c.answer(answer);
        CHECK(c.counters().rejected[rejection::too_old] == 4);
        CHECK(c.counters().pending == 0);
    }
}

TEST_CASE("an acknowledgement whose ranges cannot be read settles its batch") {
    courier c;
    c.submit("a");
    c.pass(1s);
    service_answer answer = answer_of(answer_kind::accepted);
    answer.ranges_unread = true;
    c.answer(answer);
    CHECK(c.counters().accounting() == delivery_accounting{.offered = 1, .acked = 1});
    CHECK(c.counters().unread_ranges == 1);
}

TEST_CASE("what may have been stored is sent again and counted as a possible duplicate; what was not sent is not") {
    courier c;
    c.submit("a");
    c.pass(1s);
    c.answer(no_answer(false));
    CHECK(c.counters().unknown_events == 0);
    c.pass_until_due();
    REQUIRE(c.sent.size() == 1);
    c.lose();
    CHECK(c.counters().unknown_events == 1);
    CHECK(c.counters().retries == 2);
    CHECK((c.counters().retried[answer_kind::not_sent] == 1 && c.counters().retried[answer_kind::unknown] == 1));
    REQUIRE(c.sent.size() == 1);
    CHECK(c.sent[0].texts == texts{"a"});
}

TEST_CASE("throttling waits by the second, by the service's hint up to 5 s longer, and halves the window") {
    courier c({.max_in_flight = 4});
    for (int i = 0; i < 20; ++i) {  // the window grows by one for each of its rounds
        for (int k = 0; k < 4; ++k) c.submit(std::to_string(k), log::level::info, k * 30h);
        c.pass(1s);
        while (!c.sent.empty()) c.answer(answer_kind::accepted);
    }
    CHECK(c.counters().window == 4);
    for (int k = 0; k < 4; ++k) c.submit(std::to_string(k), log::level::info, -k * 30h);
    c.pass(1s);
    REQUIRE(c.sent.size() == 4);
    service_answer slow = answer_of(answer_kind::throttled);
    SECTION("all four are one trouble") {
        const time_point then = c.now;
        while (!c.sent.empty()) c.answer(slow);
        CHECK(c.counters().window == 2);
        CHECK(c.core->due() <= then + 1s);
        c.pass_until_due();
        CHECK(c.sent.size() == 2);
    }
    SECTION("a hint") {
        c.random = 0;
        slow.retry_after = 3s;
        for (int i = 0; i < 3; ++i) c.answer(slow);
        CHECK(c.core->due() == c.now + 3s);
        slow.retry_after = 1h;
        c.answer(slow);
        CHECK(c.core->due() == c.now + 5s);
    }
}

TEST_CASE("after five failures in a row one small batch at a time asks whether it is over") {
    courier c;
    for (int i = 0; i < 1000; ++i) c.submit("x");
    c.pass(1s);
    CHECK(c.sent[0].texts.size() == 1000);
    nanoseconds waited{0};
    for (int i = 0; i < 4; ++i) {
        const time_point then = c.now;
        c.lose();
        waited += c.now - then;
        CHECK(c.sent[0].texts.size() == 1000);
    }
    CHECK(waited <= 1500ms);  // 100 + 200 + 400 + 800
    c.lose();
    CHECK(c.alarms == std::vector{delivery_alarm::outage});
    CHECK(c.counters().outage);
    CHECK(c.sent[0].texts.size() == 100);
    c.answer(answer_kind::accepted);
    CHECK(c.alarms.back() == delivery_alarm::recovered);
    REQUIRE(c.sent.size() == 1);
    CHECK(c.sent[0].texts.size() == 900);
    c.answer(answer_kind::accepted);
    CHECK(c.counters().accounting() == delivery_accounting{.offered = 1000, .acked = 1000});
}

TEST_CASE("without permission to create, or with creation off, it is tried again every half minute") {
    const bool create = GENERATE(true, false);
    courier c({.create = create});
    c.random = 0;
    c.submit("a");
    c.pass(1s);
    c.answer(answer_kind::missing);
    if (create) c.answer(answer_kind::denied);
    CHECK(c.alarms == std::vector{delivery_alarm::denied});
    CHECK(c.core->due() == c.now + 30s);
    c.pass(30s);
    CHECK(c.sent[0].what == (create ? operation::create_stream : operation::put_events));
    CHECK(c.counters().pending == 1);
}

TEST_CASE("two alarms that come together are both told") {
    courier c({.retention_days = 30});
    c.submit("a");
    c.pass(1s);
    for (int i = 0; i < 4; ++i) c.lose();
    service_answer no_group = answer_of(answer_kind::missing);
    no_group.of_group = true;
    c.answer(no_group);
    c.answer(answer_kind::accepted);
    REQUIRE(c.sent[0].what == operation::put_retention);
    c.starts = false;
    c.answer(answer_kind::denied);
    CHECK(c.alarms == std::vector{delivery_alarm::retention, delivery_alarm::outage});
}

TEST_CASE("expired keys are refreshed at most every 30 s, and the batch goes when they are new") {
    courier c;
    c.submit("a");
    c.pass(1s);
    c.answer(answer_kind::stale_credentials);
    CHECK(c.refreshes == 1);
    CHECK(c.sent.empty());
    c.core->credentials_renewed(c.now);
    c.pass(0s);
    REQUIRE(c.sent.size() == 1);
    c.answer(answer_kind::stale_credentials);
    CHECK(c.refreshes == 1);
    while (c.refreshes == 1) {
        c.pass_until_due();
        c.answer(answer_kind::stale_credentials);
    }
    CHECK(c.now >= time_point(1'000'000h) + 31s);
    CHECK(c.counters().pending == 1);
}

TEST_CASE("new keys end the pause that waits for them, and no other") {
    courier c({.max_in_flight = 2});
    c.submit("a");
    c.pass(1s);
    c.answer(answer_kind::accepted);
    for (const char* text : {"a", "b"}) c.submit(text, log::level::info, text[0] * 30h);
    c.core->flush();
    c.pass(0s);
    REQUIRE(c.sent.size() == 2);
    service_answer slow = answer_of(answer_kind::throttled);
    slow.retry_after = 3s;
    const bool throttled_first = GENERATE(true, false);
    c.answer(throttled_first ? slow : answer_of(answer_kind::stale_credentials));
    c.answer(throttled_first ? answer_of(answer_kind::stale_credentials) : slow);
    c.core->credentials_renewed(c.now);
    CHECK(c.core->due() >= c.now + 3s);
    CHECK(c.core->due() < c.now + 10s);
}

TEST_CASE("a shutdown sends at once what there is and ends when it is settled") {
    courier c;
    c.submit("a");
    c.close(5s);
    REQUIRE(c.sent.size() == 1);
    CHECK_FALSE(c.closed);
    CHECK(c.submit("late") == drop_reason::closed);
    c.answer(answer_kind::accepted);
    CHECK(c.closed);
    CHECK(c.core->due() == never);
    CHECK(c.counters().accounting() == delivery_accounting{.offered = 2, .acked = 1, .dropped = 1});
    c.close(1s);
    CHECK(c.counters().accounting().balanced());
}

TEST_CASE("a shutdown tries until its deadline, then hands back what is left and returns the accounting") {
    courier c;
    c.submit("in flight");
    c.pass(1s);
    c.submit("queued");
    c.random = 0;
    for (int i = 0; i < 60; ++i) c.lose();  // an outage of some time
    c.answer(no_answer(true));
    const time_point then = c.now;
    CHECK(c.core->due() == c.now + 30s);
    c.close(5s);
    CHECK(c.sent.size() == 1);  // at once
    c.lose();
    CHECK(c.now <= then + 1s);
    CHECK_FALSE(c.closed);
    const sent_request last = c.sent[0];
    c.pass(then + 5s - c.now);
    CHECK(c.closed);
    CHECK(c.leftover == texts{"in flight", "queued"});
    CHECK(c.counters().accounting() == delivery_accounting{.offered = 2, .leftover = 2});
    CHECK(c.counters().pending_bytes == 0);
    c.answer(answer_kind::accepted);  // too late
    CHECK(c.counters().accounting() == delivery_accounting{.offered = 2, .leftover = 2});
}

TEST_CASE("a shutdown with nothing to do ends at once") {
    courier c;
    c.core->close(c.now + 5s, c.now);
    CHECK(c.core->due() <= c.now);
    c.pass(0s);
    CHECK(c.closed);
}

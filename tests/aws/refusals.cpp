// SPDX-License-Identifier: BSL-1.0
// Batches that the service does not take as they are.
#include "courier.hpp"

#include <algorithm>

using namespace kedge_test;
using texts = std::vector<std::string>;

TEST_CASE("a poisonous event is found by halving, and all others arrive") {
    courier c;
    for (int i = 0; i < 1000; ++i) c.submit(i == 617 ? "poison" : "x");
    c.pass(1s);
    int requests = 0;
    while (!c.sent.empty()) {
        ++requests;
        const texts& held = c.sent[0].texts;
        const bool bad = std::find(held.begin(), held.end(), "poison") != held.end();
        c.answer(bad ? answer_kind::invalid : answer_kind::accepted);
        if (c.sent.empty()) c.pass_until_due();
    }
    CHECK(c.refused == texts{"poison"});
    CHECK(c.counters().rejected[rejection::poison] == 1);
    CHECK(c.counters().acked == 999);
    CHECK(requests <= 2 * 10 + 2);
    CHECK(c.counters().pending_bytes == 0);
}

TEST_CASE("as long as nothing at all is accepted no event is called poison") {
    courier c;
    for (int i = 0; i < 50; ++i) c.submit("x");
    c.pass(1s);
    int requests = 0;
    const time_point began = c.now;
    while (c.now < began + 1h) {
        ++requests;
        c.answer(answer_kind::invalid);
        c.pass_until_due();
        REQUIRE(c.sent.size() == 1);
    }
    CHECK(c.counters().accounting() == delivery_accounting{.offered = 50, .pending = 50});
    CHECK(requests < 400);
    CHECK(std::count(c.alarms.begin(), c.alarms.end(), delivery_alarm::nothing_accepted) > 0);
    while (!c.sent.empty()) {
        c.answer(answer_kind::accepted);
        if (c.sent.empty()) c.pass(1min);
    }
    CHECK(c.counters().acked == 50);
}

TEST_CASE("more than eight poisonous events without an accepted one between them are not believed") {
    courier c;
    c.submit("good");
    c.pass(1s);
    c.answer(answer_kind::accepted);
    for (int i = 0; i < 20; ++i) c.submit("bad");
    c.pass(1s);
    for (int i = 0; i < 200; ++i) {
        if (!c.sent.empty()) c.answer(answer_kind::invalid);
        c.pass_until_due();
    }
    CHECK(c.counters().rejected[rejection::poison] == 8);
    CHECK(c.counters().pending == 12);
}

TEST_CASE("a request that is too large is halved, an event that is too large alone is rejected") {
    courier c;
    for (const char* text : {"a", "b", "c"}) c.submit(text);
    c.pass(1s);
    c.answer(answer_kind::too_large);
    CHECK(c.sent[0].texts == texts{"a"});
    c.answer(answer_kind::too_large);
    CHECK(c.counters().rejected[rejection::oversize] == 1);
    CHECK(c.sent[0].texts == texts{"b", "c"});
    c.answer(answer_kind::accepted);
    CHECK(c.counters().accounting() == delivery_accounting{.offered = 3, .acked = 2, .rejected = 1});
}

TEST_CASE("a smaller limit of an endpoint is learned: its events are split, later ones before they wait") {
    courier c;
    c.submit("small");
    c.submit(std::string(5000, 'x'));
    c.pass(1s);
    service_answer answer = answer_of(answer_kind::invalid);
    answer.limited = limit_kind::event;
    answer.limit = 4096;
    c.answer(answer);
    REQUIRE(c.sent.size() == 1);
    CHECK(c.sent[0].texts.size() == 3);
    CHECK(c.core->most_event() == 4096);
    c.submit(std::string(5000, 'y'));
    c.answer(answer_kind::accepted);
    c.pass(1s);
    CHECK(c.sent[0].texts.size() == 2);
    CHECK(c.counters().accounting() == delivery_accounting{.offered = 5, .acked = 3, .pending = 2});
    CHECK(c.counters().split == 2);
    SECTION("of a batch") {
        answer.limited = limit_kind::batch;
        c.answer(answer);
        CHECK(c.sent[0].texts.size() == 1);
        CHECK(c.counters().pending == 2);
    }
}

TEST_CASE("gzip is given up for good when it is not understood") {
    courier c({.gzip = true});
    c.submit("a");
    c.pass(1s);
    CHECK(c.sent[0].gzip);
    c.answer(answer_kind::malformed);
    REQUIRE(c.sent.size() == 1);
    CHECK_FALSE(c.sent[0].gzip);
}

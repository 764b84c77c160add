// SPDX-License-Identifier: BSL-1.0
// Without memory events are dropped and counted, or sent later; nothing throws, nothing else is lost.
#include "../support/sanitizers.hpp"
#include "courier.hpp"

#include <algorithm>
#include <new>

#ifndef KEDGE_TEST_THREAD_SANITIZER  // which brings an operator new that cannot be replaced

using namespace kedge_test;

namespace {

int allowed = -1;  ///< so many allocations succeed yet; negative: all
std::size_t allocated = 0;

struct scarcity {
    explicit scarcity(int allocations) { allowed = allocations; }
    ~scarcity() { allowed = -1; }
};

}  // namespace

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    if (allowed == 0) return nullptr;
    if (allowed > 0) --allowed;
    allocated += size;
    try {
        return ::operator new(size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

TEST_CASE("each event for which there is no memory is a counted drop") {
    for (int memory = 0; memory < 12; ++memory) {
        courier c;
        {
            const scarcity scarce(memory);
            for (int i = 0; i < 5; ++i) c.submit("event");
            c.submit(std::string(most_event_bytes, 'x'));  // two parts
        }
        const delivery_counters n = c.counters();
        CHECK(n.offered == 7);
        CHECK(n.dropped[drop_reason::no_memory] == n.dropped.total());
        CHECK((n.dropped.total() == 0) == (memory >= 1 + 2 + 3));  // the small events, two parts and three batches
        c.submit("one more");
        c.pass(1s);
        while (!c.sent.empty()) {
            c.answer(answer_kind::accepted);
            c.pass_until_due();
        }
        CHECK(c.counters().acked + c.counters().dropped.total() == c.counters().offered);
        CHECK(c.counters().pending_bytes == 0);
    }
}

TEST_CASE("events are counted with what they take, small ones in chunks and large ones alone") {
    constexpr std::size_t limit = 8 * 1024 * 1024, chunk = 8 * 1024;
    for (std::size_t size = 1; size < 2000; size += 1 + size / 16) {
        event_carver carver(limit);
        event_list events;
        allocated = 0;
        while (events.memory() < limit) events.push_back(*carver.make(size));
        CAPTURE(size, events.memory());
        CHECK(allocated <= events.memory() / 32 * 33 + chunk);
        CHECK(events.memory() < 2 * allocated);
        CHECK((events.front()->place != 0) == (size + sizeof(log_event) <= chunk / 16));
    }
}

TEST_CASE("an event for which there is no room takes no memory") {
    courier c({.queue = {.bytes = 1024 * 1024, .when_full = overflow::keep_errors}});
    while (!c.submit(std::string(95, 'x'))) {}
    allocated = 0;
    for (int i = 0; i < 1000; ++i) CHECK(c.submit(std::string(95, 'x')) == drop_reason::queue_full);
    CHECK(allocated == 0);
    for (int i = 0; i < 100; ++i) CHECK_FALSE(c.submit(std::string(95, 'x'), log::level::error));
    CHECK(allocated < 100 * 200);
}

TEST_CASE("without memory a batch is not halved, split or told of drops: it waits") {
    service_answer limit = answer_of(answer_kind::invalid);
    limit.limited = limit_kind::event;
    limit.limit = 2048;
    for (int memory = 0; memory < 6; ++memory) {
        courier c({.queue = {.events = 3}});
        c.submit("good");
        c.pass(1s);
        c.answer(answer_kind::accepted);
        for (const std::size_t size : {5u, 3000u, 5u, 5u}) c.submit(std::string(size, 'x'));  // the last finds no place
        c.pass(1s);
        for (int i = 0; i < 12 && !c.sent.empty(); ++i) {
            const scarcity scarce(memory);
            const bool large = std::any_of(c.sent[0].texts.begin(), c.sent[0].texts.end(),
                                           [](const std::string& text) { return text.size() > 2022; });
            if (large) c.answer(limit);
            else c.answer(c.sent[0].texts.size() > 1 ? answer_kind::invalid : answer_kind::accepted);
            c.pass_until_due();
        }
        CHECK(c.counters().rejected.total() == 0);
        for (int i = 0; i < 100 && c.counters().pending > 0; ++i) {
            if (!c.sent.empty()) c.answer(answer_kind::accepted);
            c.pass(1s);
        }
        CHECK(c.counters().pending == 0);
        CHECK(c.counters().pending_bytes == 0);
        CHECK(c.counters().dropped.total() == 1);
    }
}

TEST_CASE("without memory the record of drops comes later") {
    courier c({.queue = {.events = 1}});
    c.submit("event");
    c.submit("dropped");
    {
        const scarcity scarce(0);
        c.pass(1s);
    }
    REQUIRE(c.sent.size() == 1);
    CHECK(c.sent[0].texts == std::vector<std::string>{"event"});
    c.answer(answer_kind::accepted);
    REQUIRE(c.sent.size() == 1);
    CHECK(c.sent[0].texts[0].starts_with("1 event was dropped (queue_full=1)"));
}

TEST_CASE("an outage that begins for want of memory is told and counted") {
    courier c;
    SECTION("what is invalid cannot be halved") {
        for (const char* text : {"a", "b"}) c.submit(text);
        c.pass(1s);
        for (int i = 0; i < 5; ++i) {
            CHECK(c.alarms.empty());
            c.pass_until_due();
            const scarcity scarce(0);
            c.answer(answer_kind::invalid);
        }
    }
    SECTION("requests cannot be started") {
        c.starts = false;
        c.submit("a");
        for (int i = 0; i < 5; ++i) {
            CHECK(c.alarms.empty());
            c.pass_until_due();
        }
    }
    CHECK(c.alarms == std::vector{delivery_alarm::outage});
    CHECK(c.counters().outages == 1);
    CHECK(c.counters().outage);
}

#endif

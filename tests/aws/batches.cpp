// SPDX-License-Identifier: BSL-1.0
// Batches to the byte, and the body that is made of one.
#include "../support/catch.hpp"

#include <kedge/aws/detail/delivery.hpp>
#include <kedge/aws/detail/put_body.hpp>
#include <kedge/detail/json.hpp>
#include <kedge/detail/runtime_random.hpp>

#include <string>
#include <vector>

using namespace kedge;
using namespace kedge::aws;
using namespace kedge::aws::detail;
using namespace std::chrono_literals;

namespace {

constexpr time_point at(nanoseconds t) { return time_point(t); }

struct fixture {
    queue_rules rules{.bytes = 64 << 20};
    delivery_counters counters{};
    event_queue queue{rules, counters};

    void push(std::string_view text, std::int64_t time_ms = 0, nanoseconds now = 0s, log::level severity = log::level::info) {
        const raw_event raw{.message = text, .time_ms = time_ms, .severity = severity, .whole = false, .number = 1};
        REQUIRE_FALSE(queue.push(prepare(raw), raw, at(now)));
    }
    std::vector<std::size_t> sizes() {
        std::vector<std::size_t> out;
        while (const auto batch = queue.take(at(0s), true)) out.push_back(batch->events.size());
        return out;
    }
};

constexpr std::int64_t hour_ms = 3'600'000;

}  // namespace

TEST_CASE_METHOD(fixture, "a batch is full to the byte, with 26 for each event") {
    queue.limits.wire = 64 << 20;
    const std::string half(1'048'576 / 2 - 26, 'x');
    SECTION("exactly") {
        push(half);
        push(half);
        push("y");
        CHECK(sizes() == std::vector<std::size_t>{2, 1});
    }
    SECTION("one byte more") {
        push(half);
        push(half + 'x');
        CHECK(sizes() == std::vector<std::size_t>{1, 1});
    }
}

TEST_CASE_METHOD(fixture, "a body stays below 1 MiB, unless one event alone is larger") {
    std::size_t events = 0;
    for (; events < 30'000; ++events) push("\"\"\"\"\"\"\"\"");
    std::string body;
    std::size_t sent = 0;
    while (const auto batch = queue.take(at(0s), true)) {
        put_body({std::string(512, 'g'), std::string(512, 's')}, batch->events, body);
        CHECK(body.size() <= 1'048'576);
        sent += batch->events.size();
    }
    CHECK(sent == events);
    push(std::string(600'000, '\n'));
    push(std::string(600'000, '\n'));
    CHECK(sizes() == std::vector<std::size_t>{1, 1});
}

TEST_CASE("a body stays below 1 MiB with names that are all escapes, and the record of drops in it") {
    const log_target target{std::string(512, 'g'), std::string(512, '\x01')};
    delivery core({.queue = {.bytes = 64 << 20}, .frame_bytes = frame_bytes(target)});
    const std::string text(40, '"');
    const raw_event raw{.message = text, .time_ms = 3'000'000'000'000};
    for (int i = 0; i < 20'000; ++i) REQUIRE_FALSE(core.submit(prepare(raw), raw, time_point()));
    CHECK(core.submit({.how = preparation::unredacted}, raw, time_point()));
    delivery_actions todo;
    core.tick({time_point(1s), 3'000'000'000'000}, todo);
    REQUIRE(todo.starting == 1);
    std::string body;
    put_body(target, *todo.start[0].events(), body);
    CHECK(body.find("1 event was dropped (unredacted=1)") != body.npos);
    CHECK(body.size() <= 1'048'576);
    CHECK(body.size() > 1'048'576 - 1024);
}

TEST_CASE_METHOD(fixture, "at most 10 000 events") {
    for (int i = 0; i < 10'001; ++i) push("x");
    CHECK(sizes() == std::vector<std::size_t>{10'000, 1});
}

TEST_CASE_METHOD(fixture, "a batch spans less than a day, however the times jump") {
    push("a", 100 * hour_ms);
    push("b", 124 * hour_ms - 60'000);
    push("c", 124 * hour_ms - 59'999);
    push("d", 100 * hour_ms);
    CHECK(sizes() == std::vector<std::size_t>{3, 1});
}

TEST_CASE_METHOD(fixture, "a batch waits for company, one with an error not for long, a full one not at all") {
    push("x", 0, 1s);
    CHECK(queue.due() == at(2s));
    CHECK_FALSE(queue.take(at(2s) - 1ns, false));
    SECTION("its time") { CHECK(queue.take(at(2s), false)); }
    SECTION("an error") {
        push("x", 0, 1500ms, log::level::error);
        CHECK(queue.due() == at(1650ms));
        push("x", 0, 1600ms, log::level::error);
        CHECK(queue.due() == at(1650ms));
        CHECK(queue.take(at(1650ms), false)->urgent);
    }
    SECTION("full enough") {
        push(std::string(999'999 - 42 - 41, 'x'), 0, 1s);  // with the framing in the body
        CHECK(queue.due() == at(2s));
        push("yy", 0, 1s);
        CHECK(queue.take(at(1s), false));
    }
    SECTION("one behind it") {
        push(std::string(999'999 - 2 * (42 + 41), 'x'), 0, 1s);
        CHECK(queue.due() == at(2s));
        push(std::string(100'000, 'x'), 0, 1s);
        CHECK(queue.take(at(1s), false));
        CHECK_FALSE(queue.take(at(1s), false));
        CHECK(queue.due() == at(2s));
    }
    CHECK(queue.empty() == (queue.due() == never));
}

TEST_CASE_METHOD(fixture, "times that jump to and fro between days make a batch for each day, not for each event") {
    for (int i = 0; i < 1000; ++i) push(std::to_string(i), i % 4 * 48 * hour_ms + i, std::chrono::milliseconds(i));
    CHECK_FALSE(queue.take(at(1s) - 1ns, false));
    for (int day = 0; day < 4; ++day) {
        CHECK(queue.due() == at(1s + std::chrono::milliseconds(day)));
        const auto batch = queue.take(at(1s + std::chrono::milliseconds(day)), false);
        REQUIRE(batch);
        CHECK(batch->events.size() == 250);
        for (const log_event* e = batch->events.front(); e && e->next; e = e->next) CHECK(e->time_ms < e->next->time_ms);
    }
    CHECK(queue.empty());
    SECTION("an error in a later one lets those in front go, too") {
        for (int day = 0; day < 2; ++day) push("x", day * 48 * hour_ms, 2s, day ? log::level::error : log::level::info);
        CHECK(queue.due() == at(2150ms));
        CHECK(queue.take(at(2150ms), false)->events.front()->time_ms == 0);
        CHECK(queue.take(at(2150ms), false)->urgent);
    }
    SECTION("more days than are open close the first") {
        for (int day = 0; day < 5; ++day) push("x", day * 48 * hour_ms, 2s);
        CHECK(queue.take(at(2s), false));
        CHECK_FALSE(queue.take(at(2s), false));
    }
    SECTION("what a full one lets not in is overtaken by nothing of its day") {
        const std::string half(600'000, 'x');
        for (const std::int64_t hour : {0, 48}) push(half, hour * hour_ms, 2s);
        push(half + "second", 0, 2s);
        push("third", 0, 2s);
        push("fourth", 48 * hour_ms, 2s);
        CHECK(sizes() == std::vector<std::size_t>{1, 2, 2});
    }
    SECTION("a flush sends all") {
        for (int day = 0; day < 3; ++day) push("x", day * 48 * hour_ms, 2s);
        queue.flush();
        for (int day = 0; day < 3; ++day) CHECK(queue.take(at(2s), false));
        CHECK(queue.due() == never);
    }
}

TEST_CASE("events are sorted by time, and those of one time stay in order") {
    kedge::detail::splitmix random(5);
    for (int round = 0; round < 200; ++round) {
        const auto batch = event_batch::make(at(0s));
        const std::size_t count = random() % 70;
        for (std::size_t i = 0; i < count; ++i) {
            prepared one = prepare({.message = std::to_string(1000 + i), .time_ms = static_cast<std::int64_t>(random() % 10)});
            batch->add(*one.events.pop_front());
        }
        const std::size_t counted = batch->events.counted();
        batch->sort();
        CHECK(batch->events.size() == count);
        CHECK(batch->events.counted() == counted);
        for (const log_event* e = batch->events.front(); e && e->next; e = e->next) {
            const bool ordered = e->time_ms < e->next->time_ms ||
                                 (e->time_ms == e->next->time_ms && e->message() < e->next->message());
            CHECK(ordered);
        }
    }
}

TEST_CASE("a batch is put in order by who makes its body, so that no writer waits for it") {
    delivery core({});
    for (const std::int64_t ms : {3'000'000'000'002, 3'000'000'000'000, 3'000'000'000'001}) {
        const raw_event raw{"x", ms};
        REQUIRE_FALSE(core.submit(prepare(raw), raw, time_point()));
    }
    delivery_actions todo;
    core.tick({time_point(1s), 3'000'000'000'003}, todo);
    REQUIRE(todo.starting == 1);
    CHECK_FALSE(todo.start[0].batch->sorted);
    std::int64_t ms = 3'000'000'000'000;
    for (const log_event* e = todo.start[0].events()->front(); e; e = e->next) CHECK(e->time_ms == ms++);
    CHECK(todo.start[0].batch->sorted);
}

TEST_CASE("a batch is split without losing an event or its order") {
    const auto batch = event_batch::make(at(3s));
    for (int i = 0; i < 10; ++i) batch->add(*prepare({.message = std::to_string(i), .time_ms = i}).events.pop_front());
    const auto front = event_batch::make(at(0s));
    batch->split_to(*front, 4, 1000);
    CHECK(front->events.size() == 4);
    CHECK(batch->events.size() == 6);
    CHECK(front->opened == at(3s));
    CHECK(batch->events.front()->message() == "4");
    const auto one = event_batch::make(at(0s));
    batch->split_to(*one, 4, 1);
    CHECK(one->events.size() == 1);
}

TEST_CASE("a body is the JSON that the service reads, and its memory is used again") {
    const auto batch = event_batch::make(at(0s));
    batch->add(*prepare({.message = "said \"no\"\n", .time_ms = 1'761'492'406'000}).events.pop_front());
    batch->add(*prepare({.message = "caf\xc3\xa9", .time_ms = 1'761'492'406'001}).events.pop_front());
    std::string body;
    put_body({"group", "a/\"b\""}, batch->events, body);
    CHECK(body == R"({"logGroupName":"group","logStreamName":"a/\"b\"","logEvents":[)"
                  R"({"timestamp":1761492406000,"message":"said \"no\"\n"},)"
                  "{\"timestamp\":1761492406001,\"message\":\"caf\xc3\xa9\"}]}");
    CHECK(kedge::detail::json_reader::read(body));
    const char* const memory = body.data();
    put_body({"group", "a/\"b\""}, batch->events, body);
    CHECK(body.data() == memory);
    CHECK(group_body({"g", "s"}) == R"({"logGroupName":"g"})");
    CHECK(stream_body({"g", "s"}) == R"({"logGroupName":"g","logStreamName":"s"})");
    CHECK(retention_body({"g", "s"}, 30) == R"({"logGroupName":"g","retentionInDays":30})");
}

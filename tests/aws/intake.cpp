// SPDX-License-Identifier: BSL-1.0
// What becomes of a text before it waits, and what the queue does when it is full.
#include "../support/catch.hpp"

#include <kedge/aws/detail/event_queue.hpp>
#include <kedge/aws/detail/json_text.hpp>
#include <kedge/aws/detail/prepare.hpp>
#include <kedge/detail/runtime_random.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace kedge;
using namespace kedge::aws;
using namespace kedge::aws::detail;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> texts(const event_list& events) {
    std::vector<std::string> out;
    for (const log_event* e = events.front(); e; e = e->next) out.emplace_back(e->message());
    return out;
}

prepared prepare_text(std::string_view text, std::size_t most = most_event_bytes, bool whole = false) {
    return prepare({.message = text, .time_ms = 5, .severity = log::level::info, .whole = whole, .number = 0x2a}, most);
}

/// ASCII, quotes, control characters, code points of 2 to 4 bytes, line ends, and bytes that are no UTF-8.
std::string random_text(kedge::detail::splitmix& random, std::size_t pieces, bool valid) {
    static const std::string some[] = {"a",    "the quick brown fox", "\"", "\\", "\n", "\x01", "\xc3\xa9", "\xe2\x82\xac",
                                       "\xf0\x9f\x98\x80", "\x7f", "\t", "\xff", "\xe2\x82", "\xc0\x80", "\xed\xa0\x80"};
    std::string out;
    for (std::size_t i = 0; i < pieces; ++i) out += some[random() % (valid ? 11 : 15)];
    return out;
}

constexpr time_point at(nanoseconds t) { return time_point(t); }

struct fixture {
    queue_rules rules{};
    delivery_counters counters{};
    event_queue queue{rules, counters};
    std::size_t on_their_way = 0;

    void with(queue_rules wanted) {
        rules = wanted;
        queue.~event_queue();
        new (&queue) event_queue(rules, counters);
    }
    std::optional<drop_reason> push(std::string_view text, nanoseconds now = 0s, log::level severity = log::level::info,
                                    std::int64_t time_ms = 0) {
        const raw_event raw{.message = text, .time_ms = time_ms, .severity = severity, .whole = false, .number = 1};
        const auto why = queue.push(prepare_for_queue(raw), raw, at(now));
        CHECK(counters.accounting().balanced());
        CHECK(counters.pending == queue.fresh().count_events() + on_their_way);
        return why;
    }
};

}  // namespace

TEST_CASE("a text that is in order stays as it is, and is measured to the byte") {
    const prepared one = prepare_text("caf\xc3\xa9 \"x\"\n\x01");
    REQUIRE(one.events.size() == 1);
    CHECK(one.how == preparation::as_it_was);
    CHECK_FALSE(one.repaired);
    const log_event& event = *one.events.front();
    CHECK(event.message() == "caf\xc3\xa9 \"x\"\n\x01");
    CHECK(event.counted() == 11 + 26);
    CHECK(event.escaped == 11 + 3 + 5);
    CHECK(event.time_ms == 5);
    CHECK(event.memory() >= sizeof(log_event) + event.size);
}

TEST_CASE("each byte that is no UTF-8 becomes a replacement of three") {
    const prepared one = prepare_text("a\xff\xe2\x82z");
    CHECK(one.repaired);
    CHECK(texts(one.events) == std::vector<std::string>{"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"});
    CHECK(one.events.counted() == 2 + 9 + 26);
}

TEST_CASE("the largest event goes whole, one byte more is split") {
    const std::string most(most_event_bytes - event_overhead, 'x');
    CHECK(prepare_text(most).events.size() == 1);
    CHECK(prepare_text(most).events.counted() == 1'048'576);
    const prepared parts = prepare_text(most + 'y');
    CHECK(parts.how == preparation::split);
    REQUIRE(parts.events.size() == 2);
    CHECK(parts.parts == 2);
    CHECK(parts.events.front()->message().starts_with("[part 1/2 2a] xxx"));
    CHECK(parts.events.back()->message().ends_with("xy"));
    const std::string broken(400'000, '\xff');  // grows to 1.2 MB
    CHECK(prepare_text(broken).events.size() == 2);
}

TEST_CASE("parts without their marks are the text, each is UTF-8 and small enough") {
    kedge::detail::splitmix random(3);
    for (int round = 0; round < 300; ++round) {
        const std::string text = random_text(random, 400 + random() % 2000, round % 3 != 0);
        const std::size_t most = least_event_bytes + random() % 500;
        prepared whole = prepare_text(text), parts = prepare_text(text, most);
        REQUIRE(whole.events.size() == 1);
        if (parts.how != preparation::split) continue;
        CHECK(parts.parts == parts.events.size());
        std::string joined;
        std::size_t number = 0;
        for (const log_event* e = parts.events.front(); e; e = e->next) {
            const std::string_view message = e->message();
            CHECK(e->counted() <= most);
            CHECK(measure(message).broken == 0);
            CHECK(measure(message).escaped == e->escaped);
            const std::string mark = "[part " + std::to_string(++number) + "/" + std::to_string(parts.parts) + " 2a] ";
            REQUIRE(message.starts_with(mark));
            joined += message.substr(mark.size());
        }
        CHECK(joined == whole.events.front()->message());
    }
}

TEST_CASE("a part ends at the end of a line if there is one near") {
    const std::string text = std::string(800, 'a') + "\n" + std::string(800, 'b');
    const prepared parts = prepare_text(text, 1024);
    REQUIRE(parts.events.size() == 2);
    CHECK(parts.events.front()->message().ends_with("a\n"));
}

TEST_CASE("no code point is cut, wherever it lies") {
    for (const std::string point : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"})
        for (std::size_t shift = 0; shift < point.size(); ++shift) {
            std::string text(shift, 'a');
            while (text.size() < 5000) text += point;
            const prepared parts = prepare_text(text, 1024);
            REQUIRE(parts.events.size() > 4);
            for (const log_event* e = parts.events.front(); e; e = e->next) {
                CHECK(measure(e->message()).broken == 0);
                CHECK(e->message().find(log::detail::replacement) == std::string_view::npos);
            }
        }
}

TEST_CASE("each byte is found that needs an escape, wherever in eight it lies") {
    for (int byte = 0; byte < 0x80; ++byte)
        for (std::size_t at = 0; at < 20; ++at) {
            std::string text(20, '!');  // the byte before the quote
            text[at] = static_cast<char>(byte);
            const bool special = byte < 0x20 || byte == '"' || byte == '\\';
            CHECK(plain_run<true>(text, 0) == (special ? at : 20));
            CHECK(plain_run<false>(text, 0) == (special ? at : 20));
            text[at] = static_cast<char>(byte + 0x80);
            CHECK(plain_run<true>(text, 0) == at);
            CHECK(plain_run<false>(text, 0) == 20);
        }
}

TEST_CASE("a document is not cut: one that tells its size and its beginning takes its place") {
    const std::string document = R"({"text":")" + std::string(5000, '\\') + "\"}";
    const prepared one = prepare_text(document, 2000, true);
    CHECK(one.how == preparation::shortened);
    REQUIRE(one.events.size() == 1);
    CHECK(one.events.counted() <= 2000);
    CHECK(one.events.counted() >= 1990);
    const std::string_view stub = one.events.front()->message();
    CHECK(stub.starts_with(R"({"kedge":"shortened: the document was too large for one event","size":5011,)"
                           R"("head":"{\"text\":\"\\\\)"));
    CHECK(stub.ends_with("\\\\\"}"));
    CHECK(prepare_text(document, 6000, true).how == preparation::as_it_was);
}

TEST_CASE("what was escaped for a body has the measured length and comes back as it was") {
    kedge::detail::splitmix random(11);
    for (int round = 0; round < 500; ++round) {
        const std::string text = random_text(random, random() % 60, true);
        const text_measure m = measure(text);
        std::string out(m.escaped, '?');
        CHECK(write_escaped(out.data(), text) == out.data() + out.size());
        CHECK(m.size == text.size());
        for (const char c : out) CHECK(static_cast<unsigned char>(c) >= 0x20);
    }
    std::string out(measure("\"\\\b\f\n\r\t\x1f\x7f").escaped, '?');
    write_escaped(out.data(), "\"\\\b\f\n\r\t\x1f\x7f");
    CHECK(out == "\\\"\\\\\\b\\f\\n\\r\\t\\u001f\x7f");
}

TEST_CASE_METHOD(fixture, "no text, no event") {
    CHECK(push("") == drop_reason::empty);
    CHECK(counters.offered == 1);
    CHECK_FALSE(queue.notes().any());
}

TEST_CASE_METHOD(fixture, "memory is bounded by what it really takes") {
    with({.bytes = 10'000});
    std::uint64_t taken = 0;
    while (!push("some text")) ++taken;
    CHECK(counters.pending == taken);
    CHECK(counters.pending_bytes <= 10'000);
    CHECK(counters.pending_bytes == queue.fresh().front()->events.memory() + event_queue::batch_memory);
    CHECK(10'000 - counters.pending_bytes < log_event::memory_for(9) + event_queue::batch_memory);
    CHECK(counters.dropped[drop_reason::queue_full] == 1);
    CHECK(push(std::string(10'000, 'x')) == drop_reason::too_large);
    CHECK(queue.notes().text() == "2 events were dropped (queue_full=1, too_large=1)");
}

TEST_CASE_METHOD(fixture, "the number of events is bounded") {
    with({.events = 3});
    for (int i = 0; i < 3; ++i) CHECK_FALSE(push("x"));
    CHECK(push("x") == drop_reason::queue_full);
    CHECK(counters.most_pending == 3);
}

TEST_CASE_METHOD(fixture, "the oldest give way if that is wanted") {
    with({.events = 3, .when_full = overflow::drop_oldest});
    for (const char* text : {"1", "2", "3", "4", "5"}) CHECK_FALSE(push(text));
    CHECK(texts(queue.fresh().front()->events) == std::vector<std::string>{"3", "4", "5"});
    CHECK(counters.dropped[drop_reason::displaced] == 2);
    const auto taken = queue.take(at(0s), true);  // on its way: out of reach
    REQUIRE(taken);
    on_their_way = taken->events.size();
    CHECK(push("6") == drop_reason::queue_full);
}

TEST_CASE_METHOD(fixture, "nothing gives way to what would not fit all the same") {
    with({.bytes = 10'000, .when_full = overflow::drop_oldest});
    CHECK_FALSE(push(std::string(6000, 'x')));
    const auto taken = queue.take(at(0s), true);
    on_their_way = 1;
    for (int i = 0; i < 3; ++i) CHECK_FALSE(push("waits"));
    CHECK(push(std::string(5000, 'x')) == drop_reason::queue_full);
    CHECK(counters.dropped[drop_reason::displaced] == 0);
    CHECK_FALSE(push(std::string(3600, 'x')));
    CHECK(counters.dropped[drop_reason::displaced] > 0);
}

TEST_CASE_METHOD(fixture, "the last quarter is for errors if that is wanted") {
    with({.events = 8, .when_full = overflow::keep_errors});
    for (int i = 0; i < 6; ++i) CHECK_FALSE(push("info"));
    CHECK(push("info") == drop_reason::queue_full);
    CHECK_FALSE(push("error", 0s, log::level::error));
    CHECK_FALSE(push("critical", 0s, log::level::critical));
    CHECK(push("error", 0s, log::level::error) == drop_reason::queue_full);
}

TEST_CASE_METHOD(fixture, "nothing enters a closed queue") {
    CHECK_FALSE(push("x"));
    queue.close();
    CHECK(push("y") == drop_reason::closed);
    CHECK(counters.pending == 1);
}

TEST_CASE("events that share memory end on any thread, and leave the others as they are", "[tsan]") {
    const auto text_of = [](int i) { return std::string(static_cast<std::size_t>(i % 700), static_cast<char>('a' + i % 26)); };
    event_list keep, pass_on;
    {
        event_carver carver(8 * 1024 * 1024);
        for (int i = 0; i < 2000; ++i) {
            const std::string text = text_of(i);
            log_event* const event = carver.make(text.size());
            REQUIRE(event);
            CHECK(reinterpret_cast<std::uintptr_t>(event) % alignof(log_event) == 0);
            std::copy(text.begin(), text.end(), event->text());
            (i % 2 ? keep : pass_on).push_back(*event);
        }
    }
    std::thread other([gone = std::move(pass_on)]() mutable { gone = {}; });
    for (int i = 1; i < 2000; i += 2) {
        log_event* const event = keep.pop_front();
        CHECK(event->message() == text_of(i));
        log_event::destroy(event);
    }
    other.join();
}

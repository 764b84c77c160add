// SPDX-License-Identifier: BSL-1.0
// Outages, floods and ends of the sink as a program has it, against the service on loopback.
#include "cloudwatch_world.hpp"

#include <kedge/detail/runtime_random.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace kedge;
using namespace aws_test;
using namespace std::chrono_literals;

namespace {

struct prepared_world : cloudwatch_world {
    using cloudwatch_world::cloudwatch_world;
    explicit prepared_world(aws::cloudwatch_options o = {}) : cloudwatch_world(std::move(o)) {
        service.make_stream("shop", "web-1");
    }

    aws::delivery_accounting books() const { return sink->delivery().accounting(); }
    bool refused_nothing() const {
        return std::ranges::all_of(service.heard(), [](const heard_request& one) { return one.refusal.empty(); });
    }
};

}  // namespace

TEST_CASE("the endpoint goes down and comes back: what fits waits for it, and arrives once and in order", "[aws]") {
    prepared_world world;
    std::string all;
    auto write = [&, number = 0](int until) mutable {
        for (; number < until; ++number) {
            const std::string text = std::to_string(number) + ";";
            world.write(text);
            all += text;
        }
    };
    write(10);
    world.deliver();
    world.service.down();
    write(300);  // more than a probe takes
    world.sink->flush();
    world.run_until([&] { return world.sink->delivery().outage; });
    const time_point down = world.now();
    write(500);
    world.run_until([&] { return world.now() - down > 10min; });
    CHECK(world.books() == aws::delivery_accounting{.offered = 500, .acked = 10, .pending = 490});
    world.service.up();
    write(510);
    world.deliver();
    CHECK(world.stored() == all);
    CHECK(world.books() == aws::delivery_accounting{.offered = 510, .acked = 510});
    CHECK(world.sink->delivery().outages == 1);
    const std::vector<std::string> told = world.console->events();
    REQUIRE(told.size() == 2);
    CHECK(told[0].starts_with("[WARNING] CloudWatch Logs cannot be reached; events wait"));
    CHECK(told[1].starts_with("[INFO] CloudWatch Logs "));
}

TEST_CASE("what does not fit in an outage is counted, and the stream is told when the way is free", "[aws]") {
    prepared_world world({.max_events = 4});
    world.service.down();
    world.write_digits("0");
    world.run_until([&] { return world.sink->delivery().outage; });
    world.write_digits("123456789");
    CHECK(world.books() == aws::delivery_accounting{.offered = 10, .dropped = 6, .pending = 4});
    world.service.up();
    world.run_until([&] { return world.books().acked == 5; });
    CHECK(world.books() == aws::delivery_accounting{.offered = 11, .acked = 5, .dropped = 6});
    const std::string all = world.stored();
    CHECK(all.starts_with("01236 events were dropped (queue_full=6) between "));
    CHECK(world.service.stored_count() == 5);
}

TEST_CASE("throttling slows down as long as the service asks for, and not much longer", "[aws]") {
    prepared_world world;
    world.service.fail_next(throttles(3s));
    world.service.fail_next(throttles(1h));
    world.write_digits("0");
    world.deliver();
    const auto& left = world.way->left;
    REQUIRE(left.size() == 3);
    CHECK(left[1] - left[0] >= 3s);
    CHECK(left[2] - left[1] >= 5s);
    CHECK(left[2] - left[1] < 1min);
}

TEST_CASE("a shutdown ends with the accounting, whatever the service does", "[aws]") {
    struct row {
        const char* name;
        std::vector<fault> faults;
        bool down;
        aws::delivery_accounting books;
        std::uint64_t unknown;
        const char* stored;
    };
    fault silent;
    silent.how = fault::way::silence;
    const aws::delivery_accounting all_acked{.offered = 3, .acked = 3}, all_left{.offered = 3, .leftover = 3};
    for (const row& one : {row{"all is well", {}, false, all_acked, 0, "012"},
                           {"two answers are lost", {loses_answer(), resets()}, false, all_acked, 6, "012012"},
                           {"throttled", {throttles(1s), throttles(1s)}, false, all_acked, 0, "012"},
                           {"nobody is there", {}, true, all_left, 0, ""},
                           {"nobody answers", {silent}, false, all_left, 3, ""}}) {
        INFO(one.name);
        prepared_world world;
        for (const fault& f : one.faults) world.service.fail_next(f);
        if (one.down) world.service.down();
        world.write_digits("012");
        const time_point start = world.now();
        CHECK(world.shut_down(10s) == one.books);
        if (one.books.leftover > 0) CHECK(world.now() - start >= 10s);
        CHECK(world.stored() == one.stored);
        CHECK(world.sink->delivery().unknown_events == one.unknown);
        const auto told = world.console->events();
        const auto digits_told = std::ranges::count_if(told, [](const std::string& e) { return e.size() == 1; });
        CHECK(digits_told == static_cast<std::ptrdiff_t>(one.books.leftover));
        world.write("too late");
        CHECK(world.books().dropped == 1);
        CHECK(world.shut_down(10s).offered == 4);
    }
}

TEST_CASE("times in disorder and over days become batches that the service takes whole", "[aws]") {
    prepared_world world;
    int number = 0;
    for (const std::chrono::minutes ahead : {0h, -30h, -1h, -100h, -23h, -24h, -25h, -300h, 0h, -24h, -2h})
        for (const auto more : {0min, 1min, -1min}) world.write("event " + std::to_string(number++), ahead + more);
    world.deliver();
    CHECK(world.refused_nothing());
    CHECK(world.books() == aws::delivery_accounting{.offered = 33, .acked = 33});
    CHECK(world.service.stored_count() == 33);
    CHECK(world.heard("PutLogEvents").size() < 33);
}

TEST_CASE("a flood goes in batches up to the limits, in order", "[aws]") {
    prepared_world world({.max_bytes = 64 << 20});
    constexpr int count = 25'000;
    std::string text;
    for (int i = 0; i < count; ++i) world.write(text = std::to_string(i) + (i % 1000 == 0 ? std::string(60'000, 'x') : ";"));
    for (const std::size_t size : {1'048'550, 1'048'549, 1'000'000, 500'000, 548'550, 548'551})
        world.write(std::string(size, 'y'));
    world.deliver();
    CHECK(world.refused_nothing());
    CHECK(world.books() == aws::delivery_accounting{.offered = count + 6, .acked = count + 6});
    const std::vector<stored_event> stored = world.service.stored("shop", "web-1");
    REQUIRE(stored.size() == count + 6);
    int wrong = 0;
    for (int i = 0; i < count; ++i) wrong += std::stoi(stored[static_cast<std::size_t>(i)].text) != i;
    CHECK(wrong == 0);
    CHECK(world.sink->delivery().acked_batches < 20);
}

TEST_CASE("a smaller limit of events is learned, and texts are split for it", "[aws]") {
    prepared_world world;
    world.service.obey({.event_limit = 262'144});
    world.write_digits("01");
    world.write(std::string(300'000, 'x'));
    world.write_digits("23");
    world.deliver();
    const aws::delivery_accounting books = world.books();
    CHECK(books == aws::delivery_accounting{.offered = books.offered, .acked = books.offered});
    CHECK(books.offered > 5);
    const std::string all = world.stored();
    CHECK(std::ranges::count(all, 'x') == 300'000);
    CHECK(all.starts_with("01[part 1/"));
    CHECK(all.ends_with("23"));
    const std::size_t requests = world.heard("PutLogEvents").size();
    world.write(std::string(300'000, 'x'));
    world.deliver();
    CHECK(world.heard("PutLogEvents").back().refusal.empty());
    CHECK(world.heard("PutLogEvents").size() == requests + 1);
}

TEST_CASE("the service's clock is known, and the events keep their own times", "[aws]") {
    prepared_world world;
    world.service.obey({.clock_ahead = 10min});
    const auto before = kedge::detail::real_wall_now();
    world.write_digits("0");
    world.deliver();
    const std::chrono::milliseconds skew = world.sink->delivery().clock_skew;
    CHECK(skew > 10min - 30s);
    CHECK(skew < 10min + 30s);
    const log::wall_time stored{std::chrono::milliseconds(world.service.stored("shop", "web-1").at(0).time_ms)};
    CHECK(stored - before < 1min);
}

TEST_CASE("a group that keeps events shorter than is known rejects the older ones only", "[aws]") {
    prepared_world world;
    world.service.make_stream("shop", "web-1", 1);
    world.write("0", -25h);
    world.write("1", -24h - 1min);
    world.write("2", -23h);
    world.write("3");
    world.deliver();
    CHECK(world.stored() == "23");
    CHECK(world.books() == aws::delivery_accounting{.offered = 4, .acked = 2, .rejected = 2});
    CHECK(world.sink->delivery().rejected[aws::rejection::expired] == 2);
}

TEST_CASE("rejected ranges are counted by their reasons", "[aws]") {
    prepared_world world;
    world.service.fail_next(rejects(2, 3, 6));
    world.write_digits("0123456789");
    world.deliver();
    const aws::delivery_counters c = world.sink->delivery();
    CHECK(c.rejected[aws::rejection::too_old] == 2);
    CHECK(c.rejected[aws::rejection::expired] == 1);
    CHECK(c.rejected[aws::rejection::too_new] == 4);
    CHECK(world.stored() == "345");
}

TEST_CASE("several requests at once make a group once, and lose nothing when connections break", "[aws]") {
    cloudwatch_world world({.max_in_flight = 8, .retention_days = 30});
    const std::string text(300'000, 'x');
    for (int i = 0; i < 20; ++i) world.write(std::to_string(i) + ";" + text);
    for (int i = 0; i < 4; ++i) world.service.fail_next(i % 2 ? loses_answer() : resets(), 1, "PutLogEvents");
    world.deliver();
    CHECK(world.service.retention_days("shop") == 30);
    for (const char* one : {"CreateLogGroup", "CreateLogStream", "PutRetentionPolicy"}) CHECK(world.heard(one).size() == 1);
    std::map<int, std::uint64_t> copies;
    for (const stored_event& e : world.service.stored("shop", "web-1")) ++copies[std::stoi(e.text)];
    CHECK(copies.size() == 20);
    const aws::delivery_counters c = world.sink->delivery();
    CHECK(c.accounting() == aws::delivery_accounting{.offered = 20, .acked = 20});
    CHECK(world.service.stored_count() - 20 <= c.unknown_events);
    CHECK(c.unknown_events > 0);
}

TEST_CASE("random weather: each event arrives, and twice at most as often as its fate was unknown", "[aws]") {
    std::uint64_t repeated = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        INFO("seed " << seed);
        kedge::detail::splitmix draw(seed);
        prepared_world world({.max_in_flight = 1 + static_cast<int>(seed % 3), .gzip = seed % 2 == 0});
        const std::vector<fault> faults = {resets(), loses_answer(), says_html(), says_broken_json(), throttles(500ms),
                                           says(503, "ServiceUnavailableException"), says(500, "InternalFailure"),
                                           says(400, "AccessDeniedException"), answers_after(2ms), {}, {}, {},
                                           says(400, "ResourceNotFoundException", "The specified log stream does not exist.")};
        int written = 0;
        for (int phase = 0; phase < 10; ++phase) {
            for (std::uint64_t n = draw() % 4; n > 0; --n) world.service.fail_next(faults[draw() % faults.size()]);
            const bool down = draw() % 4 == 0;
            if (down) world.service.down();
            for (std::uint64_t n = draw() % 30; n > 0; --n) world.write("event " + std::to_string(written++));
            const time_point until = world.now() + std::chrono::milliseconds(draw() % 5000);
            world.sink->flush();
            world.run_until([&] { return world.books().pending == 0 || world.now() > until; });
            if (down) world.service.up();
        }
        world.deliver();
        const aws::delivery_counters c = world.sink->delivery();
        const auto all = static_cast<std::uint64_t>(written);
        CHECK(c.accounting() == aws::delivery_accounting{.offered = all, .acked = all});
        for (const heard_request& one : world.heard("PutLogEvents")) CHECK(one.refusal.empty());
        std::set<std::string> different;
        for (const stored_event& e : world.service.stored("shop", "web-1")) different.insert(e.text);
        CHECK(different.size() == all);
        CHECK(world.service.stored_count() - all <= c.unknown_events);
        repeated += world.service.stored_count() - all;
    }
    CHECK(repeated > 0);
}

// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <kedge/circuit_breaker.hpp>

#include <atomic>
#include <barrier>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using kedge::time_point;

namespace {

constexpr int thread_count = 4;

template <class F> void on_threads(F run) {
    std::vector<std::thread> threads;
    for (int i = 0; i < thread_count; ++i) threads.emplace_back([&run, i] { run(i); });
    for (auto& t : threads) t.join();
}

void trip(kedge::circuit_breaker& breaker, time_point now) {
    for (int i = 0; i < 5; ++i) breaker.try_acquire(now).failure(now);
}

}  // namespace

TEST_CASE("breaker [tsan]: of many threads exactly one gets the probe", "[circuit_breaker][tsan]") {
    constexpr int rounds = 500;
    std::vector<kedge::circuit_breaker> breakers;
    for (int i = 0; i < rounds; ++i) breakers.emplace_back();
    std::atomic<int> admitted{0};
    std::barrier together(thread_count);
    for (auto& b : breakers) trip(b, time_point{1h});
    on_threads([&](int) {
        std::vector<kedge::permit> kept;
        for (auto& b : breakers) {
            together.arrive_and_wait();
            auto permit = b.try_acquire(time_point{2h});
            if (permit) ++admitted;
            kept.push_back(std::move(permit));
        }
        together.arrive_and_wait();
    });
    CHECK(admitted == rounds);
}

TEST_CASE("breaker [tsan]: nothing is lost while threads call, look, isolate and reset", "[circuit_breaker][tsan]") {
    std::vector<kedge::breaker_changed> heard;
    std::atomic<int> listening{0};
    bool overlapped = false;
    kedge::circuit_breaker breaker{{.name = "shared",
                                    .window = 100ms,
                                    .open_for = 1ms,
                                    .open_for_max = 2ms,
                                    .on_event = [&](const kedge::event& e) noexcept {
                                        if (++listening != 1) overlapped = true;
                                        heard.push_back(std::get<kedge::breaker_changed>(e));
                                        --listening;
                                    }}};
    heard.reserve(1 << 16);
    on_threads([&](int me) {
        time_point now{1h};
        for (int i = 0; i < 5'000; ++i, now += 100us) {
            auto permit = breaker.try_acquire(now);
            if (i % 1000 == me) breaker.reset(now);
            if (i % 500 == me) (void)breaker.isolate();
            if (i % 7 == 0) continue;  // forgotten: neutral
            if (i / 300 % 2 == 0) permit.success(now);
            else permit.failure(now);
            (void)breaker.snapshot(now);
        }
    });
    CHECK_FALSE(overlapped);
    CHECK(breaker.snapshot(time_point{1h}).isolations == 0);
    REQUIRE(heard.size() > 10);
    for (std::size_t i = 1; i < heard.size(); ++i) CHECK(heard[i].from == heard[i - 1].to);
}

TEST_CASE("breaker [tsan]: calm traffic of many threads is counted completely", "[circuit_breaker][tsan]") {
    kedge::circuit_breaker breaker{{.window = 1h}};
    on_threads([&](int) {
        for (int i = 0; i < 10'000; ++i) breaker.try_acquire(time_point{1h}).success(time_point{1h});
    });
    CHECK(breaker.snapshot(time_point{1h}).calls == thread_count * 10'000);
}

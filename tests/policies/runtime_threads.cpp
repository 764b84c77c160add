// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/runtime.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::time_point;
using kedge::timer_node;

namespace {

struct counted : timer_node {
    counted() {
        fire = [](timer_node* n) noexcept {
            auto* const self = static_cast<counted*>(n);
            self->early = kedge::now() < self->due;
            self->fired.fetch_add(1);
        };
    }
    time_point due{};
    bool early = false;
    std::atomic<int> fired{0};
};

struct tally {
    std::atomic<int> cancelled{0}, fired{0}, wrong{0};
};

/// Arms across the border of exact set and wheel, and cancels around the time of the expiry.
void arm_and_cancel(kedge::runtime& rt, std::uint64_t seed, tally& all) {
    kedge::detail::splitmix random(seed);
    for (int round = 0; round < 12; ++round) {
        std::deque<counted> nodes(100);
        for (auto& n : nodes) {
            const bool in_wheel = random() % 4 == 0;
            const auto base = rt.now();
            // a base in the past moves the border, so that the wheel gets near timers and the test stays short
            n.due = base + std::chrono::microseconds(random() % 9000);
            rt.arm(n, n.due, in_wheel ? base - 100ms : base);
        }
        for (auto& n : nodes) {
            for (std::uint64_t spins = random() % 8 == 0 ? random() % 20'000 : 0; spins > 0; --spins)
                kedge::detail::cpu_pause();
            if (rt.cancel(n)) {
                ++all.cancelled;
                all.wrong += n.fired != 0;
            } else {
                while (n.fired == 0) std::this_thread::yield();
                ++all.fired;
                all.wrong += n.fired != 1 || n.early;
            }
        }
    }
}

}  // namespace

TEST_CASE("a timer is cancelled or fires, exactly one of both, whoever races", "[runtime][tsan]") {
    asio::io_context io;
    auto work = asio::make_work_guard(io);
    auto& rt = kedge::runtime::of(io.get_executor());
    tally all;
    std::vector<std::thread> runners, users;
    for (int i = 0; i < 2; ++i) runners.emplace_back([&] { io.run(); });
    for (std::uint64_t i = 0; i < 3; ++i) users.emplace_back([&, i] { arm_and_cancel(rt, i, all); });
    for (auto& t : users) t.join();
    work.reset();
    for (auto& t : runners) t.join();
    CHECK(all.wrong == 0);
    CHECK(all.fired > 50);
    CHECK(all.cancelled > 50);
    CHECK(all.fired + all.cancelled == 3 * 12 * 100);
}

TEST_CASE("no expiry is lost when the context goes idle at the same moment", "[runtime][tsan]") {
    asio::io_context io;
    auto work = asio::make_work_guard(io);
    auto& rt = kedge::runtime::of(io.get_executor());
    std::thread runner([&] { io.run(); });
    kedge::detail::splitmix random(7);
    bool lost = false;
    for (int i = 0; i < 100 && !lost; ++i) {
        counted n;
        n.due = rt.now() + std::chrono::microseconds(random() % 300);
        rt.arm(n, n.due, i % 2 ? rt.now() : rt.now() - 200ms);
        while (n.fired == 0 && !lost) {
            std::this_thread::yield();
            lost = rt.now() > n.due + 5s;
        }
        if (lost) rt.cancel(n);
    }
    work.reset();
    runner.join();
    CHECK_FALSE(lost);
}

// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/pipeline.hpp>
#include <kedge/retry.hpp>
#include <kedge/runtime.hpp>
#include <kedge/timeout.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::error_code;
using kedge::time_point;
using kedge::timer_node;

namespace {

struct stamped : timer_node {
    stamped() {
        fire = [](timer_node* n) noexcept {
            auto* const self = static_cast<stamped*>(n);
            self->at = kedge::now();
            self->fired.fetch_add(1);
        };
    }
    time_point due{}, at{};
    std::atomic<int> fired{0};
};

/// One timer of each kind: past, exact, just below and just above the border, wheel.
constexpr std::array<std::chrono::milliseconds, 5> spans{-1ms, 7ms, 99ms, 101ms, 130ms};

void arm_all(kedge::runtime& rt, std::array<stamped, 5>& nodes) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        nodes[i].due = rt.now() + spans[i];
        rt.arm(nodes[i], nodes[i].due);
    }
}

void check_all(std::array<stamped, 5>& nodes) {
    for (auto& n : nodes) {
        CHECK(n.fired == 1);
        CHECK(n.at >= n.due);
    }
}

/// A row of the table: an executor, and how its context is run until nothing is left.
struct setup {
    std::string name;
    std::function<void(const std::function<void(asio::any_io_executor)>& use)> play;
};

template <class MakeExecutor> auto on_io_context(MakeExecutor make, int threads = 1) {
    return [make, threads](const auto& use) {
        asio::io_context io;
        use(make(io));
        std::vector<std::thread> others;
        for (int i = 1; i < threads; ++i) others.emplace_back([&] { io.run(); });
        io.run();
        for (auto& t : others) t.join();
    };
}

std::vector<setup> setups() {
    using any = asio::any_io_executor;
    return {
        {"context", on_io_context([](auto& io) { return any(io.get_executor()); })},
        {"two threads", on_io_context([](auto& io) { return any(io.get_executor()); }, 2)},
        {"strand", on_io_context([](auto& io) { return any(asio::make_strand(io)); })},
        {"strand in strand",
         on_io_context([](auto& io) { return any(asio::make_strand(any(asio::make_strand(io)))); }, 2)},
        {"strand of any_io_executor",
         on_io_context([](auto& io) { return any(asio::make_strand(any(io.get_executor()))); })},
        {"thread_pool", [](const auto& use) {
             asio::thread_pool pool(2);
             use(any(pool.get_executor()));
             pool.join();
         }},
        {"polled", [](const auto& use) {
             asio::io_context io;
             use(any(io.get_executor()));
             while (!io.stopped()) {
                 io.poll();
                 std::this_thread::yield();
             }
         }},
        {"stopped and restarted", [](const auto& use) {
             asio::io_context io;
             use(any(io.get_executor()));
             for (int i = 0; i < 3; ++i) {
                 asio::post(io, [&] { io.stop(); });
                 io.run();
                 io.restart();
             }
             io.run();
         }},
    };
}

}  // namespace

TEST_CASE("timers are never early and never lost on any kind of executor", "[runtime]") {
    for (const auto& s : setups()) {
        CAPTURE(s.name);
        std::array<stamped, 5> nodes;
        kedge::runtime* rt = nullptr;
        std::atomic<int> completions{0}, elsewhere{0};
        s.play([&](asio::any_io_executor ex) {
            rt = &kedge::runtime::of(ex);
            arm_all(*rt, nodes);
            const auto strand = asio::make_strand(ex);
            for (const auto d : {2ms, 104ms}) {
                kedge::async_sleep(ex, d, asio::bind_executor(strand, [&, strand](error_code ec) {
                                       completions += !ec;
                                       elsewhere += !strand.running_in_this_thread();
                                   }));
            }
        });
        check_all(nodes);
        CHECK(completions == 2);
        CHECK(elsewhere == 0);
    }
}

TEST_CASE("two contexts have a runtime each", "[runtime]") {
    asio::io_context a, b;
    auto& of_a = kedge::runtime::of(a.get_executor());
    auto& of_b = kedge::runtime::of(asio::make_strand(b));
    CHECK(&of_a != &of_b);
    CHECK(&of_a == &kedge::runtime::of(asio::any_io_executor(asio::make_strand(a))));
    stamped in_a, in_b;
    of_a.arm(in_a, of_a.now() + 1ms);
    of_b.arm(in_b, of_b.now() + 1ms);
    a.run();
    CHECK(in_a.fired == 1);
    CHECK(in_b.fired == 0);
    b.run();
    CHECK(in_b.fired == 1);
}

TEST_CASE("a node that stays armed beyond its context can be cancelled until then", "[runtime]") {
    stamped near, far;
    bool near_cancelled = false, far_cancelled = false;
    struct late {
        std::function<void()> at_end;
        late(late&& other) noexcept : at_end(std::exchange(other.at_end, nullptr)) {}
        explicit late(std::function<void()> f) : at_end(std::move(f)) {}
        ~late() {
            if (at_end) at_end();
        }
        void operator()() const {}
    };
    {
        asio::io_context io;
        auto& rt = kedge::runtime::of(io.get_executor());
        rt.arm(near, rt.now() + 90ms);
        rt.arm(far, rt.now() + 1h);
        // the scheduler destroys its handlers after the runtime was shut down
        asio::post(io, late([&] {
                       near_cancelled = rt.cancel(near);
                       far_cancelled = rt.cancel(far);
                   }));
    }
    CHECK(near_cancelled);
    CHECK(far_cancelled);
    CHECK(near.fired + far.fired == 0);
}

TEST_CASE("calls that back off or run are destroyed with their context", "[runtime]") {
    const auto held = std::make_shared<int>(0);
    {
        asio::io_context io;
        const kedge::pipeline p{io, kedge::retry{{.base = 2s, .idempotent = true}}, kedge::timeout{5s}};
        const auto refused = [&io](auto&& token) {
            return asio::async_initiate<decltype(token), void(error_code)>(
                [&io](auto handler) {
                    asio::post(io, [h = std::move(handler)]() mutable { h(asio::error::connection_refused); });
                },
                token);
        };
        const auto slow = [&io](auto&& token) {
            return kedge::async_sleep(io, 1h, std::forward<decltype(token)>(token));
        };
        p.async_call(refused, kedge::call{}, [held](error_code) {});
        p.async_call(slow, kedge::call{}, [held](error_code) {});
        io.poll();
        CHECK(held.use_count() == 3);
    }
    CHECK(held.use_count() == 1);
}

TEST_CASE("a blocked strand does not hold up the timers of others", "[runtime]") {
    asio::io_context io;
    const auto strand = asio::make_strand(io);
    auto& rt = kedge::runtime::of(strand);  // the first executor it sees is the strand that will be blocked
    std::promise<void> fired;
    struct signalling : timer_node {
        std::promise<void>* to = nullptr;
    } node;
    node.to = &fired;
    node.fire = [](timer_node* n) noexcept { static_cast<signalling*>(n)->to->set_value(); };
    bool in_time = false;
    asio::post(strand, [&] {
        rt.arm(node, rt.now() + 1ms);
        in_time = fired.get_future().wait_for(2s) == std::future_status::ready;
    });
    std::thread other([&] { io.run(); });
    io.run();
    other.join();
    CHECK(in_time);
}

TEST_CASE("arming and cancelling lets run return at once or within a tick", "[runtime]") {
    asio::io_context io;
    auto& rt = kedge::runtime::of(io.get_executor());
    for (const auto d : {50ms, 60'000ms}) {
        stamped n;
        rt.arm(n, rt.now() + d);
        CHECK(rt.cancel(n));
        CHECK_FALSE(rt.cancel(n));
        const auto start = rt.now();
        io.restart();
        io.run();
        CHECK(rt.now() - start < 45ms);  // a tick is 4.2 ms; the rest is for a busy machine
    }
}

TEST_CASE("run returns soon after the last timer is cancelled on a dozing context", "[runtime]") {
    asio::io_context io;
    auto& rt = kedge::runtime::of(io.get_executor());
    stamped lasting;
    rt.arm(lasting, rt.now() + 1h);
    io.run_for(30ms);
    const auto ticks = rt.wake_ups();
    CHECK(ticks <= 3);  // one tick that saw traffic, one that did not, and none after
    io.run_for(60ms);
    CHECK(rt.wake_ups() == ticks);
    bool cancelled = false;
    std::thread other([&] { cancelled = rt.cancel(lasting); });
    io.run();  // would take an hour
    other.join();
    CHECK(cancelled);
    CHECK(lasting.fired == 0);
}

TEST_CASE("a nearer timer wakes a dozing context", "[runtime]") {
    asio::io_context io;
    auto& rt = kedge::runtime::of(io.get_executor());
    stamped lasting, exact, coarse;
    rt.arm(lasting, rt.now() + 1h);
    io.run_for(20ms);
    rt.arm(coarse, coarse.due = rt.now() + 120ms);
    rt.arm(exact, exact.due = rt.now() + 3ms);
    while (exact.fired + coarse.fired < 2) io.run_one();
    CHECK(exact.at >= exact.due);
    CHECK(coarse.at >= coarse.due);
    CHECK(rt.cancel(lasting));
    io.run();
}

TEST_CASE("blocking work runs elsewhere and is dropped at shutdown", "[runtime]") {
    const auto held = std::make_shared<int>(0);
    std::thread::id where;
    std::atomic<int> running{0};  // a third job may begin while the context is destroyed
    {
        asio::io_context io;
        auto& rt = kedge::runtime::of(io.get_executor());
        std::promise<void> done;
        rt.run_blocking([&, held] {
            where = std::this_thread::get_id();
            done.set_value();
        });
        done.get_future().wait();
        std::promise<void> gate;
        auto open = gate.get_future().share();
        for (int i = 0; i < 5; ++i)
            rt.run_blocking([&running, open, held] {
                ++running;
                open.wait();
            });
        while (running < 2) std::this_thread::yield();
        CHECK(running == 2);
        gate.set_value();
    }
    CHECK(where != std::this_thread::get_id());
    CHECK(held.use_count() == 1);
}

TEST_CASE("chance differs between draws and between fills", "[runtime]") {
    asio::io_context io;
    auto& rt = kedge::runtime::of(io.get_executor());
    std::set<std::uint64_t> drawn;
    for (int i = 0; i < 100; ++i) drawn.insert(rt.random());
    CHECK(drawn.size() == 100);
    std::array<std::byte, 32> a{}, b{};
    rt.random_bytes(a);
    rt.random_bytes(b);
    CHECK(a != b);
}

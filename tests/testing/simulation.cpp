// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"
#include "../support/hand_driven.hpp"

#include <kedge/pipeline.hpp>
#include <kedge/testing/simulation.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using kedge::error_code;
using kedge::testing::simulation;

namespace {

/// Coroutines that sleep for drawn times, cancel one another and meet on strands.
struct scenario {
    explicit scenario(std::uint64_t seed) : sim(seed), strand(asio::make_strand(sim)) {
        for (int i = 0; i < 8; ++i) {
            if (i % 2) asio::co_spawn(sim, actor(i), asio::detached);
            else asio::co_spawn(strand, actor(i), asio::detached);
        }
        sim.run();
    }

    asio::awaitable<void> actor(int number) {
        auto& rt = kedge::runtime::of(sim.get_executor());
        for (int i = 0; i < 20; ++i) {
            const auto nap = std::chrono::milliseconds(rt.random() % 50);
            co_await kedge::async_sleep(co_await asio::this_coro::executor, nap);
            order.push_back(number);
            asio::post(sim, [this] { order.push_back(-1); });
            rt.run_blocking([this] { order.push_back(-2); });
        }
    }

    simulation sim;
    asio::strand<simulation::executor_type> strand;
    std::vector<int> order;
};

constexpr std::array<std::uint64_t, 20> golden{
    0x5281b3a8afbc1d5a, 0x6ab2830f0c717ea0, 0x12e7b1c27f54e334, 0x60de2489b04bcfc2, 0x027992460bbda787,
    0x572856dfa73b6d11, 0xc13e16d0d346e182, 0x17595375a5766e50, 0xa12f3b14efcd936c, 0x5bfb0986dcf3c97c,
    0xd8951f9381a3f1eb, 0x8830719ba2e9c8a4, 0x18d4b0a43614a7ce, 0x37a689b47cc363e5, 0x9d44ec5c191b9ca0,
    0xc48997c9e9fa3647, 0x0c2441415a3f2ed1, 0x164a8385d48f53dc, 0x3919839d68311c64, 0xb192f973bbb8165a};

}  // namespace

TEST_CASE("equal seeds make equal runs, on every compiler", "[simulation]") {
    std::array<std::uint64_t, 20> traces{};
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const scenario first(seed), second(seed);
        CAPTURE(seed);
        CHECK(first.order == second.order);
        CHECK(first.sim.trace() == second.sim.trace());
        traces[seed - 1] = first.sim.trace();
    }
    CHECK(traces == golden);
}

TEST_CASE("different seeds make different orders", "[simulation]") {
    CHECK(scenario(1).order != scenario(2).order);
}

TEST_CASE("all clocks of the thread are virtual, also before it runs", "[simulation]") {
    const auto real = kedge::now();
    {
        simulation sim(1, std::chrono::system_clock::time_point(1000h));
        CHECK(kedge::now() == kedge::time_point());
        auto& rt = kedge::runtime::of(sim.get_executor());
        CHECK(rt.is_virtual());
        sim.run_for(2h);
        CHECK(kedge::now().time_since_epoch() == 2h);
        CHECK(kedge::coarse_now() == rt.now());
        CHECK(rt.wall_now() == std::chrono::system_clock::time_point(1002h));
        auto second = std::make_unique<simulation>();
        CHECK(kedge::now() == kedge::time_point());
        asio::post(sim, [&] { CHECK(kedge::now() == sim.now()); });
        sim.run();
        CHECK(kedge::now() == kedge::time_point());
    }
    CHECK(kedge::now() >= real);
    CHECK(kedge::detail::virtual_clock == nullptr);
}

TEST_CASE("chance is seeded", "[simulation]") {
    const auto draw = [](std::uint64_t seed) {
        simulation sim(seed);
        auto& rt = kedge::runtime::of(sim.get_executor());
        std::array<std::byte, 8> bytes{};
        rt.random_bytes(bytes);
        return std::pair(rt.random(), bytes);
    };
    CHECK(draw(5) == draw(5));
    CHECK(draw(5) != draw(6));
}

TEST_CASE("run_until stops at its condition and says so when it never comes", "[simulation]") {
    simulation sim(42);
    int ticks = 0;
    const auto ticking = [&]() -> asio::awaitable<void> {
        for (; ticks < 10; ++ticks) co_await kedge::async_sleep(sim, 1min);
    };
    asio::co_spawn(sim, ticking, asio::detached);
    sim.run_until([&] { return ticks == 3; });
    CHECK(sim.elapsed() == 3min);
    CHECK_THROWS_WITH(sim.run_until([&] { return ticks == 11; }),
                      Contains("seed 42") && Contains("600.000000000 s") && Contains("never came"));
}

TEST_CASE("work that can never end fails the run", "[simulation]") {
    simulation sim;
    auto guard = asio::make_work_guard(sim);
    CHECK_THROWS_WITH(sim.run(), Contains("1 piece of work is outstanding"));
    guard.reset();
    CHECK_NOTHROW(sim.run());
    kedge::timer t(sim);
    t.expires_at(kedge::never);
    t.async_wait([](error_code) {});
    CHECK_THROWS_WITH(sim.run(), Contains("1 timer is set to no time at all and"));
    sim.run_for(1h);
    CHECK(t.cancel() == 1);
    sim.run();
}

TEST_CASE("a call that never ends is named by its place", "[simulation]") {
    simulation sim;
    kedge_test::hand_driven silent(sim.get_executor());
    const kedge::pipeline unbounded{sim, kedge::circuit_breaker{}};
    const int line = __LINE__ + 1;
    unbounded.async_call(silent, [](error_code, int) {});
    CHECK_THROWS_WITH(sim.run(), Contains("the call at ") &&
                                     Contains("simulation.cpp:" + std::to_string(line) + " has not ended"));
    silent.end({});
    CHECK_NOTHROW(sim.run());
    CHECK_NOTHROW(sim.run());
}

TEST_CASE("waits in real time are refused by name", "[simulation]") {
    simulation sim;
    asio::steady_timer foreign(sim.get_executor());
    CHECK_NOTHROW(sim.run());  // idle ones cannot be noticed, and do no harm
    foreign.expires_after(1h);
    foreign.async_wait([](error_code) {});
    CHECK_THROWS_WITH(sim.run(), Contains("asio::steady_timer") && Contains("use kedge::timer"));
    CHECK_THROWS_AS(sim.run_for(1h), std::logic_error);
    CHECK(sim.elapsed() == 0s);
}

TEST_CASE("a real wait that begins inside a run is refused before time moves on", "[simulation]") {
    simulation sim;
    std::optional<asio::steady_timer> foreign;
    asio::post(sim, [&] {
        foreign.emplace(sim.get_executor(), 1h);
        foreign->async_wait([](error_code) {});
    });
    kedge::async_sleep(sim, 1s, [](error_code) {});
    CHECK_THROWS_AS(sim.run(), std::logic_error);
    CHECK(sim.elapsed() == 0s);
}

TEST_CASE("handlers posted to the io_context itself are refused", "[simulation]") {
    simulation sim;
    asio::post(static_cast<asio::io_context&>(sim), [] {});
    CHECK_THROWS_WITH(sim.run(), Contains("posted to the io_context"));
}

TEST_CASE("work from another thread is refused", "[simulation]") {
    simulation sim;
    bool refused = false;
    std::thread([&] {
        try {
            asio::post(sim, [] {});
        } catch (const std::logic_error&) {
            refused = true;
        }
    }).join();
    CHECK(refused);
    sim.run();
}

TEST_CASE("dispatch runs in place inside a step, post never does", "[simulation]") {
    simulation sim;
    std::string order;
    asio::dispatch(sim, [&] { order += 'a'; });
    CHECK(order.empty());
    asio::post(sim, [&] {
        asio::dispatch(asio::any_io_executor(sim.get_executor()), [&] { order += 'b'; });
        asio::post(sim, [&] { order += 'd'; });
        order += 'c';
    });
    sim.run();
    CHECK(order.find("bc") != std::string::npos);
    CHECK(order.find('d') > order.find('c'));
}

TEST_CASE("an exception of a step leaves run, which may go on", "[simulation]") {
    simulation sim;
    bool later = false;
    asio::post(sim, [] { throw std::runtime_error("mine"); });
    kedge::async_sleep(sim, 1s, [&](error_code) { later = true; });
    CHECK_THROWS_WITH(sim.run(), "mine");
    sim.run();
    CHECK(later);
}

TEST_CASE("steps that never ran are destroyed with the simulation", "[simulation]") {
    const auto held = std::make_shared<int>(0);
    {
        simulation sim;
        asio::post(sim, [held] {});
        asio::post(sim, [held, guard = asio::make_work_guard(sim)] {});
        kedge::async_sleep(sim, 1s, [held](error_code) {});
        CHECK(held.use_count() == 4);
    }
    CHECK(held.use_count() == 1);
}

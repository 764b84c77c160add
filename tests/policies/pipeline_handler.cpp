// SPDX-License-Identifier: BSL-1.0

#include "../support/catch.hpp"
#include "../support/counting_allocator.hpp"
#include "../support/scripted_operation.hpp"

#include <kedge/pipeline.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <optional>
#include <thread>

using namespace kedge_test;
using kedge::errc;
using kedge::testing::simulation;

namespace {

/// Completes inside its own initiation, as no operation should.
struct inline_operation {
    template <class Token> auto operator()(Token&& token) const {
        return asio::async_initiate<Token, void(error_code)>([](auto handler) { std::move(handler)(error_code()); }, token);
    }
};

}  // namespace

TEST_CASE("the handler's allocator serves the call, and gets everything back before the upcall", "[pipeline][handler]") {
    simulation sim;
    kedge::circuit_breaker breaker;
    const kedge::pipeline p{sim, kedge::total_timeout{9s}, kedge::retry{}, breaker, kedge::timeout{1s}};
    memory_tally count;
    std::optional<long> live;
    scripted_operation op(sim.get_executor(), {{0ms, refused}, {1ms, {}}});
    p.async_call(op, asio::bind_allocator(counting_allocator<int>(count), [&](error_code, int) { live = count.live; }));
    CHECK(count.blocks >= 1);
    sim.run();
    CHECK(live == 0);
    CHECK(count.live == 0);
}

TEST_CASE("the handler runs on its executor, whichever way the call ends", "[pipeline][handler]") {
    asio::io_context pipelines, handlers;
    kedge::circuit_breaker breaker{{.window = 0s, .open_for = 60s, .open_for_max = 60s}};
    const kedge::pipeline p{pipelines, breaker, kedge::timeout{5ms}};
    const auto strand = asio::make_strand(handlers);
    int here = 0;
    const auto call = [&](scripted_operation op) {
        p.async_call(op, asio::bind_executor(strand, [&](error_code, int) { here += strand.running_in_this_thread(); }));
        for (int i = 0; i < 2; ++i) {
            pipelines.restart();
            handlers.restart();
            std::thread other([&] { pipelines.run(); });
            handlers.run();
            other.join();
        }
    };
    call(scripted_operation(pipelines.get_executor(), {{0ms, {}}}));
    call(scripted_operation(pipelines.get_executor(), {{1h, {}}}));  // expires
    for (int i = 0; i < 4; ++i) call(scripted_operation(pipelines.get_executor(), {{0ms, refused}}));
    call(scripted_operation(pipelines.get_executor(), {{0ms, {}}}));  // refused by the breaker
    CHECK(here == 7);
    CHECK(breaker.snapshot().state == kedge::breaker_state::open);
}

TEST_CASE("operations that complete inline cost no stack, a million in a row", "[pipeline][handler]") {
    asio::io_context io;
    kedge::circuit_breaker breaker;
    const kedge::pipeline p{io, kedge::retry{}, breaker, kedge::timeout{1s}};
    int left = 1'000'000;
    std::uintptr_t lowest = UINTPTR_MAX, highest = 0;
    std::function<void(error_code)> again = [&](error_code) {
        char here = 0;
        const auto at = reinterpret_cast<std::uintptr_t>(&here);
        lowest = std::min(lowest, at);
        highest = std::max(highest, at);
        if (--left > 0) p.async_call(inline_operation{}, [&](error_code ec) { again(ec); });
    };
    asio::post(io, [&] { again({}); });
    io.run();
    CHECK(left == 0);
    CHECK(highest - lowest < 64 * 1024);
}

TEST_CASE("a future is a token like any other", "[pipeline][handler]") {
    asio::io_context io;
    const kedge::pipeline p{io, kedge::timeout{1s}};
    scripted_operation op(io.get_executor(), {{0ms, {}}});
    auto value = p.async_call(op, asio::use_future);
    io.run();
    CHECK(value.get() == 1);
}

TEST_CASE("both forms of async_call record the line of the caller", "[pipeline][place]") {
    simulation sim;
    const kedge::pipeline p{sim};
    unsigned seen = 0;
    auto op = [&](const kedge::attempt& a, auto&& token) {
        seen = a.place.line();
        return kedge::async_sleep(sim, 1ms, std::forward<decltype(token)>(token));
    };
    p.async_call(op, [](error_code) {}); const unsigned short_form = __LINE__;
    sim.run();
    CHECK(seen == short_form);
    p.async_call(op, {}, [](error_code) {}); const unsigned long_form = __LINE__;
    sim.run();
    CHECK(seen == long_form);
}

TEST_CASE("calls on a context that four threads run", "[pipeline][handler][tsan]") {
    asio::io_context io;
    kedge::circuit_breaker breaker{{.consecutive_failures = 1'000'000, .failure_ratio = 1.0}};
    kedge::concurrency_limit limit(16, 1'000);
    const kedge::pipeline p{io, kedge::total_timeout{20s}, kedge::retry{{.base = 1ms, .cap = 1ms, .idempotent = true}}, breaker,
                            limit, kedge::timeout{2ms}};
    constexpr int calls = 600;
    std::atomic<int> ended{0}, foreign{0};
    const asio::any_io_executor any(io.get_executor());
    auto several_steps = [&](int steps) {
        return [&, steps](auto&& token) {
            return asio::async_compose<decltype(token), void(error_code)>(
                [&, steps, left = steps](auto& self, error_code ec = {}) mutable {
                    if (ec || left-- == 0) return self.complete(ec);
                    kedge::async_sleep(io, std::chrono::microseconds(300 * steps), std::move(self));
                },
                token, any);
        };
    };
    for (int i = 0; i < calls; ++i)
        p.async_call(several_steps(i % 4), asio::bind_executor(any, [&](error_code ec) {
            if (ec && ec != errc::timed_out) ++foreign;
            ++ended;
        }));
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { io.run(); });
    for (auto& t : threads) t.join();
    CHECK(ended == calls);
    CHECK(foreign == 0);
    CHECK(limit.snapshot().in_flight == 0);
}

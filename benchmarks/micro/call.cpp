// SPDX-License-Identifier: BSL-1.0
// What policies add to an asynchronous operation that posts its handler, and what a timer costs.

#include <kedge/kedge.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <support/harness.hpp>
#include <support/loop.hpp>

#include <memory>

using namespace kedge_bench;
using namespace std::chrono_literals;

namespace {

template <class Make> work chained(int concurrency_hint, Make make, bool slots = false) {
    auto loop = std::make_shared<chain<Make>>(concurrency_hint, make, slots);
    return [loop](int, std::uint64_t n) { loop->run(n); };
}

auto bare(asio::io_context& io) { return post_operation{io.get_executor()}; }

/// The operation behind a pipeline of these policies.
template <class... Policies> auto behind(Policies... policies) {
    return [=](asio::io_context& io) {
        return [p = kedge::pipeline{io, policies...}, op = bare(io)](auto handler) { p.async_call(op, std::move(handler)); };
    };
}

template <class... First> auto behind_five(First... first) {
    return behind(first..., kedge::total_timeout{30s}, kedge::retry{{.idempotent = true}}, kedge::circuit_breaker{},
                  kedge::concurrency_limit{1000}, kedge::timeout{10s});
}

/// A row: a coroutine that awaits `make(io)()` n times.
template <class Make> work awaited(Make make) {
    auto context = std::make_shared<busy_context>(1);
    return [context, once = make(context->io)](int, std::uint64_t n) {
        auto loop = [](asio::io_context& io, const auto& awaitable_of, std::uint64_t count) -> asio::awaitable<void> {
            for (std::uint64_t i = 0; i < count; ++i) co_await awaitable_of();
            io.stop();
        };
        asio::co_spawn(context->io, loop(context->io, once, n), asio::detached);
        context->io.run();
        context->io.restart();
    };
}

asio::awaitable<void> post_in_coroutine(post_operation op) { co_await op(asio::use_awaitable); }

/// What users write by hand today.
auto awaitable_or_timer(asio::io_context& io) {
    return [&io]() -> asio::awaitable<void> {
        using namespace asio::experimental::awaitable_operators;
        asio::steady_timer timer(io, 10s);
        co_await (post_in_coroutine(bare(io)) || timer.async_wait(asio::use_awaitable));
    };
}

auto awaited_five(asio::io_context& io) {
    auto p = kedge::pipeline{io, kedge::total_timeout{30s}, kedge::retry{{.idempotent = true}}, kedge::circuit_breaker{},
                             kedge::concurrency_limit{1000}, kedge::timeout{10s}};
    return [p, op = bare(io)] {
        auto coroutine = [op] { return post_in_coroutine(op); };
        return p.async_call(coroutine, asio::use_awaitable);
    };
}

work asio_timer() {
    auto context = std::make_shared<busy_context>(1);
    auto timer = std::make_shared<asio::steady_timer>(context->io);
    return [context, timer](int, std::uint64_t n) {
        for (std::uint64_t i = 0; i < n; ++i) {
            timer->expires_after(10s);
            timer->async_wait([](error_code) {});
            timer->cancel();
            context->io.poll();
        }
    };
}

work wheel(bool base_given) {
    auto context = std::make_shared<busy_context>(1);
    return [context, base_given](int, std::uint64_t n) {
        auto& rt = kedge::runtime::of(context->io.get_executor());
        kedge::timer_node node;
        node.fire = [](kedge::timer_node*) noexcept {};
        kedge::time_point base = rt.now();
        for (std::uint64_t i = 0; i < n; ++i) {
            if (!base_given) base = rt.now();
            rt.arm(node, base + 10s, base);
            rt.cancel(node);
        }
    };
}

void add_calls(suite& s) {
    const kedge::threading::one_thread alone{};
    const kedge::retry retry{{.idempotent = true}};
    s.add({.name = "asio/post", .run = chained(1, bare)});
    s.add({.name = "asio/post/slot", .run = chained(1, bare, true)});
    s.add({.name = "asio/post/multi", .run = chained(2, bare)});
    s.add({.name = "retry/success", .baseline = "asio/post", .run = chained(1, behind(alone, retry)), .added = true,
           .target = 30});
    s.add({.name = "timeout/success", .baseline = "asio/post", .run = chained(1, behind(alone, kedge::timeout{10s})),
           .added = true, .target = 65});
    s.add({.name = "timeout/success/multi", .baseline = "asio/post/multi", .run = chained(2, behind(kedge::timeout{10s})),
           .added = true, .target = 95});
    s.add({.name = "pipeline5/success", .baseline = "asio/post", .run = chained(1, behind_five(alone)), .added = true,
           .target = 100});
    s.add({.name = "pipeline5/success/multi", .baseline = "asio/post/multi", .run = chained(2, behind_five()), .added = true,
           .target = 140});
    s.add({.name = "pipeline5/success/slot", .baseline = "asio/post/slot", .run = chained(1, behind_five(alone), true),
           .added = true, .target = 100});
}

void add_coroutines(suite& s) {
    s.add({.name = "asio/co_await_post", .run = awaited([](asio::io_context& io) {
               return [op = bare(io)] { return op(asio::use_awaitable); };
           })});
    s.add({.name = "asio/awaitable_or_timer", .baseline = "asio/co_await_post", .run = awaited(awaitable_or_timer)});
    s.add({.name = "pipeline5/awaitable", .baseline = "asio/co_await_post", .run = awaited(awaited_five), .added = true});
}

}  // namespace

int main(int argc, char** argv) {
    suite s(argc, argv);
    s.add({.name = "asio/timer_arm_cancel", .run = asio_timer()});
    s.add({.name = "wheel/arm_cancel", .baseline = "asio/timer_arm_cancel", .run = wheel(false), .target = 45});
    s.add({.name = "wheel/arm_cancel/base", .baseline = "asio/timer_arm_cancel", .run = wheel(true), .target = 20});
    add_calls(s);
    add_coroutines(s);
    s.play();
}

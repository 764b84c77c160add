// SPDX-License-Identifier: BSL-1.0
// The pipeline, the timers and the resolver.

#include "../support/conformance.hpp"
#include "../support/scripted_operation.hpp"

#include <kedge/detail/resolve.hpp>
#include <kedge/pipeline.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

using namespace kedge_test;

namespace {

struct five_policies {
    auto pipeline() {
        const kedge::retry_options again{.max_retries = 1, .base = 900ms, .spread = kedge::jitter::none, .idempotent = true};
        return kedge::pipeline{sim, kedge::total_timeout{30s}, kedge::retry{again}, kedge::circuit_breaker{},
                               kedge::concurrency_limit{1}, kedge::timeout{10s}};
    }
    void call(std::vector<scripted_step> steps, conformance_handler h) {
        pipeline().async_call(scripted_operation(sim.get_executor(), std::move(steps)), std::move(h));
    }
    void await(kedge::nanoseconds time, conformance_handler h) {
        const auto sleep = [ex = sim.get_executor(), time]() -> asio::awaitable<void> {
            co_await kedge::async_sleep(ex, time, asio::use_awaitable);
        };
        pipeline().async_call(sleep, std::move(h));
    }

    kedge::testing::simulation sim;
};

constexpr auto lost = asio::error::connection_reset;

struct timers {
    void wait(kedge::nanoseconds time, conformance_handler h) {
        timer.expires_after(time);
        timer.async_wait(std::move(h));
    }

    kedge::testing::simulation sim;
    kedge::timer timer{sim};
};

}  // namespace

TEST_CASE("pipeline::async_call conforms", "[conformance]") {
    using world = five_policies;
    check_conformance<world>({
        .name = "of an Asio operation",
        .at_once = [](world& w, conformance_handler h) { w.call({{0s}}, std::move(h)); },
        .later = [](world& w, conformance_handler h) { w.call({{1s}}, std::move(h)); },
        .between = [](world& w, conformance_handler h) { w.call({{100ms, lost}, {0s}}, std::move(h)); },
    });
    check_conformance<world>({
        .name = "of a coroutine",
        .at_once = [](world& w, conformance_handler h) { w.await(0s, std::move(h)); },
        .later = [](world& w, conformance_handler h) { w.await(1s, std::move(h)); },
        .promises = terminal_only,  // what a coroutine hears, unless it asks for more
    });
}

TEST_CASE("timers conform", "[conformance]") {
    check_conformance<timers>({
        .name = "timer::async_wait",
        .at_once = [](timers& w, conformance_handler h) { w.wait(0s, std::move(h)); },
        .later = [](timers& w, conformance_handler h) { w.wait(1s, std::move(h)); },
    });
    check_conformance<timers>({
        .name = "async_sleep",
        .at_once = [](timers& w, conformance_handler h) { kedge::async_sleep(w.sim, 0s, std::move(h)); },
        .later = [](timers& w, conformance_handler h) { kedge::async_sleep(w.sim, 1s, std::move(h)); },
    });
}

TEST_CASE("runtime::async_resolve conforms", "[conformance]") {
    check_conformance<timers>({
        .name = "async_resolve",
        .at_once = [](timers& w, conformance_handler h) {
            kedge::runtime::of(w.sim.get_executor()).async_resolve("localhost", "80", std::move(h));
        },
        .uses_memory = false,
    });
}

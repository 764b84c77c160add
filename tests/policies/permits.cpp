// SPDX-License-Identifier: BSL-1.0
// Several policies admit one call: all or nothing, and what nobody used is given back as if nothing had been.

#include "../support/catch.hpp"
#include "../support/scripted_operation.hpp"

#include <kedge/pipeline.hpp>
#include <kedge/testing/simulation.hpp>

#include <atomic>
#include <thread>
#include <vector>

using namespace kedge_test;
using kedge::errc;

namespace {

/// A breaker whose next admission is a probe, of which there is one at a time.
void let_probe(kedge::circuit_breaker& breaker, kedge::testing::simulation& sim) {
    for (int i = 0; i < 5; ++i) breaker.try_acquire(sim.now()).failure();
    sim.run_for(breaker.snapshot(sim.now()).next_probe_in);
}

}  // namespace

TEST_CASE("a policy that refuses ends the permits of those before it as neutral", "[permits]") {
    kedge::testing::simulation sim;
    kedge::circuit_breaker breaker;
    kedge::concurrency_limit outer(2), inner(1);
    let_probe(breaker, sim);
    scripted_operation op(sim.get_executor(), {{1ms}});
    const auto refused_with = [&](const auto& pipeline, errc expected) {
        for (int i = 0; i < 3; ++i) {
            error_code end;
            pipeline.async_call(op, [&](error_code ec, int) { end = ec; });
            sim.run();
            CHECK(end == expected);
        }
        CHECK(op.attempts() == 0);
        CHECK(outer.snapshot().in_flight == 0);
        CHECK(breaker.snapshot(sim.now()).state == kedge::breaker_state::half_open);
        CHECK(breaker.try_acquire(sim.now()));
    };
    SECTION("a full limit") {
        const auto place = inner.try_acquire();
        refused_with(kedge::pipeline{sim, outer, breaker, inner}, errc::limit_full);
    }
    SECTION("another breaker") {
        kedge::circuit_breaker open;
        const auto shut = open.isolate();
        refused_with(kedge::pipeline{sim, outer, breaker, open}, errc::circuit_open);
    }
    SECTION("a limit of time that has passed") {
        refused_with(kedge::pipeline{sim, outer, breaker, kedge::timeout{0s}}, errc::timed_out);
    }
}

TEST_CASE("threads that race for the last place of a limit never exceed it", "[permits][concurrency_limit][tsan]") {
    kedge::concurrency_limit limit(3);
    std::atomic<int> inside{0}, most{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 5'000; ++i) {
                const auto place = limit.try_acquire();
                if (!place) continue;
                const int now = ++inside;
                for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {}
                std::this_thread::yield();
                --inside;
            }
        });
    for (auto& t : threads) t.join();
    CHECK(most <= 3);
    CHECK(limit.snapshot().in_flight == 0);
}

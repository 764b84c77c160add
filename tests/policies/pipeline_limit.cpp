// SPDX-License-Identifier: BSL-1.0

#include "../support/catch.hpp"
#include "../support/play.hpp"

#include <kedge/pipeline.hpp>

using namespace kedge_test;
using kedge::errc;
using kedge::testing::simulation;

TEST_CASE("a concurrency limit queues in order and refuses beyond", "[pipeline][concurrency_limit]") {
    simulation sim;
    kedge::concurrency_limit limit(1, 1);
    const kedge::pipeline p{sim, limit};
    scripted_operation op(sim.get_executor(), {{1s, {}}});
    std::vector<std::pair<int, error_code>> ends;
    for (int i = 0; i < 3; ++i) p.async_call(op, [&, i](error_code ec, int) { ends.emplace_back(i, ec); });
    CHECK(limit.snapshot().in_flight == 1);
    CHECK(limit.snapshot().waiting == 1);
    sim.run();
    REQUIRE(ends.size() == 3);
    CHECK(ends[0] == std::pair<int, error_code>(2, errc::limit_full));
    CHECK(ends[1] == std::pair<int, error_code>(0, error_code()));
    CHECK(ends[2] == std::pair<int, error_code>(1, error_code()));
    CHECK(limit.snapshot().in_flight == 0);
}

TEST_CASE("a probe does not queue for a limit, and its place among the probes comes back", "[pipeline][concurrency_limit]") {
    simulation sim;
    const kedge::circuit_breaker breaker{{.consecutive_failures = 1, .window = 0s, .open_for = 1s}};
    kedge::concurrency_limit limit(1, 9);
    const kedge::pipeline p{sim, breaker, limit};
    scripted_operation fails(sim.get_executor(), {{0ms, boost::asio::error::connection_reset}, {0ms, {}}});
    CHECK(play(sim, p, fails)->ec);
    sim.run_for(2s);
    auto elsewhere = limit.try_acquire();
    CHECK(play(sim, p, fails)->ec == errc::limit_full);
    CHECK(breaker.snapshot(sim.now()).state == kedge::breaker_state::half_open);
    elsewhere.neutral();
    CHECK(!play(sim, p, fails)->ec);
}

TEST_CASE("time passes in the queue of a limit", "[pipeline][concurrency_limit]") {
    simulation sim;
    kedge::concurrency_limit limit(1, 1);
    const kedge::pipeline p{sim, kedge::total_timeout{2s}, limit};
    scripted_operation op(sim.get_executor(), {{10s, {}, true}});
    std::optional<error_code> first, second;
    kedge::call_report report;
    p.async_call(op, [&](error_code ec, int) { first = ec; });
    p.async_call(op, kedge::call{.report = &report}, [&](error_code ec, int) { second = ec; });
    sim.run();
    CHECK(second == errc::deadline_too_short);
    CHECK(report.stopped_by == kedge::stage::limit);
    CHECK(!*first);  // deaf, and late, and a success all the same
    CHECK(limit.snapshot().in_flight == 0);
}

// SPDX-License-Identifier: BSL-1.0
// What a call costs the heap: nothing once it is warm; and nothing of it is left when its handler runs.

#include "../support/catch.hpp"
#include "../support/counting_allocator.hpp"
#include "../support/sanitizers.hpp"
#include "../support/scripted_operation.hpp"

#include <kedge/pipeline.hpp>
#include <kedge/testing/simulation.hpp>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <optional>
#include <string>

namespace {

using namespace std::chrono_literals;
using namespace kedge_test;
using kedge::errc;

/// Makes a call behind five policies with memory that is counted, and says how it ended.
struct counted_call {
    error_code play(scripted_operation op, std::optional<kedge::nanoseconds> cancel_after = {}) {
        std::optional<error_code> end;
        auto handler = [&](error_code ec, int) {
            CHECK(memory.live == 0);
            end = ec;
        };
        const kedge::retry_options again{.max_retries = 1, .base = 1s, .spread = kedge::jitter::none, .idempotent = true};
        const kedge::pipeline p{sim, kedge::total_timeout{10s}, kedge::retry{again}, breaker, limit, kedge::timeout{1s}};
        p.async_call(op, asio::bind_allocator(counting_allocator<int>(memory),
                                              asio::bind_cancellation_slot(signal.slot(), handler)));
        CHECK(memory.live > 0);
        if (cancel_after) {
            sim.run_for(*cancel_after);
            signal.emit(asio::cancellation_type::terminal);
        }
        sim.run();
        CHECK(memory.live == 0);
        return end.value();
    }

    scripted_operation ending(std::vector<scripted_step> steps) { return {sim.get_executor(), std::move(steps)}; }

    kedge::testing::simulation sim;
    kedge::circuit_breaker breaker{{.consecutive_failures = 3, .window = 0s}};
    kedge::concurrency_limit limit{1, 1};
    asio::cancellation_signal signal;
    memory_tally memory;
};

}  // namespace

TEST_CASE("nothing of a call is alive in its upcall, whichever way it ends", "[allocations]") {
    constexpr auto lost = asio::error::connection_reset, refused = asio::error::connection_refused;
    counted_call c;
    CHECK(c.play(c.ending({{1ms}})) == error_code());
    CHECK(c.play(c.ending({{1ms, refused}, {1ms}})) == error_code());
    CHECK(c.play(c.ending({{1ms, lost}})) == lost);
    CHECK(c.play(c.ending({{1ms, lost}})) == lost);
    CHECK(c.play(c.ending({{1ms}})) == errc::circuit_open);
    c.breaker.reset(c.sim.now());
    CHECK(c.play(c.ending({{2s}})) == errc::timed_out);
    CHECK(c.play(c.ending({{9s}}), 500ms) == asio::error::operation_aborted);
    CHECK(c.play(c.ending({{1ms, lost}}), 500ms) == asio::error::operation_aborted);  // between two attempts
    auto place = c.limit.try_acquire();
    c.breaker.reset(c.sim.now());
    CHECK(c.play(c.ending({{1ms}})) == errc::deadline_too_short);
    CHECK(c.play(c.ending({{1ms}}), 500ms) == asio::error::operation_aborted);
}

#if !defined(KEDGE_TEST_ADDRESS_SANITIZER) && !defined(KEDGE_TEST_THREAD_SANITIZER)
#include "../../benchmarks/support/counted_malloc.hpp"
#include "../../benchmarks/support/loop.hpp"

namespace {

using kedge::threading::one_thread;

/// What a thousand more calls behind these policies allocate, in a chain where the handler of one makes the next.
/// (Asio keeps memory for the next operation as long as `run` lasts, so each run warms up anew.)
template <class... Policies> std::uint64_t mallocs(int concurrency_hint, bool slots, Policies... policies) {
    const auto make = [=](boost::asio::io_context& io) {
        return [p = kedge::pipeline{io, policies...}, op = kedge_bench::post_operation{io.get_executor()}](auto handler) {
            p.async_call(op, std::move(handler));
        };
    };
    kedge_bench::chain calls(concurrency_hint, make, slots);
    const auto of = [&](std::uint64_t n) {
        const std::uint64_t before = kedge_bench::allocation_count;
        calls.run(n);
        return kedge_bench::allocation_count - before;
    };
    of(100);
    const std::uint64_t to_warm_up = of(100);
    return of(1'100) - to_warm_up;
}

/// The same, safe on many threads and on the user's promise of one.
template <class... Policies> void check_no_malloc(Policies... policies) {
    for (const bool slots : {false, true}) {
        INFO((slots ? "with" : "without") << " a connected slot");
        CHECK(mallocs(2, slots, policies...) == 0);
        CHECK(mallocs(1, slots, one_thread{}, policies...) == 0);
    }
}

}  // namespace

TEST_CASE("in steady state a call allocates nothing", "[allocations]") {
    const kedge::retry retry{{.idempotent = true}};
    SECTION("no policy") { check_no_malloc(); }
    SECTION("timeout") { check_no_malloc(kedge::timeout{10s}); }
    SECTION("retry") { check_no_malloc(retry); }
    SECTION("five policies") {
        check_no_malloc(kedge::total_timeout{30s}, retry, kedge::circuit_breaker{}, kedge::concurrency_limit{1000},
                        kedge::timeout{10s});
    }
}

TEST_CASE("the counter of allocations counts", "[allocations]") {
    const std::uint64_t before = kedge_bench::allocation_count;
    delete new int;
    std::free(std::aligned_alloc(64, 64));
    CHECK(kedge_bench::allocation_count == before + 2);
}
#endif  // a sanitizer has replaced malloc already

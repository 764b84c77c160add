// SPDX-License-Identifier: BSL-1.0
#pragma once

// The columns that are pipelines. Every call is declared harmless to repeat, by itself and not by the policies, since
// the others repeat whatever they are given.
//
// The peers' defaults are written with kedge's policies, so that the rows compare settings and not code. What those
// cannot say is noted at each, and in benchmarks/README.md what it changes.

#include "world.hpp"

#include <kedge/pipeline.hpp>
#include <kedge/standard.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace survival {

/// One request to a dependency, as an operation `void(error_code)`.
struct request {
    dependency* to;
    std::uint64_t call;

    template <class Token> auto operator()(const kedge::attempt& a, Token&& token) const {
        namespace asio = boost::asio;
        const answer said = to->ask(call, a.number);
        return kedge::async_sleep(to->sim, said.after, asio::deferred([error = said.error](error_code stopped) {
                                      return asio::deferred.values(stopped ? stopped : error);
                                  }))(std::forward<Token>(token));
    }
};

/// Whether a column has a policy that keeps a deadline. One without is not told any.
enum class deadlines : bool { ignored, kept };

template <class Pipeline> client through(dependency& to, Pipeline policies, deadlines told = deadlines::ignored) {
    return [&to, policies = std::move(policies), told](std::uint64_t call, ended done) {
        const time_point until = told == deadlines::kept ? to.deadline(call) : kedge::never;
        policies.async_call(request{&to, call}, kedge::call{.deadline = until, .repeating = kedge::repeat::harmless},
                            std::move(done));
    };
}

/// Pays for every retry.
inline kedge::retry_budget no_budget() { return kedge::retry_budget(1'000'000); }

/// No run of failures opens it, only a share of them.
inline constexpr int no_run = std::numeric_limits<int>::max();

/// kedge's breaker stays open for half to all of its time; this is the time with a mean of `span`.
constexpr nanoseconds open_about(nanoseconds span) { return span * 4 / 3; }

inline client no_policy(dependency& to, int) { return through(to, kedge::pipeline{to.sim}); }

inline client plain_retry(dependency& to, int) {
    return through(to, kedge::pipeline{to.sim, kedge::retry({.max_retries = 3, .base = 100ms, .cap = 100ms,
                                                             .spread = kedge::jitter::none}, no_budget())});
}

inline client breaker_only(dependency& to, int) {
    return through(to, kedge::pipeline{to.sim, kedge::circuit_breaker{{.on_event = to.watch()}}});
}

/** The standard handler of Microsoft.Extensions.Http.Resilience: rate limiter (1000 at a time, no queue) ⊃ total timeout
 *  30 s ⊃ retry (3, exponential from 2 s with jitter) ⊃ breaker (a tenth of at least 100 calls in 30 s, open for 5 s) ⊃
 *  attempt timeout 10 s. Its jitter has a median of 2 s · 2^n and reaches to about twice that, as full jitter from 4 s does.
 *  Not sayable: it opens when the ratio is reached, and closes after one good probe; kedge when the ratio is exceeded
 *  clearly, and after three.
 */
inline client microsoft(dependency& to, int) {
    const kedge::circuit_breaker breaker({.consecutive_failures = no_run, .failure_ratio = 0.1, .window = 30s,
                                          .minimum_calls = 100, .open_for = open_about(5s),
                                          .open_for_max = open_about(5s), .on_event = to.watch()});
    return through(to, kedge::pipeline{to.sim, kedge::concurrency_limit{1000}, kedge::total_timeout{30s},
                                       kedge::retry({.max_retries = 3, .base = 4s, .cap = 16s}, no_budget()), breaker,
                                       kedge::timeout{10s}},
                   deadlines::kept);
}

/** resilience4j's defaults in the order of its annotations: retry (3 attempts, 500 ms apart) ⊃ breaker (half of the last
 *  100 calls, open for 60 s) ⊃ time limiter 1 s ⊃ bulkhead (25 at a time, no queue). Its window counts calls; here it is
 *  the time in which a hundred come, and a tenth more, since kedge's window loses a tenth at a time. When a healthy
 *  dependency stops answering, half of the last hundred is fifty in a row.
 *  Not sayable: it probes with ten calls of which half may fail, and repeats what its own breaker or bulkhead refused.
 */
inline client resilience4j(dependency& to, int calls_per_second) {
    const nanoseconds window = std::max<nanoseconds>(nanoseconds(112s) / calls_per_second, 100ms);
    const kedge::circuit_breaker breaker({.consecutive_failures = 50, .failure_ratio = 0.5, .window = window,
                                          .minimum_calls = 100, .open_for = open_about(60s),
                                          .open_for_max = open_about(60s), .on_event = to.watch()});
    return through(to, kedge::pipeline{to.sim,
                                       kedge::retry({.max_retries = 2, .base = 500ms, .cap = 500ms,
                                                     .spread = kedge::jitter::none}, no_budget()),
                                       breaker, kedge::timeout{1s}, kedge::concurrency_limit{25}});
}

inline client kedge_defaults(dependency& to, int) {
    return through(to, kedge::standard(to.sim, {.on_event = to.watch()}), deadlines::kept);
}

}  // namespace survival

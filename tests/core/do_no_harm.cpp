// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <kedge/core/circuit_breaker.hpp>
#include <kedge/core/retry.hpp>

#include <cstdint>

// The first rule of the breaker: with steady random errors calls must not fare worse behind it than without it.

using namespace std::chrono_literals;
using kedge::kind;
using kedge::time_point;

namespace {

/// splitmix64: equal on every compiler.
struct chance {
    std::uint64_t state;

    std::uint64_t operator()() {
        std::uint64_t x = state += 0x9e37'79b9'7f4a'7c15;
        x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
        x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
        return x ^ (x >> 31);
    }
};

/// The share of calls that succeed, `per_second` calls of which each attempt fails with `percent`.
double share(unsigned percent, int per_second, int retries) {
    chance draw{percent * 1000U + static_cast<unsigned>(per_second)};
    const time_point start{1h};
    kedge::core::circuit_breaker breaker({}, start);
    kedge::core::retry_budget budget(100);
    const kedge::core::retry_rules rules{retries, {}, 5s};
    const int calls = 60'000;
    int good = 0;
    for (int i = 0; i < calls; ++i) {
        const time_point now = start + i * kedge::nanoseconds(1s) / per_second;
        for (int attempt = 1;; ++attempt) {
            const auto admitted = breaker.admit(now, draw());
            if (admitted.why != kedge::refusal::none) break;
            const kedge::verdict said{draw() % 100 < percent ? kind::failure : kind::success, kedge::replay::always};
            breaker.settle(admitted.ticket, {said, now, now, {}}, draw());
            good += said.judged == kind::success;
            if (!decide(rules, budget, {.number = attempt, .said = said, .now = now, .random = draw()}).again()) break;
        }
    }
    return static_cast<double>(good) / calls;
}

/// What a breaker alone costs, without a retry, as a share of the calls. Where the window holds hardly more calls than
/// `minimum_calls`, random errors look like an outage now and then, and what it takes to find out costs more than 0.5 %.
double may_lose(unsigned percent, int per_second) {
    if (percent == 30 && per_second == 1) return 0.05;
    if (percent == 30 && per_second == 3) return 0.3;
    if (percent == 20 && per_second == 3) return 0.012;
    return 0.005;
}

}  // namespace

TEST_CASE("do no harm: random errors with the default retry", "[circuit_breaker]") {
    for (const unsigned percent : {1U, 5U, 10U, 20U, 30U}) {
        for (const int per_second : {1, 3, 10, 100, 1000}) {
            INFO(percent << " % of errors, " << per_second << " calls/s");
            CHECK(share(percent, per_second, 3) >= 1 - percent / 100.);
        }
    }
}

TEST_CASE("do no harm: random errors and a breaker alone", "[circuit_breaker]") {
    for (const unsigned percent : {1U, 5U, 10U, 20U, 30U}) {
        for (const int per_second : {1, 3, 10, 100, 1000}) {
            INFO(percent << " % of errors, " << per_second << " calls/s");
            CHECK(share(percent, per_second, 0) >= 1 - percent / 100. - may_lose(percent, per_second));
        }
    }
}

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

constexpr unsigned percents[] = {1, 5, 10, 20, 30};
constexpr int rates[] = {1, 2, 3, 4, 5, 7, 10, 100, 1000};  // calls a second

/// How many calls succeed behind a breaker, and how many do without: the first attempt of each.
struct successes {
    int behind = 0, without = 0;
};

successes play(unsigned percent, int per_second, int retries, int calls) {
    chance draw{percent * 1000U + static_cast<unsigned>(per_second)};
    const time_point start{1h};
    kedge::core::circuit_breaker breaker({}, start);
    kedge::core::retry_budget budget(100);
    const kedge::core::retry_rules rules{retries, {}, 5s};
    successes good;
    for (int i = 0; i < calls; ++i) {
        const time_point now = start + i * kedge::nanoseconds(1s) / per_second;
        for (int attempt = 1;; ++attempt) {
            const kedge::verdict said{draw() % 100 < percent ? kind::failure : kind::success, kedge::replay::always};
            good.without += attempt == 1 && said.judged == kind::success;
            const auto admitted = breaker.admit(now, draw());
            if (admitted.why != kedge::refusal::none) break;
            breaker.settle(admitted.ticket, {said, now, now, {}}, draw());
            good.behind += said.judged == kind::success;
            if (!decide(rules, budget, {.number = attempt, .said = said, .now = now, .random = draw()}).again()) break;
        }
    }
    return good;
}

}  // namespace

TEST_CASE("do no harm: random errors with the default retry", "[circuit_breaker]") {
    for (const unsigned percent : percents) {
        for (const int per_second : rates) {
            INFO(percent << " % of errors, " << per_second << " calls/s");
            const successes good = play(percent, per_second, 3, 30'000);
            CHECK(good.behind >= good.without);
        }
    }
}

TEST_CASE("do no harm: random errors cost a breaker alone less than 0.5 % of the calls", "[circuit_breaker]") {
    for (const unsigned percent : percents) {
        for (const int per_second : rates) {
            INFO(percent << " % of errors, " << per_second << " calls/s");
            const int calls = percent >= 20 && per_second < 10 ? 250'000 : 40'000;  // more where it opens now and then
            const successes good = play(percent, per_second, 0, calls);
            CHECK(good.behind >= good.without - calls / 200);
        }
    }
}

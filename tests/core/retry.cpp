// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <kedge/core/retry.hpp>

using namespace std::chrono_literals;
using namespace kedge::core;
using kedge::jitter;
using kedge::kind;
using kedge::replay;
using kedge::time_point;
using kedge::verdict;

namespace {

constexpr time_point now{1h};
constexpr retry_rules rules{3, {100ms, 2s, jitter::none}, 5s};

retry_decision after(attempt_end end) {
    end.now = now;
    retry_budget budget(100);
    return decide(rules, budget, end);
}

constexpr verdict refused{kind::failure, replay::always}, reset{kind::failure, replay::if_idempotent},
    certificate{kind::failure, replay::never}, busy{kind::overload, replay::if_idempotent};

}  // namespace

TEST_CASE("retry: which results are followed by another attempt", "[retry]") {
    using enum repeatable;
    using enum retry_stop;
    struct row {
        const char* story;
        verdict said;
        repeatable allowed;
        retry_stop expected;
    };
    const row table[] = {
        {"success", {}, everything, settled},
        {"cancelled", {kind::neutral, replay::never}, everything, settled},
        {"not sent", refused, unsent, none},
        {"not sent, and harmless", refused, everything, none},
        {"not sent, but forbidden", refused, nothing, not_retryable},
        {"perhaps sent", reset, unsent, not_idempotent},
        {"perhaps sent, and harmless", reset, everything, none},
        {"perhaps sent, and forbidden", reset, nothing, not_retryable},
        {"pointless", certificate, everything, not_retryable},
        {"throttled", busy, everything, none},
        {"asked to come back", {kind::neutral, replay::if_idempotent}, everything, none},
        {"asked to come back, perhaps sent", {kind::neutral, replay::if_idempotent}, unsent, not_idempotent},
    };
    for (const row& r : table) {
        INFO(r.story);
        CHECK(after({.said = r.said, .allowed = r.allowed}).stop == r.expected);
    }
}

TEST_CASE("retry: three retries are four attempts", "[retry]") {
    CHECK(after({.number = 3, .said = refused}).again());
    CHECK(after({.number = 3, .said = refused}).wait == 400ms);
    CHECK(after({.number = 4, .said = refused}).stop == retry_stop::exhausted);
    retry_budget budget(1);
    CHECK(decide({0, {}, 5s}, budget, {.number = 1, .said = refused}).stop == retry_stop::exhausted);
}

TEST_CASE("retry: a cancelled call is not repeated", "[retry]") {
    CHECK(after({.said = refused, .cancelled = true}).stop == retry_stop::cancelled);
}

TEST_CASE("retry: a hint is waited for, up to max_hint", "[retry]") {
    verdict said = busy;
    said.retry_after = 5s;
    const auto obeyed = after({.said = said, .allowed = repeatable::everything});
    CHECK(obeyed.again());
    CHECK(obeyed.wait >= 5s);
    said.retry_after = 5s + 1ns;
    CHECK(after({.said = said, .allowed = repeatable::everything}).stop == retry_stop::hint_too_long);
}

TEST_CASE("retry: who asks to be asked again gets as much time as who is overloaded", "[retry]") {
    const auto waits = [](kind judged) {
        return after({.said = {judged, replay::if_idempotent}, .allowed = repeatable::everything}).wait;
    };
    CHECK(waits(kind::neutral) == waits(kind::overload));
    CHECK(waits(kind::neutral) >= 1s);
}

TEST_CASE("retry: no wait and no attempt that cannot end before the deadline", "[retry]") {
    CHECK(after({.said = refused, .deadline = now + 100ms + least_attempt}).again());
    CHECK(after({.said = refused, .deadline = now + 100ms + least_attempt - 1ns}).stop == retry_stop::deadline);
    CHECK(after({.said = refused, .deadline = now - 1s}).stop == retry_stop::deadline);
    CHECK(after({.said = refused, .deadline = kedge::never}).again());
}

TEST_CASE("retry: only a retry that takes place is paid for", "[retry]") {
    retry_budget budget(1);
    const auto ask = [&](attempt_end end) {
        end.now = now;
        return decide(rules, budget, end).stop;
    };
    CHECK(ask({.number = 4, .said = refused}) == retry_stop::exhausted);
    CHECK(ask({.said = refused, .deadline = now}) == retry_stop::deadline);
    CHECK(ask({.said = reset}) == retry_stop::not_idempotent);
    CHECK(budget.tokens(now) == 1.);
    CHECK(ask({.said = refused}) == retry_stop::none);
    CHECK(ask({.said = refused}) == retry_stop::budget);
}

TEST_CASE("retry: a success deposits only at the first try", "[retry]") {
    retry_budget budget(10);
    while (budget.withdraw(now)) {}
    for (int i = 0; i < 100; ++i) decide(rules, budget, {.number = 2, .now = now});
    CHECK(budget.tokens(now) == 0.);
    for (int i = 0; i < 10; ++i) decide(rules, budget, {.number = 1, .now = now});
    CHECK(budget.tokens(now) == Approx(1.));
}

TEST_CASE("retry: in a total outage retries end with the budget", "[retry]") {
    retry_budget budget(100);
    int attempts = 0;
    time_point t = now;
    for (int call = 0; call < 10'000; ++call, t += 10ms) {
        for (int number = 1;; ++number) {
            ++attempts;
            if (!decide(rules, budget, {.number = number, .said = refused, .now = t}).again()) break;
        }
    }
    CHECK(attempts <= 10'000 + 100 + 100);  // the cap, and one a second for 100 s
    CHECK(attempts >= 10'000 + 100 + 99);
}

// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <kedge/core/breaker_window.hpp>

#include <random>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using kedge::time_point;
using kedge::core::breaker_window;

TEST_CASE("window: a call leaves it after nine tenths to one length", "[breaker_window]") {
    for (int step = 0; step < 100; ++step) {
        breaker_window w(10s);
        const time_point first{1h}, then = first + step * 100ms;
        w.add(first, false);
        w.add(then, true);
        w.advance(then + 9s - 1ns);
        CHECK(w.counts().failures == 1);
        w.advance(then + 10s);
        CHECK(w.counts().failures == 0);
    }
}

TEST_CASE("window: it agrees with a list of calls, to a bucket", "[breaker_window]") {
    std::mt19937 random(7);
    breaker_window w(1s);
    std::vector<std::pair<time_point, bool>> all;
    time_point now{1h};
    for (int i = 0; i < 20'000; ++i) {
        now += kedge::nanoseconds(random() % (i % 100 == 0 ? 2'000'000'000 : 20'000'000));
        const bool failed = random() % 3 == 0;
        w.add(now, failed);
        all.emplace_back(now, failed);
        int sure = 0, possible = 0;
        for (auto it = all.rbegin(); it != all.rend() && it->first > now - 1s; ++it) {
            if (!it->second) continue;
            ++possible;
            sure += it->first > now - 900ms;
        }
        REQUIRE(w.counts().failures >= sure);
        REQUIRE(w.counts().failures <= possible);
    }
}

TEST_CASE("window: a bucket that is over sends the caller to the lock", "[breaker_window]") {
    breaker_window w(10s);
    const time_point now{1h};
    CHECK_FALSE(w.try_add(now, false));
    w.add(now, false);
    CHECK(w.try_add(now + 1s - 1ns, false));
    CHECK(w.try_add(now - 10ms, false));
    CHECK_FALSE(w.try_add(now + 1s, false));
    CHECK(w.counts().calls == 3);
}

TEST_CASE("window: it tells how long nothing has succeeded, to a bucket", "[breaker_window]") {
    breaker_window w(10s);
    const time_point now{1h};
    w.add(now, false);
    for (const auto later : {500ms, 1500ms, 2500ms}) w.add(now + later, true);
    CHECK(w.without_success(now + 2500ms, 1s));
    CHECK_FALSE(w.without_success(now + 2500ms, 2s));  // the success may be as young as its bucket
    w.add(now + 2600ms, false);
    CHECK_FALSE(w.without_success(now + 2600ms, 0s));
    CHECK_FALSE(breaker_window(0s).without_success(now, 1s));
    breaker_window brief(500ms);
    brief.add(now, true);
    CHECK_FALSE(brief.without_success(now + 40ms, 1s));
}

TEST_CASE("window: what leaves it fades, and is forgotten after as long without a call", "[breaker_window]") {
    breaker_window w(10s);
    const time_point now{1h};
    for (int i = 0; i < 60; ++i) w.add(now, i % 3 == 0);
    CHECK(w.past().calls == 0);
    w.add(now + 9s, false);
    w.add(now + 10s, false);
    CHECK(w.past().calls == 60);
    CHECK(w.past().failures == 20);
    w.add(now + 11s, false);
    CHECK(w.past().calls == 59);
    w.clear(now + 12s);
    CHECK(w.past().calls == 59);
    w.add(now + 22s, false);
    CHECK(w.past().calls == 0);
}

TEST_CASE("window: zero length counts nothing and never asks for the lock", "[breaker_window]") {
    breaker_window w(0s);
    CHECK(w.try_add(time_point{1h}, true));
    CHECK(w.try_add(kedge::never, true));
    w.add(time_point{2h}, true);
    CHECK(w.counts().calls == 0);
}

TEST_CASE("window: ends of time", "[breaker_window]") {
    breaker_window w(1h);
    w.add(time_point{0s}, true);
    w.add(kedge::never, true);
    w.advance(kedge::never);
    CHECK(w.counts().calls <= 1);
}

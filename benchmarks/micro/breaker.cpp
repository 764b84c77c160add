// SPDX-License-Identifier: BSL-1.0
// What a circuit breaker costs a call that it lets through, and one that it refuses. The pipeline reads the clock once
// for all its policies, so the rows `closed` are given the time; `closed/clock` reads it as code without a pipeline does.

#include <kedge/circuit_breaker.hpp>

#include <support/harness.hpp>

#include <mutex>

using namespace std::chrono_literals;
using kedge_bench::row;

namespace {

/// What people write by hand: counts failures in a row under a mutex.
class mutex_breaker {
public:
    bool allow() {
        std::lock_guard lock(mutex_);
        return failures_ < 5;
    }
    void success() {
        std::lock_guard lock(mutex_);
        failures_ = 0;
    }

private:
    std::mutex mutex_;
    int failures_ = 0;
};

auto closed(const kedge::circuit_breaker& breaker) {
    return [breaker](int, std::uint64_t n) {
        kedge::time_point now = kedge::coarse_now();
        for (std::uint64_t i = 0; i < n; ++i, now += 20ns) {
            kedge::permit permit = breaker.try_acquire(now);
            permit.success(now);
        }
    };
}

auto closed_with_clock(const kedge::circuit_breaker& breaker) {
    return [breaker](int, std::uint64_t n) {
        for (std::uint64_t i = 0; i < n; ++i) {
            kedge::permit permit = breaker.try_acquire();
            permit.success();
        }
    };
}

auto refused(const kedge::circuit_breaker& breaker) {
    return [breaker](int, std::uint64_t n) {
        for (std::uint64_t i = 0; i < n; ++i) {
            const kedge::permit permit = breaker.try_acquire();
            kedge_bench::keep(permit.why());
        }
    };
}

kedge::circuit_breaker opened() {
    kedge::circuit_breaker breaker{{.consecutive_failures = 1, .window = 0s, .open_for = 1h, .open_for_max = 1h}};
    breaker.try_acquire().failure();
    return breaker;
}

}  // namespace

int main(int argc, char** argv) {
    kedge_bench::suite suite(argc, argv);
    mutex_breaker by_hand;
    const kedge_bench::work hand = [&](int, std::uint64_t n) {
        for (std::uint64_t i = 0; i < n; ++i)
            if (by_hand.allow()) by_hand.success();
    };
    const kedge::circuit_breaker consecutive{{.window = 0s}}, window{{}}, open = opened();

    suite.add({.name = "hand/mutex_breaker", .run = hand});
    suite.add({.name = "hand/mutex_breaker/2_threads", .run = hand, .threads = 2});
    suite.add({.name = "breaker/consecutive/closed", .baseline = "hand/mutex_breaker", .run = closed(consecutive), .target = 3});
    suite.add({.name = "breaker/consecutive/closed/2_threads", .baseline = "breaker/consecutive/closed",
               .run = closed(consecutive), .threads = 2});
    suite.add({.name = "breaker/window/closed", .baseline = "hand/mutex_breaker", .run = closed(window), .target = 20});
    suite.add({.name = "breaker/window/closed/2_threads", .baseline = "breaker/window/closed", .run = closed(window),
               .threads = 2});
    suite.add({.name = "breaker/window/closed/clock", .baseline = "hand/mutex_breaker", .run = closed_with_clock(window)});
    suite.add({.name = "breaker/open/reject", .baseline = "hand/mutex_breaker", .run = refused(open), .target = 8});
    suite.play();
}

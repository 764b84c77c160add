// SPDX-License-Identifier: BSL-1.0
#include "support/breaker_story.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <string>

// How a breaker tells an outage from bad luck: every sequence of ten results and pauses, against a model that keeps a list
// of all calls and begins its sums anew each time.

using namespace kedge_test;

namespace {

constexpr kedge::core::breaker_rules rules{
    .consecutive_failures = 2, .failure_ratio = 0.5, .window = 10s, .minimum_calls = 4};
constexpr int pause = 5;  // seconds, and buckets

struct model {
    struct call {
        int second;
        bool failed;
    };
    struct sums {
        double calls = 0, failures = 0;
    };
    std::vector<call> all;
    int now = 0;

    /// The first `n` calls: those in the window, or those that have left it. Of the latter a sixtieth fades each second.
    sums of_first(std::size_t n, bool in_window) const {
        sums s;
        for (std::size_t i = 0; i < n; ++i) {
            const int age = now - all[i].second;
            if ((age < 10) != in_window) continue;
            const double weight = in_window ? 1 : std::pow(59. / 60, age - 10);
            s.calls += weight;
            s.failures += all[i].failed ? weight : 0;
        }
        return s;
    }

    /// Whether this failure opens it.
    bool fail(std::size_t run, double usual, int run_began) const {
        const sums window = of_first(all.size(), true);
        const bool enough = window.calls >= 4;
        const double deviation = std::sqrt(window.calls * 0.5 * 0.5);
        const bool crowded = window.failures == window.calls || window.failures - window.calls / 2 >= 2 * deviation;
        if (enough && crowded) return true;
        const bool luck = window.calls * std::pow(usual, static_cast<double>(run)) >= 0.003;
        return run >= 2 && !luck && (!enough || now - run_began >= 1);
    }
};

/// Plays the results of a story into breaker and model; says where they part.
class pair {
public:
    bool agree_on(char event) {
        if (event == 'p') return pass(), true;
        if (!model_.all.empty() && model_.now - model_.all.back().second >= 10) model_.all.clear();
        const bool failed = event == 'f';
        if (failed && run_++ == 0) begin_run();
        if (!failed) run_ = 0;
        model_.all.push_back({model_.now, failed});
        breaker_.call(failed ? kind::failure : kind::success);
        opened_ = failed && model_.fail(run_, usual_, run_began_);
        return opened_ == !breaker_.changes.empty();
    }
    bool opened() const { return opened_; }

private:
    void pass() {
        model_.now += pause;
        breaker_.now += pause * 1s;
    }

    void begin_run() {
        const std::size_t before = model_.all.size();
        const auto inside = model_.of_first(before, true), outside = model_.of_first(before, false);
        const double failures = inside.failures + outside.failures;
        usual_ = failures < 0.5 ? 0 : std::min(0.5, (failures + 1) / (inside.calls + outside.calls + 2));
        run_began_ = model_.now;
    }

    story breaker_{rules};
    model model_;
    std::size_t run_ = 0;
    double usual_ = 0;
    int run_began_ = 0;
    bool opened_ = false;
};

struct tally {
    int stories = 0, opened = 0;
    std::string wrong{};
};

void play_all(std::string& events, std::size_t length, tally& seen) {
    pair both;
    for (const char e : events) {
        if (!both.agree_on(e)) return seen.wrong = events, void();
        if (both.opened()) return void(++seen.opened);
    }
    ++seen.stories;
    if (events.size() == length) return;
    for (const char e : {'s', 'f', 'p'}) {
        events.push_back(e);
        play_all(events, length, seen);
        events.pop_back();
    }
}

}  // namespace

TEST_CASE("breaker: every sequence of ten results and pauses opens it when the naive model says so",
          "[circuit_breaker][exhaustive]") {
    tally seen;
    std::string events;
    play_all(events, 10, seen);
    INFO(seen.wrong);
    CHECK(seen.wrong.empty());
    CHECK(seen.stories > 10'000);
    CHECK(seen.opened > 1'000);
}

TEST_CASE("breaker: a share of failures has to exceed its ratio by two standard deviations", "[circuit_breaker]") {
    struct row {
        double ratio;
        std::int64_t calls, enough;  // failures
    };
    for (const row r : {row{0.5, 20, 15}, {0.5, 100, 60}, {0.5, 1000, 532}, {0.1, 20, 5}, {0.9, 20, 20}, {1, 20, 20}}) {
        INFO(r.ratio << " of " << r.calls);
        CHECK(kedge::core::clearly_exceeds(r.ratio, {r.calls, r.enough}));
        CHECK_FALSE(kedge::core::clearly_exceeds(r.ratio, {r.calls, r.enough - 1}));
    }
}

TEST_CASE("breaker: which errors were usual is known after an outage, and forgotten by a reset", "[circuit_breaker]") {
    for (const bool reset : {false, true}) {
        story s;
        for (int i = 0; i < 20; ++i) {
            s.calls(2, kind::success, 1s);
            s.calls(1, kind::failure, 1s);
        }
        s.calls(9, kind::failure);
        REQUIRE(s.state() == breaker_state::open);
        s.pass_open_time();
        s.calls(3, kind::success);
        REQUIRE(s.state() == breaker_state::closed);
        if (reset) s.breaker.reset(s.now);
        s.trip();
        CHECK((s.state() == breaker_state::open) == reset);
    }
}

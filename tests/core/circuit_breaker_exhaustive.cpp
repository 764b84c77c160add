// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <kedge/core/circuit_breaker.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

// Every sequence of up to eight events of three callers, against a model that is as naive as can be: it remembers which
// admission belongs to which state's visit, and never looks at generations, serials or packed words. And from wherever a
// sequence ends the breaker closes again, though nobody who holds a permit ever ends it: no wedge can be reached.

using namespace std::chrono_literals;
using kedge::breaker_state;
using kedge::kind;
using kedge::refusal;
using kedge::time_point;

namespace {

constexpr int callers = 3, trip_after = 2;
constexpr kedge::nanoseconds open_for = 4s, lease = 3s;

struct held {
    std::uint64_t ticket = 0;  // the breaker's
    int visit = 0;             // the model's: in which visit of a state, and as which probe
    int probe = 0;
};

struct model {
    breaker_state state = breaker_state::closed;
    int visit = 0, run = 0, good = 0, probe_under_way = 0, probes_begun = 0, dead_cycles = 0, stale = 0;
    int now = 0, open_until = 0, lease_until = 0;  // seconds

    void go(breaker_state next) {
        state = next;
        ++visit;
        run = good = probe_under_way = 0;
    }
    void open() {
        if (state == breaker_state::half_open) dead_cycles = good == 0 ? dead_cycles + 1 : 0;
        go(breaker_state::open);
        const int doublings = dead_cycles > 1 ? dead_cycles - 1 : 0;
        open_until = now + static_cast<int>(open_for / 1s) * (1 << doublings);
    }
    void expire() {
        if (state == breaker_state::half_open && probe_under_way != 0 && now >= lease_until) open();
    }
    refusal admit(held& out) {
        expire();
        if (state == breaker_state::open) {
            if (now < open_until) return refusal::open;
            go(breaker_state::half_open);
        }
        out = {};
        out.visit = visit;
        if (state == breaker_state::closed) return refusal::none;
        if (probe_under_way != 0) return refusal::half_open_full;
        out.probe = probe_under_way = ++probes_begun;
        lease_until = now + static_cast<int>(lease / 1s);
        return refusal::none;
    }
    void settle(const held& h, kind said) {
        expire();
        if (h.visit != visit || (h.probe != 0 && h.probe != probe_under_way)) return void(++stale);
        if (state == breaker_state::closed) {
            if (said == kind::success) run = 0;
            if (said == kind::failure && ++run == trip_after) open();
            return;
        }
        probe_under_way = 0;
        if (said == kind::failure) open();
        if (said == kind::success && ++good == 3) go(breaker_state::closed);
    }
};

/// One path through the tree of events. The breaker cannot be copied, so each path is played from its start.
class path {
public:
    /// False: the event is impossible here (a caller who holds nothing cannot settle).
    bool play(int event) {
        if (event == 0) return now_ += 1, model_.now += 1, true;
        if (event == 1) return now_ += 4, model_.now += 4, true;
        const int who = (event - 2) / 3, what = (event - 2) % 3;
        auto& mine = holds_[static_cast<std::size_t>(who)];
        if (!mine) return what == 0 && is_first_free(who) && begin(mine);
        const kind said = std::array{kind::success, kind::failure, kind::neutral}[static_cast<std::size_t>(what)];
        breaker_.settle(mine->ticket, {{said}, at(), at(), {}}, 0);
        model_.settle(*mine, said);
        mine.reset();
        return true;
    }

    bool agrees() {
        const auto seen = breaker_.snapshot(at());
        const bool same_wait =
            seen.state != breaker_state::open ||
            seen.next_probe_in == std::max(0, model_.open_until - model_.now) * kedge::nanoseconds(1s);
        return answers_agree_ && same_wait && seen.state == model_.state &&
               seen.generation == static_cast<std::uint32_t>(model_.visit) &&
               seen.stale == static_cast<std::uint64_t>(model_.stale) && probes_under_way() <= 1;
    }

    /// The dependency is well, and one more caller comes: at most one refusal, then the probes. Nothing else is played
    /// on this path.
    bool closes_again() {
        for (int i = 0; i <= kedge::core::breaker_probes::needed; ++i) {
            now_ += static_cast<int>((breaker_.snapshot(at()).next_probe_in + lease) / 1s);
            const auto answer = acquire();
            if (answer.why == refusal::none) breaker_.settle(answer.ticket, {{kind::success}, at(), at(), {}}, 0);
        }
        const auto seen = breaker_.snapshot(at());
        return seen.state == breaker_state::closed && seen.failures_in_a_row == 0;
    }

    static constexpr int events = 2 + 3 * callers;

private:
    time_point at() const { return time_point{1h} + now_ * 1s; }

    /// As the breaker with its lock does.
    kedge::core::admission acquire() {
        kedge::core::admission answer;
        if (!breaker_.try_admit(at(), answer)) answer = breaker_.admit(at(), 0);
        return answer;
    }

    /// Callers are alike: who begins first is the first.
    bool is_first_free(int who) const {
        for (int i = 0; i < who; ++i)
            if (!holds_[static_cast<std::size_t>(i)]) return false;
        return true;
    }

    bool begin(std::optional<held>& mine) {
        held h;
        const auto expected = model_.admit(h);
        const auto answer = acquire();
        answers_agree_ = answers_agree_ && answer.why == expected;
        h.ticket = answer.ticket;
        if (answer.why == refusal::none) mine = h;
        return true;
    }

    int probes_under_way() const {
        int n = 0;
        for (const auto& h : holds_)
            n += h && h->visit == model_.visit && h->probe != 0 && h->probe == model_.probe_under_way;
        return n;
    }

    kedge::core::circuit_breaker breaker_{{.consecutive_failures = trip_after,
                                           .window = 0s,
                                           .open_for = open_for,
                                           .open_for_max = 1h,
                                           .probe_lease = lease},
                                          time_point{1h}};
    model model_;
    int now_ = 0;
    std::array<std::optional<held>, callers> holds_{};
    bool answers_agree_ = true;
};

/// Plays every sequence of `length` events after a given beginning. Each path is played from its start.
struct explorer {
    std::vector<int> events;
    std::size_t length = 0;
    long paths = 0;
    std::string broken{};

    void explore() {
        path p;
        for (const int event : events)
            if (!p.play(event)) return;
        ++paths;
        if (!p.agrees()) broken = "differs after";
        else if (!p.closes_again()) broken = "does not close again after";
        if (!broken.empty()) {
            for (const int event : events) broken += " " + std::to_string(event);
            return;
        }
        if (events.size() == length) return;
        events.push_back(0);
        for (int e = 0; e < path::events && broken.empty(); ++e) {
            events.back() = e;
            explore();
        }
        events.pop_back();
    }
};

void explore_after(std::vector<int> beginning, std::size_t more) {
    explorer all{beginning, beginning.size() + more};
    all.explore();
    INFO(all.broken);
    CHECK(all.broken.empty());
    CHECK(all.paths > 1000);
}

// Events by number: time passes; the first caller begins, or ends well, badly, or without a word.
constexpr int later = 1, begin = 2, good = 2, bad = 3;

}  // namespace

TEST_CASE("breaker: every sequence of eight events agrees with the naive model", "[circuit_breaker][exhaustive]") {
    explore_after({}, 8);
}

TEST_CASE("breaker: so does every sequence of six after two good probes", "[circuit_breaker][exhaustive]") {
    explore_after({begin, bad, begin, bad, later, begin, good, begin, good}, 6);
}

TEST_CASE("breaker: so does every sequence of six with a call of the closed era under way",
          "[circuit_breaker][exhaustive]") {
    explore_after({begin, begin + 3, bad + 3, begin + 3, bad + 3, later}, 6);
}

// SPDX-License-Identifier: BSL-1.0
#pragma once

// The scenarios of the pool, with what each of them found and the goal of that.

#include "../survival/figures.hpp"
#include "cancel_storm.hpp"
#include "lifetime_expiry.hpp"
#include "overload.hpp"
#include "server_down_up.hpp"
#include "slow_dial.hpp"
#include "spike.hpp"

#include <array>
#include <functional>
#include <optional>
#include <string>

namespace pool_scenarios {

struct line {
    survival::figure figure;
    std::string says;
};

struct scenario {
    const char* name;
    const char* story;
    std::vector<line> (*play)(const scenario&, int seeds);
};

constexpr double ms(nanoseconds t) { return std::chrono::duration<double, std::milli>(t).count(); }

/// One run for each seed, and figures of them. A goal is judged by the worst seed.
template <class Seen> class findings {
public:
    template <class Play> findings(const scenario& of, int seeds, Play play) : prefix_(std::string("pool/") + of.name + "/") {
        for (int seed = 1; seed <= seeds; ++seed) seen_.push_back(play(static_cast<std::uint64_t>(seed)));
    }

    template <class Figure> findings& add(const char* name, const char* unit, Figure of, std::string says) {
        line l{{prefix_ + name, unit, {}, {}}, std::move(says)};
        for (const Seen& s : seen_) l.figure.values.push_back(static_cast<double>(of(s)));
        lines_.push_back(std::move(l));
        return *this;
    }
    findings& at_most(double bound) { return judge({false, bound, std::ranges::max(lines_.back().figure.values)}); }
    findings& at_least(double bound) { return judge({true, bound, std::ranges::min(lines_.back().figure.values)}); }

    std::vector<line> lines() { return std::move(lines_); }

private:
    findings& judge(survival::goal g) { return lines_.back().figure.wanted = g, *this; }

    std::string prefix_;
    std::vector<Seen> seen_;
    std::vector<line> lines_;
};

inline std::vector<line> play_spike(const scenario& of, int seeds) {
    using spike::seen;
    return findings<seen>(of, seeds, spike::play)
        .add("opened", "conn", [](const seen& s) { return s.opened; }, "connections opened; one for each request would be 50")
        .at_most(spike::most_opened)
        .add("refused", "calls", [](const seen& s) { return s.refused; }, "requests that got none").at_most(0)
        .add("served", "ms", [](const seen& s) { return ms(s.until_all_served); }, "until the last request was answered")
        .lines();
}

inline std::vector<line> play_cancel_storm(const scenario& of, int seeds) {
    using cancel_storm::seen;
    return findings<seen>(of, seeds, cancel_storm::play)
        .add("lost", "conn", [](const seen& s) { return s.lost_slots; }, "connections that could not be borrowed afterwards")
        .at_most(0)
        .add("cancelled", "calls", [](const seen& s) { return s.cancelled; }, "attempts that were cancelled while they waited")
        .add("anyway", "calls", [](const seen& s) { return s.granted_anyway; }, "cancelled too late: they got the connection")
        .add("wait_p99", "ms", [](const seen& s) { return ms(s.p99); }, "p99 of the waits of those who were served")
        .lines();
}

inline std::vector<line> play_overload(const scenario& of, int seeds) {
    struct seen {
        double patient, hasty, spared;
    };
    using namespace overload;
    const auto play = [](std::uint64_t seed) {
        return seen{goodput(long_patience, seed), goodput(short_patience, seed),
                    goodput(short_patience, seed, short_patience - query)};
    };
    return findings<seen>(of, seeds, play)
        .add("patient", "share", [](const seen& s) { return s.patient; }, "of the capacity; the deadline of a call is 100 ms")
        .at_least(0.9)
        .add("hasty", "share", [](const seen& s) { return s.hasty; }, "at 50 ms: a full line is longer than that")
        .at_least(0.9)
        .add("spared", "share", [](const seen& s) { return s.spared; }, "at 50 ms, and acquire_timeout leaves the query its 5 ms")
        .at_least(0.9)
        .lines();
}

inline std::vector<line> play_server_down_up(const scenario& of, int seeds) {
    using namespace server_down_up;
    return findings<seen>(of, seeds, [](std::uint64_t seed) { return server_down_up::play(seed); })
        .add("dials", "dials", [](const seen& s) { return s.dials_while_down; },
             "while it was down; backoff allows as many as the goal")
        .at_most(most_dials_within(ends - begins))
        .add("back", "ms", [](const seen& s) { return ms(s.until_first_success); }, "from its return until a call was served")
        .at_most(ms(kedge::core::dial_backoff.cap) + 2)
        .add("overshoot", "dials", [](const seen& s) { return s.dials_in_first_second - s.needed; },
             "dials beyond what was needed, in the first second after that")
        .at_most(kedge::core::most_dials)
        .add("slow", "calls", [](const seen& s) { return s.slow_refusals; }, "calls that heard of it only after 1.5 s").at_most(0)
        .lines();
}

inline std::vector<line> play_slow_dial(const scenario& of, int seeds) {
    using slow_dial::seen;
    return findings<seen>(of, seeds, slow_dial::play)
        .add("wait_p99", "ms", [](const seen& s) { return ms(s.p99); }, "p99 of the waits; who waited for a dial would wait 2000")
        .at_most(ms(slow_dial::most_wait))
        .add("dials", "dials", [](const seen& s) { return s.opened; }, "that the burst caused")
        .lines();
}

inline std::vector<line> play_lifetime_expiry(const scenario& of, int seeds) {
    struct seen {
        lifetime_expiry::seen without, with;
    };
    const auto play = [](std::uint64_t seed) { return seen{lifetime_expiry::play(seed, 0s), lifetime_expiry::play(seed)}; };
    return findings<seen>(of, seeds, play)
        .add("renewed", "conn", [](const seen& s) { return s.with.renewed; }, "connections that ended and were replaced")
        .at_least(lifetime_expiry::connections)
        .add("without_p99", "ms", [](const seen& s) { return ms(s.without.p99); }, "p99 of the waits if none ever ends")
        .add("wait_p99", "ms", [](const seen& s) { return ms(s.with.p99); }, "p99 of the waits with renewals")
        .add("price", "ms", [](const seen& s) { return ms(s.with.p99 - s.without.p99); }, "what renewals added to it")
        .at_most(1)
        .lines();
}

inline constexpr std::array scenarios{
    scenario{"spike", "50 requests at once for an empty pool of at most 50; connecting takes 150 ms, a query 2 ms", play_spike},
    scenario{"cancel_storm", "100 tasks on 10 connections; 20 to 50 % of the waits are cancelled about the moment of their grant",
             play_cancel_storm},
    scenario{"overload150", "half as much again as 20 connections can serve, each call with a deadline; a query takes 5 ms",
             play_overload},
    scenario{"server_down_up", "400 calls a second; all connections are lost, and the server refuses new ones for 10 s",
             play_server_down_up},
    scenario{"slow_dial", "40 requests of 5 ms for 4 open connections, while a new one takes 2 s", play_slow_dial},
    scenario{"lifetime_expiry", "20 connections, 16 of them busy, all reach the end of their lifetime within 2 s",
             play_lifetime_expiry},
};

}  // namespace pool_scenarios

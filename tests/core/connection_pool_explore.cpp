// SPDX-License-Identifier: BSL-1.0
// Every history of a small pool, merged by state, breadth first, until there is no new one. After each event the promises of
// the pool are checked, and from each new state two fair runs lead to the end: with the server up and with the server down.

#include "pool_fair_runs.hpp"

#include <string>
#include <unordered_set>
#include <vector>

using namespace pool_world;

namespace {

void put(std::string& key, std::int64_t v) { key.push_back(static_cast<char>(std::clamp<std::int64_t>(v, -2, 100))); }

void put(std::string& key, time_point t, time_point now) {
    put(key, t == never ? 90 : std::max<std::int64_t>(0, (t - now).count()));
}

std::string identity_of_place(const world& w, const pool_slot& s) {
    std::string key;
    put(key, static_cast<int>(s.state));
    if (s.state == slot_state::vacant) return key;
    put(key, s.generation == w.pool.generation());
    put(key, s.state == slot_state::idle && s.after);
    put(key, s.checked);
    if (s.state == slot_state::resetting && !s.checked) put(key, s.overdue), put(key, s.since + w.rules.slow_reset, w.now);
    if (w.rules.keepalive > nanoseconds::zero() && s.state == slot_state::idle) put(key, s.alive_at + w.rules.keepalive, w.now);
    if (w.rules.max_lifetime > nanoseconds::zero()) put(key, s.renew_at, w.now), put(key, s.retire_at, w.now);
    return key;
}

/// What tells one state from another. Callers and places are alike: how they are numbered makes no difference.
std::string identity(world& w) {
    std::array<std::string, places> place;
    for (int s = 0; s < places; ++s) place[static_cast<std::size_t>(s)] = identity_of_place(w, w.slot(s));
    std::array<std::string, callers> caller;
    for (int i = 0; i < callers; ++i) {
        std::string& key = caller[static_cast<std::size_t>(i)];
        put(key, static_cast<int>(w.of(i)));
        if (w.of(i) == caller_state::waiting) put(key, w.place_in_line(i)), put(key, w.waiter(i).deadline, w.now);
        if (w.owned_by(i) >= 0) key += place[static_cast<std::size_t>(w.owned_by(i))];
    }
    std::ranges::sort(place);
    std::ranges::sort(caller);
    std::string key;
    for (const auto& k : place) key += k + '|';
    for (const auto& k : caller) key += k + '|';
    const dial_pace& pace = w.pool.pace();
    const connection_renewal& renewal = w.pool.renewal();
    for (const int v : {w.pool.max(), int{w.drained}, static_cast<int>(w.drain_end.end), int{pace.is_down()},
                        std::min(pace.failures(), 3), int{renewal.wants_one()}, int{renewal.has_one_too_many()}})
        put(key, v);
    for (const time_point t : {w.pool.due(), pace.next(), pace.down_at(), renewal.next(w.now), w.drain_end.deadline})
        put(key, t, w.now);
    return key;
}

struct explorer {
    struct trace {
        std::int32_t parent;
        std::uint8_t step;
    };

    std::vector<step> steps = all_steps();
    std::vector<trace> traces{{-1, 0}};
    std::unordered_set<std::string> seen;
    std::string found;
    world w{connection_pool(pool_rules{}), {}};

    static std::vector<step> all_steps() {
        std::vector<step> steps;
        for (std::size_t k = 0; k < names.size(); ++k)
            for (int a = 0; a < arguments_of(static_cast<what>(k)); ++a) steps.push_back({static_cast<what>(k), a});
        return steps;
    }

    std::string story(std::int32_t at) const {
        std::string text;
        for (; at > 0; at = traces[static_cast<std::size_t>(at)].parent) {
            const step& e = steps[traces[static_cast<std::size_t>(at)].step];
            text = std::string(names[static_cast<std::size_t>(e.kind)]) + "(" + std::to_string(e.arg) + ") " + text;
        }
        return text;
    }

    /// True if the state is new and sound.
    bool arrive(std::int32_t parent, std::size_t event) {
        const bool fresh = w.broken || seen.insert(identity(w)).second;
        if (!fresh) return false;
        traces.push_back({parent, static_cast<std::uint8_t>(event)});
        const world here = w;
        for (const bool up : {true, false}) {
            if (!w.broken) fair_run(w, up);
            if (w.broken) {
                found = "promise " + std::string(text_of(*w.broken)) + " — after " +
                        story(static_cast<std::int32_t>(traces.size() - 1));
                return false;
            }
            w = here;
        }
        return true;
    }

    /// Until nothing new is found, or at most so many events deep.
    void explore(const pool_rules& rules, int depth, const std::vector<step>& before) {
        struct place {
            world at;
            std::int32_t trace;
        };
        w.start(rules);
        for (const step& e : before) w.run(e);
        REQUIRE(!w.broken);
        seen.insert(identity(w));
        std::vector<place> frontier{{w, 0}}, next;
        for (int d = 0; d < depth && !frontier.empty(); ++d) {
            next.clear();
            for (const place& p : frontier) {
                for (std::size_t e = 0; e < steps.size(); ++e) {
                    w = p.at;
                    if (!w.possible(steps[e])) continue;
                    w.run(steps[e]);
                    if (arrive(p.trace, e)) next.push_back({w, static_cast<std::int32_t>(traces.size() - 1)});
                    if (!found.empty()) return;
                }
            }
            frontier.swap(next);
        }
    }
};

pool_rules small_rules() {
    pool_rules rules;
    rules.max = places;
    rules.redial = {nanoseconds(1), nanoseconds(2), jitter::none};
    rules.fail_after = nanoseconds(2);
    rules.slow_reset = nanoseconds(1);
    return rules;
}

constexpr int all = 1'000;

/// @param states at least so many must have been seen: a search that prunes too much finds nothing either
void explore(const pool_rules& rules, int depth, std::size_t states, const std::vector<step>& before = {}) {
    static explorer e;  // it stays where it is
    e.traces.resize(1);
    e.seen.clear();
    e.found.clear();
    e.explore(rules, depth, before);
    INFO(e.found);
    CHECK(e.found.empty());
    CHECK(e.seen.size() >= states);
}

}  // namespace

TEST_CASE("no history at all breaks a promise of the pool", "[explore]") { explore(small_rules(), all, 47'000); }

TEST_CASE("the same while somebody runs the pool and connections at rest are checked", "[explore]") {
    pool_rules rules = small_rules();
    rules.keepalive = rules.upkeep_every = nanoseconds(1);
    explore(rules, all, 58'000);
}

TEST_CASE("the same with a connection to spare", "[explore]") {
    pool_rules rules = small_rules();
    rules.min_idle = 1;
    explore(rules, all, 47'000);
}

TEST_CASE("no ten events at the end of two lifetimes do", "[explore]") {
    pool_rules rules = small_rules();
    rules.max_lifetime = nanoseconds(20);
    rules.upkeep_every = nanoseconds(1);
    std::vector<step> before{{what::acquire, 0}, {what::acquire, 1}, {what::begin, 0},   {what::begin, 1}, {what::dial_ok, 0},
                             {what::dial_ok, 1}, {what::deliver, 0}, {what::deliver, 1}, {what::recycle, 0}};
    for (int i = 0; i < 19; ++i) before.push_back({what::tick, 0});
    explore(rules, 10, 72'000, before);
}

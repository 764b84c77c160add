// SPDX-License-Identifier: BSL-1.0

#include "pool_world.hpp"

using namespace pool_world;

namespace {

struct trace {
    std::int32_t parent;
    std::uint8_t step;
};

struct explorer {
    std::vector<step> steps = all_steps();
    std::vector<trace> traces{{-1, 0}};
    std::unordered_set<std::string> seen;
    std::string found;
    world w{connection_pool(pool_rules{})};

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
        const bool fresh = w.broken || seen.insert(w.identity()).second;
        if (!fresh) return false;
        traces.push_back({parent, static_cast<std::uint8_t>(event)});
        const world here = w;
        for (const bool up : {true, false}) {
            if (!w.broken) w.fair_run(up);
            if (w.broken) {
                found = std::string(w.broken) + " — after " + story(static_cast<std::int32_t>(traces.size() - 1));
                return false;
            }
            w = here;
        }
        return true;
    }

    void explore(const pool_rules& rules, int depth) {
        struct place {
            world at;
            std::int32_t trace;
        };
        w.start(rules);
        seen.insert(w.identity());
        std::vector<place> frontier{{w, 0}}, next;
        for (int d = 0; d < depth; ++d) {
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
    return rules;
}

}  // namespace

TEST_CASE("no sequence of eight events breaks a promise of the pool", "[explore]") {
    static explorer e;
    e.explore(small_rules(), 8);
    INFO(e.found);
    CHECK(e.found.empty());
    INFO(e.seen.size() << " states");
    CHECK(e.seen.size() > 20'000);
}

TEST_CASE("the same while somebody runs the pool and connections at rest are checked", "[explore]") {
    pool_rules rules = small_rules();
    rules.keepalive = rules.upkeep_every = nanoseconds(1);
    static explorer e;
    e.explore(rules, 8);
    INFO(e.found);
    CHECK(e.found.empty());
    INFO(e.seen.size() << " states");
    CHECK(e.seen.size() > 20'000);
}

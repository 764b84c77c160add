// SPDX-License-Identifier: BSL-1.0
#pragma once
// How every history of the small pool must be able to end when nothing is withheld any more.
#include "pool_world.hpp"

namespace pool_world {

/// One chance for everything that is under way.
/// @param give_back  whoever holds a connection is done with it
inline void fair_round(world& w, bool server_up, bool give_back) {
    const auto happens = [&](what kind, int arg) {
        if (w.possible({kind, arg})) w.run({kind, arg});
    };
    for (int i = 0; i < callers; ++i) {
        happens(what::deliver, i);
        if (give_back) happens(what::recycle, i);
    }
    for (int s = 0; s < places; ++s) {
        happens(what::closed, s);
        happens(server_up ? what::reset_ok : what::reset_fail, s);
        happens(what::begin, s);
        happens(server_up ? what::dial_ok : what::dial_fail, s);
    }
}

inline bool gets_a_connection(world& w) {
    for (int attempt = 0; attempt < 4 && !w.broken; ++attempt) {
        fair_round(w, true, true);
        w.run({what::acquire, 0});
        for (int round = 0; round < 3 && w.of(0) == caller_state::waiting; ++round) {
            fair_round(w, true, true);
            w.run({what::tick, 0});
        }
        if (w.of(0) == caller_state::granted) return true;
    }
    return false;
}

inline void fair_run(world& w, bool server_up) {
    for (int round = 0; round < 8 && !w.broken; ++round) {
        fair_round(w, server_up, server_up);
        if (round >= 3) w.run({what::tick, 0});
    }
    w.check(std::ranges::count(w.state, caller_state::waiting) == 0, promise::live);
    if (w.drained) w.check(w.drain_end.end != wait_end::none, promise::drained);
    if (!server_up || w.broken) return;
    if (w.drained) return w.check(w.pool.nothing_left(), promise::drained);
    w.check(w.total() <= w.pool.max(), promise::resized);
    w.check(gets_a_connection(w), promise::heals);
    for (int round = 0; round < 4 && !w.broken; ++round) fair_round(w, true, false);
    w.check(w.pool.idle() >= std::min(w.rules.min_idle, w.pool.max() - w.pool.used()), promise::refills);
}

}  // namespace pool_world

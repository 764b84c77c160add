// SPDX-License-Identifier: BSL-1.0
#pragma once
// What a pool promises, whatever happens in whatever order. A test that finds one broken names it.

namespace pool_world {

enum class promise {
    counted, owned, served, ends_once, cancelled, first_come, in_time, fit, gauges, paced, drained, resized, renewed,
    told, live, heals, refills,
};

constexpr const char* text_of(promise p) {
    switch (p) {
    case promise::counted: return "1: every place is in one state, and no more than the maximum are taken";
    case promise::owned: return "2: what is lent has one owner, and nothing else has one";
    case promise::served: return "3: nobody waits while a connection rests, or while nothing is on its way to him";
    case promise::ends_once: return "4: an acquire ends once";
    case promise::cancelled: return "5: a cancelled acquire ends without a connection, or keeps the one it was granted";
    case promise::first_come: return "6: nobody is overtaken";
    case promise::in_time: return "7: nobody is served at or after his deadline, or refused before it";
    case promise::fit: return "8: what is condemned, broken or too old is not lent";
    case promise::gauges: return "9: the gauges are what the places say";
    case promise::paced: return "10: no more dials than allowed, one while they fail, none in a pause, none in vain";
    case promise::drained: return "11: after a drain nothing is lent, and it ends when nothing is left";
    case promise::resized: return "12: a smaller maximum takes nothing away, and the total falls as leases come back";
    case promise::renewed: return "13: what grows old is not closed before its successor is there, while there is room";
    case promise::told: return "14: whom an error keeps out that stays until it is mended is told at once";
    case promise::live: return "liveness: every wait ends by its deadline";
    case promise::heals: return "liveness: once the server is back, callers are served";
    case promise::refills: return "liveness: min_idle is reached again";
    }
    return "?";
}

}  // namespace pool_world

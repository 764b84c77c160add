// SPDX-License-Identifier: BSL-1.0
#pragma once
// The ends of a history: everybody does his part from now on, and the timer rings when it should.

#include "pool_steps.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace pool_property {

enum class ending : std::uint8_t { server_up, server_down, shut_down, shut_down_in_vain, context_gone };
constexpr std::array endings{ending::server_up, ending::server_down, ending::shut_down, ending::shut_down_in_vain,
                             ending::context_gone};
constexpr std::array ending_names{"the server is up", "the server is down", "the pool is shut down, the server up",
                                  "the pool is shut down, the server down", "the context is gone"};

class fair_run {
public:
    fair_run(model& world, ending how)
        : m(world), players_(world), how_(how), up_(how == ending::server_up || how == ending::shut_down) {}

    void play() {
        m.story.line(m.now, std::string("Everybody does his part; ") + ending_names[static_cast<std::size_t>(how_)]);
        const time_point from = m.now;
        if (how_ >= ending::context_gone) abandon();
        if (how_ >= ending::shut_down) players_.play({what::shut_down, 0, 0, 250});
        settle();
        if (m.broken) return;
        m.check(m.waiting == 0, promise::live, "every wait ends");
        if (how_ >= ending::shut_down) return ended();
        if (!up_) return served_or_told(from);
        if (!m.drained) served();
        players_.play({what::shut_down, 0, 0, 0});
        calm_down();
        ended();
    }

private:
    bool one(what kind, int n, std::uint8_t number) {
        return players_.possible(kind, n) && players_.play({kind, static_cast<std::uint8_t>(n), 0, number});
    }
    bool one(what kind, int n) { return one(kind, n, ++number_); }

    /// True: something happened.
    bool round() {
        bool busy = false;
        for (int i = 0; i < most_callers && !m.broken; ++i) {
            busy |= one(what::deliver, i);
            busy |= one(up_ ? what::recycle : what::lose, i);
        }
        for (int s = 0; s < most_places && !m.broken; ++s) {
            busy |= one(what::closed, s);
            busy |= one(up_ ? what::reset_ok : what::reset_fail, s);
            busy |= one(what::begin, s);
            busy |= one(up_ ? what::dial_ok : what::dial_fail, s);
        }
        return busy;
    }

    bool anybody_waits() const {
        return m.waiting > 0 ||
               std::any_of(m.stoppers.begin(), m.stoppers.end(), [](const other& o) { return o.waits; });
    }

    void calm_down() {
        for (int n = 0; n < 1000; ++n)
            if (!round()) return;
        m.check(false, promise::live, "it comes to rest");
    }

    void settle() {
        for (int n = 0; n < 1000 && !m.broken; ++n) {
            calm_down();
            if (m.broken || !anybody_waits() || m.pool.due() == never) return;
            players_.play({what::tick, 0, 0, 1});
        }
        m.check(false, promise::live, "every wait ends");
    }

    void served_or_told(time_point from) {
        if (m.failures == 0) return;
        const time_point down = std::max(from, m.down_at) + m.rules.fail_after + m.rules.redial.cap;
        m.check(m.now <= down, promise::live, "who waits for a server that is down is told so");
    }

    void served() {
        m.check(m.next_dial <= m.now + m.rules.redial.cap, promise::paced, "no pause is longer than the longest");
        m.now = std::max(m.now, m.next_dial);
        come(1);  // while the server counts as down the first one is the probe
        come(waiters_per_connection);
        m.check(!m.pool.renewal().wants_one() || m.total() >= m.pool.max(), promise::renewed,
                "once the server is back, a successor that is wanted is there");
        const int kept = m.count(stage::resting) + m.count(stage::checking);
        m.check(kept >= std::min(m.rules.min_idle, m.pool.max()), promise::refills,
                "once the server is back, min_idle is there again");
    }

    void come(int several) {
        for (int i = 0; i < several; ++i) one(what::acquire, i, 1);  // at any speed of the line
        calm_down();
        for (int i = 0; i < several; ++i)
            m.check(m.of(i).wait.end == wait_end::granted, promise::heals,
                    "once the server is back, callers are served");
    }

    /// As the shell does: whoever waits is destroyed.
    void abandon() {
        while (pool_waiter* const w = m.broken ? nullptr : m.pool.abandon_one()) {
            m.check(w->line == wait_line::none && w->slot == nullptr, promise::cancelled,
                    "whoever is destroyed takes no connection along");
            m.forget(*w);
        }
        const bool somebody_stays = m.waiting > 0 || m.somebody_runs() || m.stoppers[0].waits || m.stoppers[1].waits;
        m.check(m.pool.nobody_waits() && !somebody_stays, promise::cancelled, "all who wait can be destroyed");
    }

    void ended() {
        m.check(m.total() == 0 && m.pool.nothing_left(), promise::drained, "a shutdown ends with nothing left");
    }

    model& m;
    player players_;
    const ending how_;
    const bool up_;
    std::uint8_t number_ = 0;  // chance: a pause may be nothing, but not always
};

}  // namespace pool_property

// SPDX-License-Identifier: BSL-1.0
#pragma once
// Random histories of a connection pool: its rules and what happens to it, in numbers that are easily made smaller.

#include <kedge/core/connection_pool.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace pool_property {

using namespace kedge;
using namespace kedge::core;

constexpr int most_places = 6, most_callers = 24;

/// All times are multiples of it, so that moments coincide; losses count as correlated within ten of them.
constexpr nanoseconds unit = losses_within / 10;

enum class what : std::uint8_t {
    acquire, try_acquire, cancel, deliver, abandon, recycle, reset, discard, lose, condemn,  // a caller
    begin, dial_ok, dial_fail, dial_deny, reset_ok, reset_fail, closed,                      // a connection
    tick, run, stop, resize, invalidate, shut_down, give_up,                                 // the pool
};
constexpr int kinds = static_cast<int>(what::give_up) + 1;

/// Beside its name: how often, of about a thousand, in calm times.
struct kind_info {
    const char* name;
    int weight;
};
constexpr std::array<kind_info, kinds> kind_infos{{
    {"acquire", 200}, {"try_acquire", 40}, {"cancel", 40}, {"deliver", 160}, {"abandon", 20}, {"recycle", 100}, {"reset", 30},
    {"discard", 20}, {"lose", 15}, {"condemn", 3},
    {"begin", 150}, {"dial_ok", 110}, {"dial_fail", 20}, {"dial_deny", 4}, {"reset_ok", 40}, {"reset_fail", 8}, {"closed", 90},
    {"tick", 80}, {"run", 15}, {"stop", 5}, {"resize", 10}, {"invalidate", 5}, {"shut_down", 1}, {"give_up", 20},
}};
constexpr const kind_info& info(what kind) { return kind_infos[static_cast<std::size_t>(kind)]; }

constexpr bool of_a_caller(what kind) { return kind <= what::condemn; }
constexpr bool of_a_connection(what kind) { return kind >= what::begin && kind <= what::closed; }

/// Happens to `who`, or to the next one to whom it can happen, so that what is left of a history keeps its meaning.
struct happening {
    what kind{};
    std::uint8_t who = 0;
    std::uint8_t after = 0;   ///< units of time since the one before; the pool's timer is late by then
    std::uint8_t number = 0;  ///< patience in units, new size, or chance
    bool operator==(const happening&) const = default;
};

enum class rule : std::uint8_t {
    callers, max, min_idle, idle_timeout, max_lifetime, leak_after, keepalive, upkeep_every, redial_base, redial_cap,
    redial_spread, fail_after, slow_reset,
};
constexpr int rule_count = static_cast<int>(rule::slow_reset) + 1;

/// Beside its name: the simplest value, which a counterexample is brought to if it can be, and the largest. Times in units.
struct rule_range {
    const char* name;
    int simplest, least, most;
    bool may_be_off;
};
constexpr std::array<rule_range, rule_count> rule_ranges{{
    {"callers", 1, 1, most_callers, false},
    {"max", 1, 1, most_places, false},
    {"min_idle", 0, 1, most_places, true},
    {"idle_timeout", 0, 3, 40, true},
    {"max_lifetime", 0, 10, 150, true},
    {"leak_after", 0, 2, 40, true},
    {"keepalive", 0, 2, 30, true},
    {"upkeep_every", 10, 1, 30, false},
    {"redial_base", 1, 1, 4, false},
    {"redial_cap", 1, 1, 20, false},
    {"redial_spread", 0, 0, 2, false},
    {"fail_after", 10, 1, 20, false},
    {"slow_reset", 10, 1, 10, false},
}};

struct history {
    std::array<int, rule_count> numbers{};
    std::vector<happening> events;

    int& operator[](rule r) { return numbers[static_cast<std::size_t>(r)]; }
    int operator[](rule r) const { return numbers[static_cast<std::size_t>(r)]; }

    pool_rules rules() const {
        pool_rules out;
        out.max = (*this)[rule::max];
        out.min_idle = std::min(out.max, (*this)[rule::min_idle]);
        out.idle_timeout = (*this)[rule::idle_timeout] * unit;
        out.max_lifetime = (*this)[rule::max_lifetime] * unit;
        out.leak_after = (*this)[rule::leak_after] * unit;
        out.keepalive = (*this)[rule::keepalive] * unit;
        out.upkeep_every = (*this)[rule::upkeep_every] * unit;
        const int base = (*this)[rule::redial_base];
        out.redial = {base * unit, std::max(base, (*this)[rule::redial_cap]) * unit,
                      static_cast<jitter>((*this)[rule::redial_spread])};
        out.fail_after = (*this)[rule::fail_after] * unit;
        out.slow_reset = (*this)[rule::slow_reset] * unit;
        return out;
    }
};

/// What happened, in words; written only when a counterexample is shown.
class diary {
public:
    void line(time_point now, const std::string& text) {
        if (lines_) *lines_ += "\n  " + std::to_string((now.time_since_epoch() / unit)) + "\t" + text;
    }
    void add(const std::string& text) {
        if (lines_) *lines_ += "; " + text;
    }
    bool wanted() const { return lines_ != nullptr; }
    void write_to(std::string* lines) { lines_ = lines; }

private:
    std::string* lines_ = nullptr;
};

}  // namespace pool_property

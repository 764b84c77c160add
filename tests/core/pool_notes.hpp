// SPDX-License-Identifier: BSL-1.0
#pragma once
// What the model of a pool notes down of each connection and of each that waits.

#include <kedge/core/connection_pool.hpp>

#include <array>
#include <cstdint>

namespace pool_property {

using namespace kedge::core;
using kedge::time_point;

enum class stage : std::uint8_t { none, asked, dialing, arriving, resting, lent, resetting, checking, closing };
constexpr std::array stage_states{slot_state::vacant,    slot_state::asked,     slot_state::dialing,
                                  slot_state::idle,      slot_state::idle,      slot_state::lent,
                                  slot_state::resetting, slot_state::resetting, slot_state::closing};

/// What the test knows of a place.
struct link {
    stage is = stage::none;
    int owner = -1, epoch = 0, parked = 0;
    time_point opened{}, rested{}, heard{}, lent{}, reset{};
    bool broken = false, told = false;
};

enum class caller_state : std::uint8_t { away, waiting, granted, holding };
struct caller {
    pool_waiter wait{};
    caller_state is = caller_state::away;
    int owns = -1;
};

/// Somebody who waits for the end of the pool, or runs it.
struct other {
    pool_waiter wait{};
    bool waits = false;
};

}  // namespace pool_property

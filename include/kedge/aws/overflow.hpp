// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace kedge::aws {

/// What gives way when there is no room for one more event. Waiting for room is no choice: a log must not stop its program.
enum class overflow : std::uint8_t {
    drop_newest,  ///< the one that comes: the first causes of a trouble survive
    drop_oldest,  ///< those that have waited longest, unless they are on their way already
    keep_errors,  ///< the one that comes; below `error` already when three quarters are taken
};

}  // namespace kedge::aws

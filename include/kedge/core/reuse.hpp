// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace kedge {

/// What a connector finds when a connection comes back: may the next borrower have it?
enum class reuse : std::uint8_t {
    clean,        ///< yes
    needs_reset,  ///< after the connector's `async_reset`
    broken,       ///< never
};

}  // namespace kedge

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/detail/runtime_clock.hpp>
#include <kedge/log/record.hpp>

namespace kedge::log {

KEDGE_DECL wall_time wall_now() noexcept {
    if (const time_point* simulated = kedge::detail::virtual_clock)
        return wall_time(std::chrono::duration_cast<wall_time::duration>(simulated->time_since_epoch()));
    return kedge::detail::real_wall_now();
}

}  // namespace kedge::log

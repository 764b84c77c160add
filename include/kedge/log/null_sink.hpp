// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/detail/tally.hpp>

namespace kedge::log {

/// Wants nothing, so that no record is even put together. Given one all the same, it counts it as dropped.
class null_sink final : public sink {
public:
    bool should_log(level) const noexcept override { return false; }
    void write(const record&) noexcept override { tally_.dropped(); }
    sink_counters counters() const noexcept override { return tally_.read(); }

private:
    detail::tally tally_;
};

}  // namespace kedge::log

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/log/detail/not_null.hpp>
#include <kedge/log/tee_sink.hpp>

#include <algorithm>
#include <utility>

namespace kedge::log {

KEDGE_DECL tee_sink::tee_sink(std::vector<std::shared_ptr<sink>> sinks) : sinks_(std::move(sinks)) {
    for (const auto& one : sinks_) detail::not_null(one, "tee_sink");
}

KEDGE_DECL bool tee_sink::should_log(level severity) const noexcept {
    return std::any_of(sinks_.begin(), sinks_.end(), [&](const auto& one) { return one->should_log(severity); });
}

KEDGE_DECL void tee_sink::write(const record& what) noexcept {
    for (const auto& one : sinks_)
        if (one->should_log(what.severity)) one->write(what);
}

KEDGE_DECL void tee_sink::flush() noexcept {
    for (const auto& one : sinks_) one->flush();
}

KEDGE_DECL sink_counters tee_sink::counters() const noexcept {
    sink_counters sum;
    for (const auto& one : sinks_) {
        const sink_counters of_one = one->counters();
        sum.written += of_one.written;
        sum.dropped += of_one.dropped;
        sum.failed += of_one.failed;
    }
    return sum;
}

}  // namespace kedge::log

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/sink.hpp>

#include <atomic>
#include <cstdint>
#include <memory>

namespace kedge::log {

/** Writes to `primary`, and to `console` as well while the counters of `primary` say that it loses records.
 *
 *  A record that was given while the count of lost ones rose goes to `console`: the lost one, if `primary` decides at
 *  once. What a sink with a queue loses later is not at hand any more; then the next record goes to both, so nothing is
 *  silent. One record says that it begins; it is said again only after @ref calm records in a row have gone well.
 *
 *  Never blocks by itself; blocks as long as its sinks do.
 */
class fallback_sink final : public sink {
public:
    static constexpr int calm = 100;

    /// @throws std::invalid_argument if one is null
    fallback_sink(std::shared_ptr<sink> primary, std::shared_ptr<sink> console);

    bool should_log(level severity) const noexcept override { return primary_->should_log(severity); }
    void write(const record&) noexcept override;
    void flush() noexcept override;

    /// `written`: by either; `dropped` and `failed`: those of `console`, since only what it loses is lost.
    sink_counters counters() const noexcept override;

private:
    void say_so(const record&) noexcept;

    const std::shared_ptr<sink> primary_, console_;
    std::atomic<std::uint64_t> lost_seen_;
    std::atomic<int> until_calm_{0};  // 0: all is well
};

}  // namespace kedge::log

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/log/impl/fallback_sink.ipp>
#endif

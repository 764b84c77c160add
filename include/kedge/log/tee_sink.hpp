// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/sink.hpp>

#include <memory>
#include <vector>

namespace kedge::log {

/// Gives each record to all sinks that want its level, in their order. Its counters are the sums of theirs.
class tee_sink final : public sink {
public:
    /// @throws std::invalid_argument if one is null
    explicit tee_sink(std::vector<std::shared_ptr<sink>> sinks);

    bool should_log(level) const noexcept override;
    void write(const record&) noexcept override;
    void flush() noexcept override;
    sink_counters counters() const noexcept override;

private:
    const std::vector<std::shared_ptr<sink>> sinks_;
};

}  // namespace kedge::log

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/log/impl/tee_sink.ipp>
#endif

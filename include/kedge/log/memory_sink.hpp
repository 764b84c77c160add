// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/detail/tally.hpp>
#include <kedge/log/python_format.hpp>

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace kedge::log {

/// Keeps the last events as text, e.g. for a status page; older ones make room. Waits for nothing but other writers.
class memory_sink final : public sink {
public:
    /// @param keep  events to keep, at least 1
    /// @throws std::invalid_argument
    explicit memory_sink(std::size_t keep = 1000, formatter format = python_format);

    void write(const record&) noexcept override;
    sink_counters counters() const noexcept override { return tally_.read(); }

    /// The events, oldest first.
    std::vector<std::string> events() const;

private:
    const std::size_t keep_;
    const formatter format_;
    mutable std::mutex mutex_;
    std::deque<std::string> events_;
    detail::tally tally_;
};

}  // namespace kedge::log

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/log/impl/memory_sink.ipp>
#endif

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/log/memory_sink.hpp>

#include <exception>
#include <stdexcept>
#include <utility>

namespace kedge::log {

KEDGE_DECL memory_sink::memory_sink(std::size_t keep, formatter format) : keep_(keep), format_(format) {
    if (keep == 0) throw std::invalid_argument("kedge::log::memory_sink: keep = 0, but it must be at least 1");
}

KEDGE_DECL void memory_sink::write(const record& what) noexcept {
    try {
        std::string text;
        format_(what, text);
        std::lock_guard lock(mutex_);
        events_.push_back(std::move(text));
        if (events_.size() > keep_) events_.pop_front();
        tally_.wrote();
    } catch (const std::exception&) {  // no memory
        tally_.failed();
    }
}

KEDGE_DECL std::vector<std::string> memory_sink::events() const {
    std::lock_guard lock(mutex_);
    return {events_.begin(), events_.end()};
}

}  // namespace kedge::log

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/log/detail/not_null.hpp>
#include <kedge/log/fallback_sink.hpp>

#include <utility>

namespace kedge::log {

KEDGE_DECL fallback_sink::fallback_sink(std::shared_ptr<sink> primary, std::shared_ptr<sink> console)
    : primary_(detail::not_null(std::move(primary), "fallback_sink")),
      console_(detail::not_null(std::move(console), "fallback_sink")),
      lost_seen_(primary_->counters().lost()) {}

KEDGE_DECL void fallback_sink::write(const record& what) noexcept {
    const std::uint64_t before = primary_->counters().lost();
    primary_->write(what);
    const std::uint64_t after = primary_->counters().lost();
    const std::uint64_t seen = lost_seen_.exchange(after, std::memory_order_relaxed);
    // With several writers both may see one loss and both fall back: rather twice than never.
    if (after > before || after > seen) {
        if (until_calm_.exchange(calm, std::memory_order_relaxed) == 0) say_so(what);
        console_->write(what);
        return;
    }
    int left = until_calm_.load(std::memory_order_relaxed);
    while (left > 0 && !until_calm_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) {}
}

KEDGE_DECL void fallback_sink::say_so(const record& what) noexcept {
    record note;
    note.time = what.time;
    note.severity = level::warning;
    note.logger = "kedge.log";
    note.message = "the log sink loses records; what it loses is written here";
    console_->write(note);
}

KEDGE_DECL void fallback_sink::flush() noexcept {
    primary_->flush();
    console_->flush();
}

KEDGE_DECL sink_counters fallback_sink::counters() const noexcept {
    sink_counters all = console_->counters();
    all.written += primary_->counters().written;
    return all;
}

}  // namespace kedge::log

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/log/detail/not_null.hpp>
#include <kedge/log/repeat_filter.hpp>

#include <exception>
#include <stdexcept>
#include <utility>

namespace kedge::log {

KEDGE_DECL repeat_filter::repeat_filter(std::shared_ptr<sink> to, nanoseconds every)
    : to_(detail::not_null(std::move(to), "repeat_filter")), every_(every) {
    if (every <= nanoseconds::zero())
        throw std::invalid_argument("kedge::log::repeat_filter: every = " + std::to_string(every.count()) +
                                    " ns, but it must be more than 0");
}

/// `mutex_` is held.
KEDGE_DECL bool repeat_filter::is_repeated(const record& what) const noexcept {
    return last_.anything && what.severity == last_.severity && what.logger == last_.logger && what.message == last_.message &&
           what.exception == last_.exception;
}

KEDGE_DECL repeat_filter::saying repeat_filter::take() noexcept {
    const std::lock_guard lock(mutex_);
    return std::exchange(last_, saying());
}

KEDGE_DECL void repeat_filter::tell(const saying& what) noexcept {
    if (what.again == 0) return;
    record told;
    told.time = what.latest;
    told.severity = what.severity;
    told.logger = what.logger;
    std::string text;
    try {
        text = "repeated " + std::to_string(what.again) + (what.again == 1 ? " time: " : " times: ") + what.message;
    } catch (const std::exception&) {  // no memory: at least what it was
    }
    told.message = text.empty() ? what.message : text;
    to_->write(told);
}

KEDGE_DECL void repeat_filter::write(const record& what) noexcept {
    if (what.formatted) return to_->write(what);
    saying before, now;
    try {
        now = {.severity = what.severity, .logger = std::string(what.logger), .message = std::string(what.message),
               .exception = std::string(what.exception), .since = what.time, .latest = what.time, .anything = true};
    } catch (const std::exception&) {  // no memory: the next one is none of its repetitions
    }
    bool held_back = false;
    {
        const std::lock_guard lock(mutex_);
        if (is_repeated(what)) {
            held_back = true;
            ++last_.again;
            last_.latest = what.time;
            if (what.time >= last_.since && what.time - last_.since < every_) now.anything = false;
        }
        if (!held_back || now.anything) before = std::exchange(last_, std::move(now));
    }
    if (held_back) held_back_.fetch_add(1, std::memory_order_relaxed);
    tell(before);
    if (!held_back) to_->write(what);
}

KEDGE_DECL void repeat_filter::flush() noexcept {
    tell(take());
    to_->flush();
}

}  // namespace kedge::log

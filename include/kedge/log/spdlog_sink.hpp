// SPDX-License-Identifier: BSL-1.0
#pragma once

// Not part of log.hpp. Includes nothing of spdlog: who has a logger of it has its headers, too.

#include <kedge/log/detail/tally.hpp>
#include <kedge/log/python_format.hpp>

#include <concepts>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace kedge::log {

namespace detail {

/// As @ref python_format, without `[ERROR] ` in front: spdlog's pattern says the level, and the time, in its own way.
inline void without_level(const record& what, std::string& out) {
    const std::size_t from = out.size();
    python_format(what, out);
    if (!what.formatted) out.erase(from, name_of(what.severity).size() + std::string_view("[] ").size());
}

}  // namespace detail

/// What a @ref spdlog_sink needs of a logger: `spdlog::logger` has it.
template <class L>
concept spdlog_logger = requires(L& to, const L& seen, std::string_view text) {
    to.log(seen.level(), text);
    { seen.should_log(seen.level()) } -> std::convertible_to<bool>;
    to.flush();
};

/** Writes to a logger of spdlog, whose sinks, pattern and level hold.
 *
 *  @code
 *  #include <spdlog/spdlog.h>
 *  using spdlog_sink = kedge::log::spdlog_sink<spdlog::logger>;
 *  auto sink = std::make_shared<spdlog_sink>(spdlog::default_logger());
 *  @endcode
 *  | kedge | trace | debug | info | warning | error | critical |
 *  |---|---|---|---|---|---|---|
 *  | spdlog | trace | debug | info | warn | err | critical |
 *
 *  A text is given as it is, never as a pattern to fill in. The time is spdlog's own.
 *
 *  @par Exceptions   None gets out. `failed` counts those of the logger; what spdlog catches itself, as it does by default when
 *  one of its sinks throws, goes to its error handler and counts as `written`: so a @ref fallback_sink does not see it.
 *  @par Blocking     As the logger does; with its asynchronous one `written` means accepted.
 *  @par Thread safety  That of the logger: use one whose name ends in `_mt`.
 */
template <spdlog_logger Logger> class spdlog_sink final : public sink {
public:
    /// @throws std::invalid_argument if it is null
    explicit spdlog_sink(std::shared_ptr<Logger> to, formatter format = detail::without_level)
        : to_(std::move(to)), format_(format) {
        if (!to_) throw std::invalid_argument("kedge::log::spdlog_sink: the logger is null");
    }

    bool should_log(level severity) const noexcept override {
        try {
            return to_->should_log(level_of(severity));
        } catch (...) {
            return true;  // to be counted when it is written
        }
    }

    void write(const record& what) noexcept override {
        try {
            if (!to_->should_log(level_of(what.severity))) return tally_.dropped();
            std::string text;
            format_(what, text);
            to_->log(level_of(what.severity), std::string_view(text));
            tally_.wrote();
        } catch (...) {
            tally_.failed();
        }
    }

    void flush() noexcept override {
        try {
            to_->flush();
        } catch (...) {  // no record is lost by it that was not counted
        }
    }

    sink_counters counters() const noexcept override { return tally_.read(); }

private:
    using level_type = decltype(std::declval<const Logger&>().level());

    static level_type level_of(level severity) noexcept {
        switch (severity) {
        case level::trace: return level_type::trace;
        case level::debug: return level_type::debug;
        case level::info: return level_type::info;
        case level::warning: return level_type::warn;
        case level::error: return level_type::err;
        case level::critical: break;
        }
        return level_type::critical;
    }

    const std::shared_ptr<Logger> to_;
    const formatter format_;
    detail::tally tally_;
};

}  // namespace kedge::log

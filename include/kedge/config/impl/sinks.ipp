// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdio>
#include <kedge/config/sinks.hpp>
#include <kedge/log/console_sink.hpp>
#include <kedge/log/fallback_sink.hpp>
#include <kedge/log/json_format.hpp>
#include <kedge/log/level_filter.hpp>
#include <kedge/log/tee_sink.hpp>
#include <string_view>
#include <utility>

namespace kedge::config {

namespace detail {

inline void tell(log::sink& to, std::string_view message) {
    log::submit(to, {.time = log::wall_now(), .severity = log::level::warning, .logger = "kedge.config", .message = message});
}

inline std::shared_ptr<log::level_filter> filtered_sink(const configuration& c, std::shared_ptr<log::sink> cloudwatch,
                                                        std::FILE* console) {
    const log_options& o = c.values.log;
    std::shared_ptr<log::sink> all = std::make_shared<log::console_sink>(console, formatter_of(o.format));
    const bool missing = o.cloudwatch && !cloudwatch;
    if (o.cloudwatch && cloudwatch) {
        if (o.console) all = std::make_shared<log::tee_sink>(std::vector{std::move(all), std::move(cloudwatch)});
        else all = std::make_shared<log::fallback_sink>(std::move(cloudwatch), std::move(all));
    }
    auto filtered = std::make_shared<log::level_filter>(o.least, std::move(all));
    if (missing) tell(*filtered, "CloudWatch is asked for, but this program has no sink for it: the console takes its place");
    return filtered;
}

}  // namespace detail

KEDGE_DECL log::formatter formatter_of(log_format format) noexcept {
    return format == log_format::json ? log::json_format : log::python_format;
}

KEDGE_DECL std::shared_ptr<log::sink> log_sink(const configuration& c, std::shared_ptr<log::sink> cloudwatch,
                                               std::FILE* console) {
    return detail::filtered_sink(c, std::move(cloudwatch), console);
}

KEDGE_DECL std::shared_ptr<log::sink> log_sink(live& settings, std::shared_ptr<log::sink> cloudwatch, std::FILE* console) {
    auto filtered = detail::filtered_sink(*settings.current(), std::move(cloudwatch), console);
    settings.follow(filtered, [&f = *filtered](const configuration& now) { f.least(now.values.log.least); });
    return filtered;
}

KEDGE_DECL void write_notes(const configuration& c, log::sink& to) {
    for (const std::string& note : c.notes) detail::tell(to, note);
}

}  // namespace kedge::config

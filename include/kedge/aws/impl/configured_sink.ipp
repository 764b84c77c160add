// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/configured_sink.hpp>
#include <kedge/aws/credentials_chain.hpp>
#include <kedge/aws/detail/configured_keys.hpp>
#include <kedge/aws/https_log_transport.hpp>
#include <kedge/config/impl/checks.hpp>
#include <kedge/config/sinks.hpp>
#include <kedge/config/table.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/log/console_sink.hpp>
#include <kedge/runtime.hpp>

#include <boost/asio/ip/host_name.hpp>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include <unistd.h>

namespace kedge::aws {

namespace detail {

/// What @ref service_endpoint says, about the setting that it is said of.
inline endpoint endpoint_or_refuse(const config::configuration& c, const char* setting, const endpoint_options& o) {
    try {
        return service_endpoint("logs", o);
    } catch (const std::invalid_argument& e) {
        std::string_view why = e.what();
        if (constexpr std::string_view who = "kedge::aws: "; why.starts_with(who)) why.remove_prefix(who.size());
        const config::row& r = *config::find_row(setting);
        const std::string from = config::detail::source_of(c, r);
        config::problem p = config::detail::problem_with(c, r, shown(r, c.values), std::string(why), from);
        p.accepted.clear();  // said already
        throw config::bad_settings({std::move(p)});
    }
}

/// AWS's own, of each service: of CloudWatch, and of STS for a web identity.
inline endpoint_options aws_endpoint_of(const config::aws_options& o) {
    return {.region = o.region, .fips = o.fips, .dual_stack = o.dual_stack};
}

inline endpoint configured_endpoint(const config::configuration& c, bool any_host) {
    const config::aws_options& o = c.values.aws;
    endpoint_options where = aws_endpoint_of(o);
    endpoint own = endpoint_or_refuse(c, "AWS_REGION", where);
    if (o.endpoint.empty()) return own;
    where.url = o.endpoint, where.any_host = any_host, where.plain_loopback = true;
    return endpoint_or_refuse(c, "CLOUDWATCH_ENDPOINT", where);
}

inline std::string stream_of_this_process(runtime& rt) {
    boost::system::error_code ec;
    const std::string host = boost::asio::ip::host_name(ec);
    return stream_of_process(ec ? "unknown" : host, static_cast<long>(::getpid()), rt.wall_now());
}

inline std::shared_ptr<configured_keys> keys_of(const boost::asio::any_io_executor& ex, const config::configuration& c,
                                                std::shared_ptr<credentials_provider> otherwise) {
    if (!otherwise) {
        credentials_chain_options o{};
        o.sts = aws_endpoint_of(c.values.aws);
        otherwise = std::make_shared<credentials_chain>(ex, std::move(o));
    }
    auto keys = std::make_shared<configured_keys>(ex, std::move(otherwise));
    keys->take(c.values.aws);
    return keys;
}

inline std::shared_ptr<cloudwatch_sink> make_configured(const boost::asio::any_io_executor& ex, const config::configuration& c,
                                                        endpoint to, std::shared_ptr<configured_keys> keys,
                                                        configured_sink_options o) {
    const config::aws_options& where = c.values.aws;
    o.sink.group = where.log_group;
    o.sink.stream = where.log_stream.empty() ? stream_of_this_process(runtime::of(ex)) : where.log_stream;
    if (!where.spool.empty()) o.sink.spool.directory = where.spool;
    if (!o.sink.fallback)
        o.sink.fallback = std::make_shared<log::console_sink>(stderr, config::formatter_of(c.values.log.format));
    auto transport = std::make_shared<https_log_transport>(ex, std::move(to), where.region, std::move(keys), std::move(o.tls));
    return std::make_shared<cloudwatch_sink>(ex, std::move(o.sink), std::move(transport));
}

}  // namespace detail

KEDGE_DECL std::shared_ptr<cloudwatch_sink> configured_sink(const boost::asio::any_io_executor& ex,
                                                            const config::configuration& c, configured_sink_options options) {
    if (!c.values.log.cloudwatch) return nullptr;
    endpoint to = detail::configured_endpoint(c, options.any_host);  // first: a wrong region is said of its variable
    auto keys = detail::keys_of(ex, c, std::move(options.keys));
    return detail::make_configured(ex, c, std::move(to), std::move(keys), std::move(options));
}

KEDGE_DECL std::shared_ptr<cloudwatch_sink> configured_sink(const boost::asio::any_io_executor& ex, config::live& settings,
                                                            configured_sink_options options) {
    const auto c = settings.current();
    if (!c->values.log.cloudwatch) return nullptr;
    endpoint to = detail::configured_endpoint(*c, options.any_host);
    const auto keys = detail::keys_of(ex, *c, std::move(options.keys));
    auto sink = detail::make_configured(ex, *c, std::move(to), keys, std::move(options));
    settings.follow(sink, [keys](const config::configuration& now) { keys->take(now.values.aws); });
    return sink;
}

KEDGE_DECL std::string stream_of_process(std::string_view host, long process, std::chrono::system_clock::time_point when) {
    constexpr std::size_t longest_host = 255;  // POSIX's limit
    std::string name(host.substr(0, longest_host));
    std::ranges::replace_if(name, [](char c) { return c <= ' ' || c > '~' || c == ':' || c == '*'; }, '-');
    const auto seconds = std::chrono::floor<std::chrono::seconds>(when);
    const auto day = std::chrono::floor<std::chrono::days>(seconds);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(seconds - day);
    char rest[64];
    std::snprintf(rest, sizeof rest, "-%ld-%04d%02u%02uT%02d%02d%02dZ", process, static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                  static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
    return name + rest;
}

}  // namespace kedge::aws

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <chrono>
#include <kedge/config/impl/duration.hpp>
#include <kedge/config/table.hpp>

namespace kedge::config {

namespace detail {

template <auto Part, auto Member> auto& member(settings& s) { return s.*Part.*Member; }

template <auto Member> auto& payment(settings& s) { return member<&settings::payment, Member>(s); }
template <auto Member> auto& database(settings& s) { return member<&settings::database, Member>(s); }
template <auto Member> auto& aws(settings& s) { return member<&settings::aws, Member>(s); }

inline bool is_visible(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c != '\x7f'; });
}

/// A host, whatever its letters, and perhaps a port.
inline bool is_host_and_port(std::string_view text) noexcept {
    const bool address = text.starts_with('[');
    const auto end = std::min(address ? text.find(']') : text.find(':'), text.size());
    if (end == (address ? text.size() : 0)) return false;
    const std::string_view port = text.substr(end + (address ? 1 : 0));
    if (port.empty()) return true;
    const auto number = port[0] == ':' ? whole_number(port.substr(1)) : std::nullopt;
    return number && *number >= 1 && *number <= 65535;
}

/// No more than what a URL needs to be one, without user and query; the client that uses it looks closer.
inline bool is_url_of(std::string_view scheme, std::string_view text) noexcept {
    if (!is_visible(text) || !text.starts_with(scheme) || text.find_first_of("?#") != std::string_view::npos) return false;
    const std::string_view host = text.substr(scheme.size(), text.find('/', scheme.size()) - scheme.size());
    return host.find('@') == std::string_view::npos && is_host_and_port(host);
}

inline bool is_https(std::string_view text) noexcept { return is_url_of("https://", text); }

inline bool is_endpoint(std::string_view text) noexcept { return is_https(text) || is_url_of("http://", text); }

inline bool is_database_url(std::string_view text) noexcept {
    const auto colon = text.find(':');
    const auto in_scheme = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    };
    return is_visible(text) && colon != std::string_view::npos && colon > 0 && colon + 1 < text.size() &&
           std::ranges::all_of(text.substr(0, colon), in_scheme);
}

inline bool is_region(std::string_view text) noexcept {
    return text.size() <= 63 && !text.empty() &&
           std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

/// CreateLogGroup of the CloudWatch Logs API.
inline bool is_log_group(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 512 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("_-/.#").find(c) != std::string_view::npos;
    });
}

/// CreateLogStream.
inline bool is_log_stream(std::string_view text) noexcept {
    return is_visible(text) && text.size() <= 512 && text.find_first_of(":*") == std::string_view::npos;
}

inline bool is_path(std::string_view text) noexcept { return !text.empty() && text.find('\0') == std::string_view::npos; }

inline constexpr std::string_view level_names[] = {"trace", "debug", "info", "warning", "error", "critical"};
inline constexpr std::string_view format_names[] = {"python", "json"};
inline constexpr std::string_view sink_names[] = {"console", "cloudwatch"};
inline constexpr std::string_view switch_names[] = {"false", "true"};
inline constexpr std::string_view client_names[] = {"payment", "database"};

inline constexpr std::uint32_t bits(bool first, bool second) noexcept { return (first ? 1U : 0U) | (second ? 2U : 0U); }

inline constexpr choice_form level_form = {level_names, [](const settings& s) { return static_cast<std::size_t>(s.log.least); },
                                           [](settings& s, std::size_t i) { s.log.least = static_cast<log::level>(i); }};
inline constexpr choice_form format_form = {format_names,
                                            [](const settings& s) { return static_cast<std::size_t>(s.log.format); },
                                            [](settings& s, std::size_t i) { s.log.format = static_cast<log_format>(i); }};
inline constexpr list_form sinks_form = {sink_names, [](const settings& s) { return bits(s.log.console, s.log.cloudwatch); },
                                         [](settings& s, std::uint32_t which) {
                                             s.log.console = which & 1U;
                                             s.log.cloudwatch = which & 2U;
                                         }};
inline constexpr list_form bypass_form = {client_names,
                                          [](const settings& s) { return bits(s.payment.bypass, s.database.bypass); },
                                          [](settings& s, std::uint32_t which) {
                                              s.payment.bypass = which & 1U;
                                              s.database.bypass = which & 2U;
                                          }};

/// Off or on, spelt as AWS's own libraries read it.
template <auto Member>
inline constexpr choice_form aws_switch = {switch_names, [](const settings& s) { return std::size_t{s.aws.*Member}; },
                                           [](settings& s, std::size_t i) { s.aws.*Member = i == 1; }};

using std::chrono::hours, std::chrono::milliseconds, std::chrono::minutes, std::chrono::seconds;
using payment_o = kedge::payment_options;
using database_o = kedge::database_options;

inline constexpr std::string_view payments = "Payment service", databases = "Database service", both = "Both clients",
                                  logging = "Log", amazon = "CloudWatch";
inline constexpr bool reload = true, restart = false;

// name, section, form (with the place whose default counts), reloadable, description, example, names of others
inline constexpr row rows[] = {
    {"PAYMENT_SERVICE_URL", payments,
     url_form{{payment<&payment_o::url>}, "https://host[:port][/base-path], without a user", is_https}, reload,
     "The provider's address. The payment client needs it.", "https://api.payment-service.com"},
    {"PAYMENT_API_KEY", payments, secret_form{{payment<&payment_o::api_key>}}, reload,
     "Sent as `Authorization: Bearer`. Without it no such header is sent.", "your_api_key"},
    {"PAYMENT_TIMEOUT", payments, duration_form{{payment<&payment_o::attempt_timeout>}, milliseconds(1), minutes(10), true},
     reload, "For each attempt, waiting for a connection included, and for each health check. Less than PAYMENT_TOTAL_TIMEOUT."},
    {"PAYMENT_RETRY_ATTEMPTS", payments, number_form{{payment<&payment_o::max_retries>}, 0, 10}, reload,
     "Tries after the first: 3 makes up to 4 attempts."},
    {"PAYMENT_TOTAL_TIMEOUT", payments, duration_form{{payment<&payment_o::total_timeout>}, milliseconds(2), hours(1)}, reload,
     "For a charge or refund with all its attempts and waits."},
    {"PAYMENT_CONNECT_TIMEOUT", payments, duration_form{{payment<&payment_o::connect_timeout>}, milliseconds(1), minutes(10)},
     reload, "For name, TCP and TLS together, inside the attempt's time."},
    {"PAYMENT_BREAKER_THRESHOLD", payments, number_form{{payment<&payment_o::breaker_threshold>}, 1, 1000}, reload,
     "Failures in a row that open the circuit breaker."},
    {"PAYMENT_SETTLE_AFTER", payments, duration_form{{payment<&payment_o::settle_after>}, seconds(1), hours(24)}, reload,
     "So long after the last byte may have left, a key that the provider does not know was never executed."},

    {"DATABASE_SERVICE_URL", databases,
     url_form{{database<&database_o::url>},
              "postgresql://user:password@host:port/database, sqlite:/path/to/file.db, sqlite::memory:",
              is_database_url},
     restart, "The database. The database client needs it; one of another scheme is kept, but no client can be made of it.",
     "postgresql://shop@localhost/shop"},
    {"DB_MAX_CONNECTIONS", databases, number_form{{database<&database_o::max_connections>}, 1, 10'000}, reload,
     "Connections open at the same time."},
    {"DB_CONNECTION_TIMEOUT", databases,
     duration_form{{database<&database_o::acquire_timeout>}, milliseconds(1), minutes(10), true}, reload,
     "Waiting until one of the connections is free. Not for opening one: that is DB_CONNECT_TIMEOUT."},
    {"DB_CONNECT_TIMEOUT", databases, duration_form{{database<&database_o::connect_timeout>}, milliseconds(1), minutes(10)},
     reload, "Opening a connection, or making one usable again."},
    {"DB_QUERY_TIMEOUT", databases, duration_form{{database<&database_o::query_timeout>}, milliseconds(1), hours(1)}, reload,
     "For each attempt, waiting for a connection included. Less than DB_TOTAL_TIMEOUT."},
    {"DB_TOTAL_TIMEOUT", databases, duration_form{{database<&database_o::total_timeout>}, milliseconds(2), hours(24)}, reload,
     "For a call with its retries."},
    {"DB_RETRY_ATTEMPTS", databases, number_form{{database<&database_o::max_retries>}, 0, 10}, reload,
     "Tries after the first; only of what is harmless to repeat."},
    {"DB_BREAKER_THRESHOLD", databases, number_form{{database<&database_o::breaker_threshold>}, 1, 1000}, reload,
     "Failures in a row that open the circuit breaker."},

    {"HEALTH_INTERVAL", both,
     duration_form{{payment<&payment_o::health_interval>}, seconds(1), hours(1), false, {database<&database_o::health_interval>}},
     reload, "Between two health checks of `async_run`."},
    {"BYPASS", both, bypass_form, restart, "Clients whose calls go straight through, with only the limit of an attempt.",
     "payment"},

    {"LOG_LEVEL", logging, level_form, reload, "What is less serious is not written."},
    {"LOG_SINKS", logging, sinks_form, restart, "Where records go. The console is standard error."},
    {"LOG_FORMAT", logging, format_form, restart, "Of the console: Python's pattern, or a JSON object on each line."},

    {"CLOUDWATCH_GROUP", amazon, text_form{{aws<&aws_options::log_group>}, "1 to 512 of A-Z a-z 0-9 _ - / . #", is_log_group},
     restart, "The log group. LOG_SINKS with cloudwatch needs it.", "kedge"},
    {"CLOUDWATCH_STREAM", amazon,
     text_form{{aws<&aws_options::log_stream>}, "1 to 512 visible characters without : and *", is_log_stream}, restart,
     "The log stream. Without it the sink makes up a name for this process.", "shop-1"},
    {"CLOUDWATCH_ENDPOINT",
     amazon,
     url_form{{aws<&aws_options::endpoint>}, "https://host[:port], or http:// for this machine", is_endpoint},
     restart,
     "In place of the service's own address.",
     "https://logs.us-east-1.amazonaws.com",
     {"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "AWS_ENDPOINT_URL"}},
    {"CLOUDWATCH_SPOOL", amazon, text_form{{aws<&aws_options::spool>}, "a folder, its parent being there", is_path}, restart,
     "Keeps events on disk until they are settled: nothing that was written is lost with the process. Of this process alone.",
     "/var/spool/shop"},
    {"AWS_REGION",
     amazon,
     text_form{{aws<&aws_options::region>}, "letters a-z, digits and -, such as eu-central-1", is_region},
     restart,
     "The region of CloudWatch.",
     {},
     {"AWS_REGION", "AWS_DEFAULT_REGION"}},
    {"AWS_USE_FIPS_ENDPOINT",
     amazon,
     aws_switch<&aws_options::fips>,
     restart,
     "The endpoints with validated cryptography, that of STS included. Not with CLOUDWATCH_ENDPOINT.",
     {},
     {"AWS_USE_FIPS_ENDPOINT"}},
    {"AWS_USE_DUALSTACK_ENDPOINT",
     amazon,
     aws_switch<&aws_options::dual_stack>,
     restart,
     "The endpoints with IPv4 and IPv6, that of STS included. Not with CLOUDWATCH_ENDPOINT.",
     {},
     {"AWS_USE_DUALSTACK_ENDPOINT"}},
    {"AWS_ACCESS_KEY_ID",
     amazon,
     secret_form{{aws<&aws_options::access_key_id>}},
     reload,
     "Who writes. Without it the next in AWS's chain of credentials decides.",
     "your_access_key",
     {"AWS_ACCESS_KEY_ID"},
     unit::aws_keys},
    {"AWS_SECRET_ACCESS_KEY",
     amazon,
     secret_form{{aws<&aws_options::secret_access_key>}},
     reload,
     "The key to the ID.",
     "your_secret_key",
     {"AWS_SECRET_ACCESS_KEY"},
     unit::aws_keys},
    {"AWS_SESSION_TOKEN",
     amazon,
     secret_form{{aws<&aws_options::session_token>}},
     reload,
     "Goes with keys that end.",
     "your_session_token",
     {"AWS_SESSION_TOKEN"},
     unit::aws_keys},
};

}  // namespace detail

KEDGE_DECL std::span<const row> table() noexcept { return detail::rows; }

KEDGE_DECL const row* find_row(std::string_view name) noexcept {
    const auto found = std::ranges::find(detail::rows, name, &row::name);
    return found == std::end(detail::rows) ? nullptr : found;
}

}  // namespace kedge::config

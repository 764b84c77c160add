// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/database/options.hpp>
#include <kedge/log/level.hpp>
#include <kedge/payment/options.hpp>
#include <kedge/payment/secret.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace kedge::config {

/// Who speaks to a database: `kedge::postgres::client`, `kedge::sqlite::client`, nobody.
enum class database_adapter : std::uint8_t { none, postgres, sqlite };

inline database_adapter adapter_of(std::string_view url) noexcept {
    if (url.starts_with("postgresql://") || url.starts_with("postgres://")) return database_adapter::postgres;
    return url.starts_with("sqlite:") ? database_adapter::sqlite : database_adapter::none;
}

enum class log_format : std::uint8_t { python, json };

/// What is written, and where to.
struct log_options {
    log::level least = log::level::info;  ///< what is less serious is left out
    bool console = true;                  ///< to stderr
    bool cloudwatch = false;
    log_format format = log_format::python;  ///< of the console
};

/// Who and where at AWS, for @ref log_options::cloudwatch.
struct aws_options {
    std::string region = "us-east-1";           ///< [seed]
    secret<std::string> access_key_id{};        ///< all three empty: the next in the chain of credentials
    secret<std::string> secret_access_key{};
    secret<std::string> session_token{};
    std::string log_group{};   ///< required
    std::string log_stream{};  ///< empty: the sink makes one up for this process
    std::string endpoint{};    ///< in place of the service's own
    bool fips = false;         ///< the endpoints with validated cryptography, that of STS included; not with `endpoint`
    bool dual_stack = false;   ///< those with IPv4 and IPv6; not with `endpoint`
    std::string spool{};       ///< folder that keeps events on disk until they are settled; empty: memory only
};

/// All that the table (`kedge/config/table.hpp`) can set. Default-constructed, these are the defaults.
struct settings {
    kedge::payment_options payment{};
    kedge::database_options database{};
    log_options log{};
    aws_options aws{};
};

}  // namespace kedge::config

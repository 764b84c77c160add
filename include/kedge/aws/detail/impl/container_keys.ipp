// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/container_keys.hpp>
#include <kedge/aws/detail/environment_keys.hpp>
#include <kedge/aws/detail/key_answer.hpp>
#include <kedge/detail/config.hpp>

#include <stdexcept>
#include <utility>

namespace kedge::aws::detail {

KEDGE_DECL container_keys::container_keys(const boost::asio::any_io_executor& ex, const config::environment& variables,
                                          const key_server_maker& make)
    : requested_keys(ex, variables, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
    const std::string relative = value_of(variables, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const std::string full = value_of(variables, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    unusable_ = absent("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set");
    if (relative.empty() && full.empty()) return;
    token_ = secret<std::string>(value_of(variables, "AWS_CONTAINER_AUTHORIZATION_TOKEN"));
    unusable_ = failed("AWS_CONTAINER_AUTHORIZATION_TOKEN has a line end or another control character");
    if (!has_token_file() && !http::detail::is_field_value(token_.reveal())) return;
    try {
        container_endpoint at = container_credentials_endpoint(relative, full);
        server_ = make(at.to, {std::chrono::seconds(2), 3});
        target_ = std::move(at.target);
    } catch (const std::exception& e) {
        unusable_ = failed(e.what());
    }
}

KEDGE_DECL http::request container_keys::request_with(const std::string& token) const {
    http::request what{"GET", target_, {{"Accept", "application/json"}}};
    if (!token.empty()) what.headers.push_back({"Authorization", token});
    return what;
}

KEDGE_DECL found_keys container_keys::keys_from(http::response answer) const { return keys_in_json(std::move(answer)); }

}  // namespace kedge::aws::detail

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/environment_keys.hpp>
#include <kedge/aws/detail/key_answer.hpp>
#include <kedge/aws/detail/metadata_keys.hpp>
#include <kedge/detail/config.hpp>

#include <utility>

namespace kedge::aws::detail {

inline constexpr std::string_view roles = "/latest/meta-data/iam/security-credentials/";

/// Becomes a part of a target.
inline bool is_role(std::string_view name) noexcept {
    const auto fits = [](char c) {
        return http::detail::is_alnum(c) || std::string_view("+=,.@_-").find(c) != std::string_view::npos;
    };
    return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, fits);
}

inline http::request with_token(std::string target, std::string token) {
    return {"GET", std::move(target), {{"X-aws-ec2-metadata-token", std::move(token)}}};
}

KEDGE_DECL metadata_keys::metadata_keys(const config::environment& variables, const key_server_maker& make) {
    const std::string disabled = value_of(variables, "AWS_EC2_METADATA_DISABLED");
    const std::string mode = value_of(variables, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    if (!http::detail::same_name(disabled, "true"))
        server_ = make(instance_metadata_endpoint(http::detail::same_name(mode, "ipv6")), {std::chrono::seconds(1), 2});
}

template <class Then> void metadata_keys::ask(http::request what, found_handler done, Then then) {
    server_->ask(std::move(what), [done = std::move(done), then = std::move(then)](error_code ec, http::response answer) mutable {
        if (ec) done(absent("no answer: " + ec.message() + " (a container needs the hop limit 2)"));
        else then(std::move(answer), std::move(done));
    });
}

KEDGE_DECL void metadata_keys::look(found_handler done) {
    if (!server_) return done(absent("AWS_EC2_METADATA_DISABLED is true"));
    http::request what{"PUT", "/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}}};
    ask(std::move(what), std::move(done),
        [this](http::response answer, found_handler then) { got_token(answer, std::move(then)); });
}

KEDGE_DECL void metadata_keys::got_token(const http::response& answer, found_handler done) {
    if (answer.status != 200) return done(absent("the answer to the request for a token is " + std::to_string(answer.status)));
    std::string token = answer.body;
    if (token.empty() || !http::detail::is_field_value(token)) return done(absent("the answer is no token"));
    ask(with_token(std::string(roles), token), std::move(done),
        [this, token](http::response role, found_handler then) { got_role(role, token, std::move(then)); });
}

KEDGE_DECL void metadata_keys::got_role(const http::response& answer, std::string token, found_handler done) {
    if (answer.status == 404) return done(absent("the instance has no role"));
    if (answer.status != 200) return done(failed("the answer to the request for the role is " + std::to_string(answer.status)));
    const std::string role = answer.body.substr(0, answer.body.find_first_of("\r\n"));
    if (!is_role(role)) return done(failed("the answer is no role's name"));
    ask(with_token(std::string(roles) + role, std::move(token)), std::move(done),
        [](http::response keys, found_handler then) { then(keys_in_json(std::move(keys))); });
}

}  // namespace kedge::aws::detail

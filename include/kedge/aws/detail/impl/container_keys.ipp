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
    : executor_(ex), token_file_(value_of(variables, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")),
      token_(value_of(variables, "AWS_CONTAINER_AUTHORIZATION_TOKEN")) {
    const std::string relative = value_of(variables, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const std::string full = value_of(variables, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    unusable_ = absent("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set");
    if (relative.empty() && full.empty()) return;
    try {
        container_endpoint at = container_credentials_endpoint(relative, full);
        server_ = make(at.to, {std::chrono::seconds(2), 3});
        target_ = std::move(at.target);
    } catch (const std::exception& e) {
        unusable_ = failed(e.what());
    }
}

KEDGE_DECL void container_keys::look(found_handler done) {
    if (!server_) return done(unusable_);
    if (token_file_.empty()) return ask({token_, {}}, std::move(done));
    elsewhere(executor_, [this] { return read_token(token_file_); },
              [this, done = std::move(done)](identity_token token) mutable { ask(std::move(token), std::move(done)); });
}

KEDGE_DECL void container_keys::ask(identity_token token, found_handler done) {
    if (!token.reason.empty()) return done(failed("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: " + token.reason));
    if (!http::detail::is_field_value(token.value.reveal()))
        return done(failed("AWS_CONTAINER_AUTHORIZATION_TOKEN has a line end or another control character"));
    http::request what{"GET", target_, {{"Accept", "application/json"}}};
    if (!token.value.reveal().empty()) what.headers.push_back({"Authorization", token.value.reveal()});
    server_->ask(std::move(what), [done = std::move(done)](error_code ec, http::response answer) mutable {
        done(ec ? failed("no answer: " + ec.message()) : keys_in_json(std::move(answer)));
    });
}

}  // namespace kedge::aws::detail

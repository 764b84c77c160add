// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/environment_keys.hpp>
#include <kedge/aws/detail/requested_keys.hpp>
#include <kedge/detail/config.hpp>

#include <utility>

namespace kedge::aws::detail {

KEDGE_DECL requested_keys::requested_keys(const boost::asio::any_io_executor& ex, const config::environment& variables,
                                          std::string_view token_file)
    : executor_(ex), token_variable_(token_file), token_file_(value_of(variables, token_variable_)) {}

KEDGE_DECL void requested_keys::look(found_handler done) {
    if (!server_) return done(unusable_);
    if (!has_token_file()) return ask({token_, {}}, std::move(done));
    elsewhere(executor_, [this] { return read_token(token_file_); },
              [this, done = std::move(done)](const identity_token& token) mutable { ask(token, std::move(done)); });
}

KEDGE_DECL void requested_keys::ask(const identity_token& token, found_handler done) {
    if (!token.reason.empty()) return done(failed(token_variable_ + ": " + token.reason));
    server_->ask(request_with(token.value.reveal()),
                 [this, done = std::move(done)](error_code ec, http::response answer) mutable {
        done(ec ? failed(std::string(silence()) + ": " + ec.message()) : keys_from(std::move(answer)));
    });
}

}  // namespace kedge::aws::detail

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/credentials.hpp>
#include <kedge/detail/config.hpp>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace kedge::aws {

namespace detail {

inline void check_key(std::string_view value, bool may_be_empty, const std::string& name) {
    if (value.empty() && !may_be_empty) throw std::invalid_argument("kedge::aws: the " + name + " is empty");
    if (!std::ranges::all_of(value, [](char c) { return c > ' ' && c <= '~'; }))
        throw std::invalid_argument("kedge::aws: the " + name + " has a space, a line end or another character that it may not "
                                    "have; accepted: visible ASCII");
}

}  // namespace detail

KEDGE_DECL credentials::credentials(std::string access_key_id, secret<std::string> secret_access_key,
                                    secret<std::string> session_token)
    : access_key_id_(std::move(access_key_id)), secret_access_key_(std::move(secret_access_key)),
      session_token_(std::move(session_token)) {
    detail::check_key(access_key_id_, false, "access key id");
    if (access_key_id_.find_first_of("/,") != std::string::npos)
        throw std::invalid_argument("kedge::aws: the access key id has a slash or a comma; accepted: letters and digits. Is it "
                                    "the secret access key?");
    detail::check_key(secret_access_key_.reveal(), false, "secret access key");
    detail::check_key(session_token_.reveal(), true, "session token");
}

}  // namespace kedge::aws

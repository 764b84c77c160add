// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/payment/secret.hpp>

#include <string>

namespace kedge::aws {

/** Keys of an AWS identity: for long those of a user, for an hour or so, with a token, those of a role.
 *
 *  The secret key and the token are overwritten when the object ends, and nothing prints them.
 *
 *  @par Thread safety  As a value.
 */
class credentials {
public:
    /** @param access_key_id      `AKIA…` or `ASIA…`: no secret, it goes out in every request
     *  @param secret_access_key  never leaves the process
     *  @param session_token      of a role; empty: none
     *  @throws std::invalid_argument names the part and the accepted form, never the value: each must be visible ASCII, since a
     *          line end would split a header; what comes from a file has its last line end cut off first */
    credentials(std::string access_key_id, secret<std::string> secret_access_key, secret<std::string> session_token = {});

    const std::string& access_key_id() const noexcept { return access_key_id_; }
    const secret<std::string>& secret_access_key() const noexcept { return secret_access_key_; }
    const secret<std::string>& session_token() const noexcept { return session_token_; }

private:
    std::string access_key_id_;
    secret<std::string> secret_access_key_, session_token_;
};

}  // namespace kedge::aws

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/impl/credentials.ipp>
#endif

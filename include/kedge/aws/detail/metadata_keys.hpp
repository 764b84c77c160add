// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/key_server.hpp>
#include <kedge/aws/detail/key_source.hpp>
#include <kedge/config/environment.hpp>
#include <kedge/http/message.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace kedge::aws::detail {

/// The keys of an EC2 instance's role, from its metadata service: version 2 only, in which every question needs a token that
/// a program gets which was tricked into fetching a URL does not.
class metadata_keys final : public key_source {
public:
    /// `AWS_EC2_METADATA_DISABLED`, `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE`.
    metadata_keys(const config::environment& variables, const key_server_maker& make);

    std::string_view name() const noexcept override { return "instance"; }
    void look(found_handler done) override;

private:
    void got_token(const http::response& answer, found_handler done);
    void got_role(const http::response& answer, std::string token, found_handler done);

    /// Calls `then(answer)`, or ends the look if there is none.
    template <class Then> void ask(http::request what, found_handler done, Then then);

    std::unique_ptr<key_server> server_{};
};

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/metadata_keys.ipp>
#endif

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/requested_keys.hpp>
#include <kedge/aws/endpoint.hpp>

#include <string>
#include <string_view>

namespace kedge::aws::detail {

/// The keys of a role that STS gives to who shows a token of somebody it trusts, such as a Kubernetes cluster.
class web_identity_keys final : public requested_keys {
public:
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN`, `AWS_ROLE_SESSION_NAME`; where `sts` has no region `AWS_REGION`, or
    /// `AWS_DEFAULT_REGION`.
    web_identity_keys(const boost::asio::any_io_executor& ex, const config::environment& variables, endpoint_options sts,
                      const key_server_maker& make);

    std::string_view name() const noexcept override { return "web identity"; }

private:
    http::request request_with(const std::string& token) const override;
    found_keys keys_from(http::response answer) const override;
    std::string_view silence() const noexcept override { return "no answer from STS"; }

    const std::string role_;
    std::string session_;
};

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/web_identity_keys.ipp>
#endif

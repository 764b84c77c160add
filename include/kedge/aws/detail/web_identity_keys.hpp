// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/elsewhere.hpp>
#include <kedge/aws/detail/key_server.hpp>
#include <kedge/aws/detail/key_source.hpp>
#include <kedge/aws/endpoint.hpp>
#include <kedge/config/environment.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace kedge::aws::detail {

/// The keys of a role that STS gives to who shows a token of somebody it trusts, such as a Kubernetes cluster.
class web_identity_keys final : public key_source {
public:
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN`, `AWS_ROLE_SESSION_NAME`; where `sts` has no region `AWS_REGION`, or
    /// `AWS_DEFAULT_REGION`.
    web_identity_keys(const boost::asio::any_io_executor& ex, const config::environment& variables, endpoint_options sts,
                      const key_server_maker& make);

    std::string_view name() const noexcept override { return "web identity"; }
    void look(found_handler done) override;

private:
    void ask(identity_token token, found_handler done);

    boost::asio::any_io_executor executor_;
    found_keys unusable_{};  ///< without a server: why
    std::unique_ptr<key_server> server_{};
    const std::string token_file_, role_;
    std::string session_;
};

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/web_identity_keys.ipp>
#endif

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/elsewhere.hpp>
#include <kedge/aws/detail/key_server.hpp>
#include <kedge/aws/detail/key_source.hpp>
#include <kedge/config/environment.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace kedge::aws::detail {

/// The keys of a container's task or pod, from the agent beside it.
class container_keys final : public key_source {
public:
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `…_FULL_URI`, `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` or `…_TOKEN`.
    container_keys(const boost::asio::any_io_executor& ex, const config::environment& variables, const key_server_maker& make);

    std::string_view name() const noexcept override { return "container"; }
    void look(found_handler done) override;

private:
    void ask(identity_token token, found_handler done);

    boost::asio::any_io_executor executor_;
    found_keys unusable_{};  ///< without a server: why
    std::unique_ptr<key_server> server_{};
    std::string target_{}, token_file_{};
    secret<std::string> token_{};
};

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/container_keys.ipp>
#endif

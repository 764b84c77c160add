// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/requested_keys.hpp>

#include <string>
#include <string_view>

namespace kedge::aws::detail {

/// The keys of a container's task or pod, from the agent beside it.
class container_keys final : public requested_keys {
public:
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `…_FULL_URI`, `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` or `…_TOKEN`.
    container_keys(const boost::asio::any_io_executor& ex, const config::environment& variables, const key_server_maker& make);

    std::string_view name() const noexcept override { return "container"; }

private:
    http::request request_with(const std::string& token) const override;
    found_keys keys_from(http::response answer) const override;
    std::string_view silence() const noexcept override { return "no answer"; }

    std::string target_{};
};

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/container_keys.ipp>
#endif

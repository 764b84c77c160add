// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/credentials_chain.hpp>
#include <kedge/aws/detail/container_keys.hpp>
#include <kedge/aws/detail/environment_keys.hpp>
#include <kedge/aws/detail/key_cache_shell.hpp>
#include <kedge/aws/detail/key_chain.hpp>
#include <kedge/aws/detail/metadata_keys.hpp>
#include <kedge/aws/detail/profile_keys.hpp>
#include <kedge/aws/detail/web_identity_keys.hpp>
#include <kedge/detail/config.hpp>

namespace kedge::aws {

namespace detail {

/// In the order of AWS's own libraries.
inline std::unique_ptr<key_chain> make_chain(const boost::asio::any_io_executor& ex, const config::environment& variables,
                                             const credentials_chain_options& o) {
    if (!o.sts.region.empty()) service_endpoint("sts", o.sts);  // throws what is wrong also if nobody will be asked
    const key_server_maker server = [&](const endpoint& to, key_server_limits limits) {
        return make_key_server(ex, to, limits, o.tls);
    };
    key_chain::sources all;
    all.push_back(std::make_unique<environment_keys>(variables));
    all.push_back(std::make_unique<profile_keys>(ex, variables));
    all.push_back(std::make_unique<web_identity_keys>(ex, variables, o.sts, server));
    all.push_back(std::make_unique<container_keys>(ex, variables, server));
    all.push_back(std::make_unique<metadata_keys>(variables, server));
    return std::make_unique<key_chain>(std::move(all));
}

}  // namespace detail

KEDGE_DECL credentials_chain::credentials_chain(const boost::asio::any_io_executor& ex, credentials_chain_options options) {
    auto chain = detail::make_chain(ex, options.process ? *options.process : config::process_environment(), options);
    chain_ = chain.get();
    shell_ = std::make_shared<detail::key_cache_shell>(ex, std::move(chain));
}

KEDGE_DECL credentials_chain::~credentials_chain() = default;

KEDGE_DECL void credentials_chain::get(credentials_handler done) { shell_->get(std::move(done)); }
KEDGE_DECL void credentials_chain::refresh(credentials_handler done) { shell_->refresh(std::move(done)); }

KEDGE_DECL credentials_snapshot credentials_chain::snapshot() const {
    const auto [expires, since, failures, failed_looks] = shell_->read();
    return {std::string(chain_->answered()), expires, failures, since, failed_looks};
}

}  // namespace kedge::aws

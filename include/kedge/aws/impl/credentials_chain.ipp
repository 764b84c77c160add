// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/credentials_chain.hpp>
#include <kedge/aws/detail/environment_keys.hpp>
#include <kedge/aws/detail/key_cache_shell.hpp>
#include <kedge/aws/detail/key_chain.hpp>
#include <kedge/aws/detail/profile_keys.hpp>
#include <kedge/detail/config.hpp>

namespace kedge::aws {

namespace detail {

inline std::unique_ptr<key_chain> make_chain(const boost::asio::any_io_executor& ex, const config::environment& variables) {
    runtime& rt = runtime::of(ex);
    key_chain::sources all;
    all.push_back(std::make_unique<environment_keys>(variables));
    all.push_back(std::make_unique<profile_keys>(rt, variables));
    return std::make_unique<key_chain>(std::move(all));
}

}  // namespace detail

KEDGE_DECL credentials_chain::credentials_chain(const boost::asio::any_io_executor& ex, credentials_chain_options options) {
    auto chain = detail::make_chain(ex, options.process ? *options.process : config::process_environment());
    chain_ = chain.get();
    shell_ = std::make_shared<detail::key_cache_shell>(ex, std::move(chain));
}

KEDGE_DECL credentials_chain::~credentials_chain() = default;

KEDGE_DECL void credentials_chain::get(credentials_handler done) { shell_->get(std::move(done)); }
KEDGE_DECL void credentials_chain::refresh(credentials_handler done) { shell_->refresh(std::move(done)); }

KEDGE_DECL credentials_snapshot credentials_chain::snapshot() const {
    const auto [expires, failures] = shell_->read();
    return {std::string(chain_->answered()), expires, failures};
}

}  // namespace kedge::aws

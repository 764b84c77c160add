// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/credentials_provider.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>

#include <concepts>
#include <memory>
#include <utility>

namespace kedge::aws {

/** Keys that the program was given, and that stay as they are: of a user, for an emulator, for tests.
 *
 *  @par Executors      Handlers are posted to the executor given.
 *  @par Lifetimes      May outlive its context, but is not asked then.
 *  @par Thread safety  Safe from any thread.
 */
class static_credentials final : public credentials_provider {
public:
    static_credentials(const boost::asio::any_io_executor& ex, credentials keys)
        : executor_(ex), keys_(std::make_shared<const credentials>(std::move(keys))) {}
    template <class C>
        requires std::convertible_to<C&, boost::asio::execution_context&>
    static_credentials(C& ctx, credentials keys)
        : static_credentials(boost::asio::any_io_executor(ctx.get_executor()), std::move(keys)) {}

    void get(credentials_handler done) override;
    /// There are no others: always without keys.
    void refresh(credentials_handler done) override;

private:
    const boost::asio::any_io_executor executor_;
    const std::shared_ptr<const credentials> keys_;
};

}  // namespace kedge::aws

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/impl/static_credentials.ipp>
#endif

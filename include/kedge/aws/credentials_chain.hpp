// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/credentials_provider.hpp>
#include <kedge/aws/endpoint.hpp>
#include <kedge/config/environment.hpp>
#include <kedge/http/message.hpp>
#include <kedge/http/tls.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace kedge::aws {

namespace detail {
class key_cache_shell;
class key_chain;
}  // namespace detail

struct credentials_chain_options {
    /// None: that of the process, read once when the chain is made.
    std::optional<config::environment> process{};

    /// Who is asked with a web identity. Without a region: that of `AWS_REGION` or `AWS_DEFAULT_REGION`, with what
    /// `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT` say.
    endpoint_options sts{};

    http::tls_options tls{};  ///< whom to trust at STS, and at a container's `https://` endpoint
};

/// How a chain of credentials is doing.
struct credentials_snapshot {
    std::string source{};                     ///< which answered: "environment", "profile", "web identity", "container",
                                              ///< "instance"; empty: none yet
    std::optional<http::wall_time> expires{}; ///< of the keys that are in use
    int failures = 0;                         ///< looks in a row that brought no keys
    std::optional<http::wall_time> since{};   ///< when the source first gave those that are in use
    std::uint64_t failed_looks = 0;           ///< all that brought no keys
};

/** Keys from where AWS's own libraries look for them, in their order: the environment, the profile files, a web identity, the
 *  endpoint of a container, the metadata service of an instance (IMDSv2 only).
 *
 *  The first source that is set up counts, and stays the one that counts. Keys are kept, and renewed in the background, by the
 *  first @ref get within 15 minutes of their end; while new ones do not come, the old ones go out for 15 minutes more. Files are
 *  read anew every minute while the keys are in use. Details: docs/reference/cloudwatch.md#credentials.
 *
 *  @par Executors  Handlers are called on the executor given, never inside @ref get or @ref refresh. Files are read on a thread
 *  of their own.
 *  @par Errors     No keys, and a reason that names each source with what it lacks, never a value.
 *  @par Lifetimes  Handlers that wait are called also when the chain is gone, within 12 s. The context must outlive it.
 *  @par Thread safety  Safe from any thread.
 */
class credentials_chain final : public credentials_provider {
public:
    /// @throws std::invalid_argument names what is wrong with `sts`; what is wrong elsewhere is a reason of @ref get
    explicit credentials_chain(const boost::asio::any_io_executor& ex, credentials_chain_options options = {});
    template <class C>
        requires std::convertible_to<C&, boost::asio::execution_context&>
    explicit credentials_chain(C& ctx, credentials_chain_options options = {})
        : credentials_chain(boost::asio::any_io_executor(ctx.get_executor()), std::move(options)) {}
    ~credentials_chain() override;
    credentials_chain(const credentials_chain&) = delete;
    credentials_chain& operator=(const credentials_chain&) = delete;

    void get(credentials_handler done) override;

    /// As @ref credentials_provider::refresh. Who asks within 30 s of the last look is told what that one brought.
    void refresh(credentials_handler done) override;

    credentials_snapshot snapshot() const;

private:
    std::shared_ptr<detail::key_cache_shell> shell_;
    const detail::key_chain* chain_;  // the shell owns it
};

}  // namespace kedge::aws

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/impl/credentials_chain.ipp>
#endif

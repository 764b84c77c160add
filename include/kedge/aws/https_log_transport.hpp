// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/credentials_provider.hpp>
#include <kedge/aws/endpoint.hpp>
#include <kedge/aws/log_transport.hpp>
#include <kedge/core/pool_snapshot.hpp>
#include <kedge/http/tls.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <string>
#include <utility>

namespace kedge::aws {

namespace detail {

class https_log_core;
std::shared_ptr<https_log_core> make_https_log_core(const boost::asio::any_io_executor&, endpoint, std::string region,
                                                    std::shared_ptr<credentials_provider>, http::tls_options);

}  // namespace detail

/** Carries log events to CloudWatch Logs over HTTPS, each request signed anew.
 *
 *  It repeats nothing: the delivery does, and counts what may be stored twice. Every address that the endpoint's name leads
 *  to is checked when it is connected to. One transport may serve several sinks of one identity.
 *
 *  @par Executors      Handlers run on the executor given, whatever thread a provider calls from.
 *  @par Errors         Without keys a request ends as @ref answer_kind::stale_credentials with the provider's reason, without an
 *                      answer as `not_sent` or `unknown`, with what went wrong as its message.
 *  @par Lifetimes      Requests under way keep what they need, and end within @ref request_limit; their handlers are called also
 *                      when the transport is gone. It may outlive its context, but is not used then.
 *  @par Thread safety  Safe from any thread.
 */
class https_log_transport final : public log_transport {
public:
    static constexpr nanoseconds connect_limit = std::chrono::seconds(3);  ///< name, TCP and TLS together
    static constexpr nanoseconds request_limit = std::chrono::seconds(15);  ///< keys, waiting, connecting and answer together
    static constexpr int max_connections = 8;  ///< as many requests as a sink may have at once

    /** @param to      of `service_endpoint("logs", …)`
     *  @param region  that its service is in, for the signature
     *  @throws std::invalid_argument if there is no provider, the region is none, or the authorities' file does not load */
    https_log_transport(const boost::asio::any_io_executor& ex, endpoint to, std::string region,
                        std::shared_ptr<credentials_provider> keys, http::tls_options tls = {})
        : core_(detail::make_https_log_core(ex, std::move(to), std::move(region), std::move(keys), std::move(tls))) {}

    void start(log_request what, log_response_handler done) override;
    void refresh_credentials(kedge::detail::unique_function<void()> renewed) override;

    /// Of its connections.
    pool_snapshot connections() const;

private:
    const std::shared_ptr<detail::https_log_core> core_;
};

struct https_transport_options {
    endpoint_options where{};                      ///< the region is required
    std::shared_ptr<credentials_provider> keys{};  ///< required
    http::tls_options tls{};
};

/** The transport of a @ref cloudwatch_sink, in few words:
 *
 *  @code
 *  const auto keys = std::make_shared<aws::static_credentials>(io, aws::credentials{id, secret<std::string>(key)});
 *  aws::cloudwatch_sink sink{io,
 *                            {.group = "shop", .stream = "checkout-1", .fallback = console},
 *                            aws::https_transport(io, {.where = {.region = "eu-central-1"}, .keys = keys})};
 *  @endcode
 *  @throws std::invalid_argument as @ref service_endpoint and @ref https_log_transport do
 */
inline std::shared_ptr<log_transport> https_transport(const boost::asio::any_io_executor& ex, https_transport_options o) {
    endpoint to = service_endpoint("logs", o.where);
    return std::make_shared<https_log_transport>(ex, std::move(to), std::move(o.where.region), std::move(o.keys),
                                                 std::move(o.tls));
}
template <class C>
    requires std::convertible_to<C&, boost::asio::execution_context&>
std::shared_ptr<log_transport> https_transport(C& ctx, https_transport_options o) {
    return https_transport(boost::asio::any_io_executor(ctx.get_executor()), std::move(o));
}

}  // namespace kedge::aws

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/impl/https_log_transport.ipp>
#endif

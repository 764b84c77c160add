// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/cloudwatch_sink.hpp>
#include <kedge/aws/credentials_provider.hpp>
#include <kedge/config/live.hpp>
#include <kedge/config/load.hpp>
#include <kedge/http/tls.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace kedge::aws {

/// What the table of settings does not have.
struct configured_sink_options {
    /// `group` and `stream` are those of the configuration. No `fallback`: the console, in the format that is configured.
    cloudwatch_options sink = {.least = log::level::trace};

    /// Asked when the configuration has no keys; null: a @ref credentials_chain.
    std::shared_ptr<credentials_provider> keys{};

    http::tls_options tls{};
    bool any_host = false;  ///< accept a CLOUDWATCH_ENDPOINT that is neither AWS's nor this machine
};

/** The sink for CloudWatch that a configuration asks for; null if it asks for none.
 *
 *  @code
 *  const auto cloudwatch = aws::configured_sink(io, c);
 *  const auto sink = config::log_sink(c, cloudwatch);
 *  @endcode
 *  All levels pass it: the filter of @ref config::log_sink decides. A stream that has no name gets that of the process, see
 *  @ref stream_of_process. The first keys are looked for when the first batch goes.
 *
 *  @throws config::bad_settings names the setting that cannot be used: a region that is none, an endpoint that is not safe
 *  @throws std::invalid_argument as @ref cloudwatch_sink, for `options.sink`
 */
std::shared_ptr<cloudwatch_sink> configured_sink(const boost::asio::any_io_executor& ex, const config::configuration&,
                                                 configured_sink_options options = {});

/// The same, with the keys of each reload as soon as that is over. They follow for as long as the sink is there.
std::shared_ptr<cloudwatch_sink> configured_sink(const boost::asio::any_io_executor& ex, config::live&,
                                                 configured_sink_options options = {});

template <class C, class Configuration>
    requires std::convertible_to<C&, boost::asio::execution_context&>
std::shared_ptr<cloudwatch_sink> configured_sink(C& ctx, Configuration& c, configured_sink_options options = {}) {
    return configured_sink(boost::asio::any_io_executor(ctx.get_executor()), c, std::move(options));
}

/// "web-1-4711-20251026T152646Z": of one process, and valid as the name of a stream, whatever the machine is called.
std::string stream_of_process(std::string_view host, long process, std::chrono::system_clock::time_point when);

}  // namespace kedge::aws

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/impl/configured_sink.ipp>
#endif

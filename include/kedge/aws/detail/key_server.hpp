// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/endpoint.hpp>
#include <kedge/detail/unique_function.hpp>
#include <kedge/error.hpp>
#include <kedge/http/client.hpp>
#include <kedge/http/message.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>

namespace kedge::aws::detail {

/// An answer, of whatever status, or why there is none.
using key_reply_handler = kedge::detail::unique_function<void(error_code, http::response)>;

/// Who gives out keys, and is asked over HTTP.
class key_server {
public:
    virtual ~key_server() = default;

    /// Calls `done` exactly once, later, within a bounded time.
    virtual void ask(http::request what, key_reply_handler done) = 0;
};

struct key_server_limits {
    nanoseconds timeout;  ///< of one attempt
    int attempts;         ///< while nothing answers, or what answers is out of order (5xx, 429)
};

/// Makes who is asked at an endpoint.
using key_server_maker = std::function<std::unique_ptr<key_server>(const endpoint&, key_server_limits)>;

/** Over HTTP/1.1, straight to the endpoint: no proxy, no redirect.
 *  Each address is checked by @ref endpoint::allows, at each connect.
 *  @throws std::invalid_argument as @ref http::client */
std::unique_ptr<key_server> make_key_server(const boost::asio::any_io_executor&, const endpoint&, key_server_limits,
                                            const http::tls_options& = {});

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/key_server.ipp>
#endif

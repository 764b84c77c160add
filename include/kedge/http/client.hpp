// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/core/event.hpp>
#include <kedge/core/pool_snapshot.hpp>
#include <kedge/detail/post_to.hpp>
#include <kedge/detail/tracked_executor.hpp>
#include <kedge/detail/unique_function.hpp>
#include <kedge/http/error.hpp>
#include <kedge/http/message.hpp>
#include <kedge/http/tls.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace kedge::http {

struct client_options {
    std::string url{};             ///< `https://host[:port][/base-path]`
    bool allow_plain_http = false; ///< accept `http://` in `url`: everything is readable on the way
    tls_options tls{};

    /// Whether a connection may be opened to an address that `url`'s name has; null: to any. Asked at each connect, for each
    /// address, since a name may be made to lead anywhere at any time. From any thread, without a lock; must not throw.
    std::function<bool(const boost::asio::ip::address&)> allow_address{};

    nanoseconds connect_timeout = std::chrono::seconds(5);  ///< name, TCP and TLS together
    nanoseconds timeout = std::chrono::seconds(30);         ///< one request with its answer, waiting for a connection included
    int max_connections = 20;
    std::size_t max_body = 1 << 20;  ///< of an answer, in bytes
    listener on_event{};             ///< the pool's
};

namespace detail {

class client_core;

/// Of one of them.
struct request_source {
    request own{};
    std::shared_ptr<const request> shared{};
};

using request_done = kedge::detail::unique_function<void(error_code, response, send_phase)>;

std::shared_ptr<client_core> make_core(const boost::asio::any_io_executor&, client_options);
boost::asio::any_io_executor executor_of(const client_core&) noexcept;
void start(const std::shared_ptr<client_core>&, request_source, const call&, boost::asio::cancellation_slot, request_done);
pool_snapshot snapshot_of(const client_core&);

/// Brings the end of a request to where its handler runs.
template <class Handler> class request_completion {
    using home = kedge::detail::tracked_home<Handler>;

public:
    request_completion(Handler handler, const boost::asio::any_io_executor& otherwise)
        : work_(kedge::detail::track_home(handler, otherwise)), handler_(std::move(handler)) {}

    /// Never called inside the start of the request, so where the handler belongs it runs in place.
    void operator()(error_code ec, response answer, send_phase phase) {
        const home ex = work_;
        kedge::detail::dispatch_to(ex, [self = std::move(*this), ec, answer = std::move(answer), phase]() mutable {
            auto slot = boost::asio::get_associated_cancellation_slot(self.handler_);
            if (slot.is_connected()) slot.clear();
            [[maybe_unused]] const home work = std::move(self.work_);
            Handler handler(std::move(self.handler_));
            std::move(handler)(ec, std::move(answer), phase);
        });
    }

private:
    home work_;
    Handler handler_;
};

struct start_request {
    std::shared_ptr<client_core> core;

    template <class Handler> void operator()(Handler&& handler, request_source what, call c) const {
        using plain = std::decay_t<Handler>;
        const attempt outer = get_associated_attempt(handler);
        c.deadline = std::min(c.deadline, outer.deadline);
        if (!c.report) c.report = outer.report;
        if (c.tag.empty()) c.tag = outer.tag;
        const auto slot = boost::asio::get_associated_cancellation_slot(handler);
        start(core, std::move(what), c, slot,
              request_completion<plain>(plain(std::forward<Handler>(handler)), executor_of(*core)));
    }
};

}  // namespace detail

/** Requests to one server over HTTP/1.1 and verified TLS, on connections that are kept alive.
 *
 *  It sends one request and reads one answer: no repetition, no redirect, no cookie, no decompression. What it refuses and
 *  why is in docs/reference/http.md. Put it into a @ref pipeline for the rest; answers judge themselves.
 *
 *  @code
 *  kedge::http::client api{io, {.url = "https://api.example.com"}};
 *  auto [ec, answer, phase] = co_await api.async_request({"GET", "/health"}, asio::as_tuple(asio::use_awaitable));
 *  @endcode
 *
 *  A handle on shared state: copies are the same client.
 *  @par Executors  Handlers run on their associated executor, by default @ref get_executor, never inside the call that
 *  started or cancelled.
 *  @par Per-operation cancellation  terminal and partial; the connection is closed.
 *  @par Errors  @ref errc; `kedge::errc::timed_out`, `pool_exhausted`, `pool_closed`; the connect error; of Asio: `eof`,
 *  `connection_reset`, `operation_aborted`. A status of 400 or more is no error.
 *  @par Lifetimes  Running requests keep what they need; the client may be destroyed. The context must outlive both.
 *  @par Thread safety  Safe from any thread.
 */
class client {
public:
    using executor_type = boost::asio::any_io_executor;

    /// @throws std::invalid_argument names what is wrong with the URL, the certificates' file, or the number
    template <class C>
        requires std::convertible_to<C&, boost::asio::execution_context&>
    client(C& ctx, client_options o) : client(executor_type(ctx.get_executor()), std::move(o)) {}
    client(const executor_type& ex, client_options o) : core_(detail::make_core(ex, std::move(o))) {}

    executor_type get_executor() const noexcept { return detail::executor_of(*core_); }

    /// `void(error_code, response, send_phase)`; the phase also tells, when it failed, whether the server can know of it.
    template <class Token = boost::asio::deferred_t> auto async_request(request what, call c, Token&& token = {}) {
        return initiate({.own = std::move(what)}, c, token);
    }
    /// The same for a request that is not given away: it stays as it is until the handler runs, and belongs to the caller then.
    template <class Token = boost::asio::deferred_t>
    auto async_request(std::shared_ptr<const request> what, call c, Token&& token = {}) {
        return initiate({.shared = std::move(what)}, c, token);
    }
    template <class Token = boost::asio::deferred_t>
        requires(!std::same_as<std::remove_cvref_t<Token>, call>)
    auto async_request(request what, Token&& token = {}, boost::source_location where = BOOST_CURRENT_LOCATION) {
        return async_request(std::move(what), call{.place = where}, std::forward<Token>(token));
    }

    /// Of its connections.
    pool_snapshot snapshot() const { return detail::snapshot_of(*core_); }

private:
    template <class Token> auto initiate(detail::request_source what, call c, Token& token) {
        return boost::asio::async_initiate<Token, void(error_code, response, send_phase)>(detail::start_request{core_}, token,
                                                                                          std::move(what), c);
    }

    std::shared_ptr<detail::client_core> core_;
};

}  // namespace kedge::http

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/http/impl/client.ipp>
#endif

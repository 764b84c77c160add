// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/http/message.hpp>
#include <kedge/http/url.hpp>
#include <kedge/testing/detail/certificates.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace kedge::testing {

/// What a server does with one request.
struct served {
    enum class way : std::uint8_t {
        answer,         ///< the generic provider's answer, after `delay`
        reply,          ///< `status`, `headers` and `body` instead; nothing is charged
        raw,            ///< `body` as it is, byte for byte, then the connection is closed
        raw_and_stay,   ///< the same without closing
        silence,        ///< charges, and never answers
        reset,          ///< charges, and resets the connection
        reset_at_once,  ///< resets without charging
    };
    way how = way::answer;
    int status = 200;
    std::vector<http::header> headers{};
    std::string body{};
    nanoseconds delay{0};
};

/** A payment provider on loopback that speaks real HTTPS, on a thread of its own, with a certificate made at its start.
 *
 *  It executes `POST /v1/charges` once for each `Idempotency-Key` and repeats its answer, finds a charge by
 *  `GET /v1/charges?idempotency_key=…`, and answers `GET /health`, as docs/reference/payment-api.md describes; unless it
 *  is told otherwise with @ref next or @ref always.
 *  @par Thread safety  Safe from any thread.
 */
class https_server {
public:
    explicit https_server(certificate_kind kind = certificate_kind::good, bool tls = true);
    ~https_server();
    https_server(const https_server&) = delete;
    https_server& operator=(const https_server&) = delete;

    std::uint16_t port() const noexcept { return port_; }
    /// "https://localhost:<port>"
    std::string url(const std::string& host = "localhost") const;
    /// What a client has to trust.
    const std::string& ca_pem() const noexcept { return identity_.ca; }

    /// For the requests to come, one after the other; before @ref always.
    https_server& next(served what, int times = 1);
    /// For all further requests.
    https_server& always(served what);
    /// One step for each character: `.` is an ordinary answer, `x` a reset before anything is charged.
    https_server& pattern(std::string_view steps);
    /// What arrives before is executed at once and answered then, also if nobody waits for the answer any more.
    https_server& silent_until(time_point when);

    int connections() const;  ///< accepted so far, TLS or not
    int requests() const;
    int charges() const;  ///< executed; a repeated key counts once
    std::vector<http::request> heard() const;

private:
    using tcp = boost::asio::ip::tcp;

    static boost::asio::awaitable<void> accept(https_server& self);
    template <class Stream> static boost::asio::awaitable<void> serve(https_server& self, Stream& stream, tcp::socket& raw);
    static boost::asio::awaitable<void> serve_connection(https_server& self, tcp::socket socket);
    served decide(const http::request&);
    void execute(const http::request&);
    served provide(const http::request&);

    detail::identity identity_;
    boost::asio::io_context io_{1};
    boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_server};
    tcp::acceptor acceptor_{io_};
    std::uint16_t port_ = 0;
    bool encrypted_;
    mutable std::mutex mutex_;
    std::deque<served> script_;
    served otherwise_;
    time_point silent_until_{};
    std::map<std::string, std::string> charged_;  // answers by key
    std::vector<http::request> heard_;
    int connections_ = 0;
    std::thread thread_;
};

}  // namespace kedge::testing

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/testing/detail/https_server.ipp>
#endif

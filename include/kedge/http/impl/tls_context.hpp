// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/error.hpp>
#include <kedge/http/impl/tls_sessions.hpp>
#include <kedge/http/tls.hpp>
#include <kedge/http/url.hpp>

#include <boost/asio/ssl/context.hpp>

namespace kedge::http::detail {

/// Asio's own defaults verify nothing and allow TLS 1.0; here everything is set by hand.
class tls_context {
public:
    explicit tls_context(const tls_options&);

    boost::asio::ssl::context& get() noexcept { return context_; }

    /// Offers what is there, for the handshake to come. @param now the time of day
    void resume(SSL* ssl, std::chrono::system_clock::time_point now) noexcept;
    void drop_session() noexcept { sessions_.drop(); }

private:
    static int on_session(SSL* ssl, SSL_SESSION* made) noexcept;

    boost::asio::ssl::context context_{boost::asio::ssl::context::tls_client};
    tls_sessions sessions_;
    bool resumes_;
};

/// The verified name, SNI and `Host` are one and the same: the URL's host.
error_code expect_host(SSL* ssl, const url& of) noexcept;

/// After the handshake, before the first byte of the application: is the outcome what was asked for? Settings do not count.
bool is_verified(SSL* ssl) noexcept;

}  // namespace kedge::http::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/http/impl/tls_context.ipp>
#endif

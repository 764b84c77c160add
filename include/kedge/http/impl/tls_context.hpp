// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/error.hpp>
#include <kedge/http/tls.hpp>
#include <kedge/http/url.hpp>

#include <boost/asio/ssl/context.hpp>

namespace kedge::http::detail {

/// Asio's own defaults verify nothing and allow TLS 1.0; here everything is set by hand.
class tls_context {
public:
    explicit tls_context(const tls_options&);

    boost::asio::ssl::context& get() noexcept { return context_; }

private:
    boost::asio::ssl::context context_{boost::asio::ssl::context::tls_client};
};

/// The verified name, SNI and `Host` are one and the same: the URL's host.
error_code expect_host(SSL* ssl, const url& of) noexcept;

/// After the handshake, before the first byte of the application: was this really verified?
bool is_verified(SSL* ssl) noexcept;

}  // namespace kedge::http::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/http/impl/tls_context.ipp>
#endif

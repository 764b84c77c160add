// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/http/error.hpp>
#include <kedge/http/impl/tls_context.hpp>

#include <boost/asio/buffer.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace kedge::http::detail {

KEDGE_DECL tls_context::tls_context(const tls_options& o) {
    namespace ssl = boost::asio::ssl;
    SSL_CTX* const native = context_.native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);  // a resumed handshake skips the certificate's checks
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    error_code ec;
    if (!o.ca_file.empty()) context_.load_verify_file(o.ca_file, ec);
    if (ec) throw std::invalid_argument("kedge::http: cannot load certificates from \"" + o.ca_file + "\": " + ec.message());
    if (!o.ca_pem.empty()) context_.add_certificate_authority(boost::asio::buffer(o.ca_pem), ec);
    if (ec) throw std::invalid_argument("kedge::http: no certificate in tls_options::ca_pem: " + ec.message());
    if (o.ca_file.empty() && o.ca_pem.empty()) context_.set_default_verify_paths();
}

KEDGE_DECL std::shared_ptr<tls_context> make_tls_context(const tls_options& o) { return std::make_shared<tls_context>(o); }

KEDGE_DECL error_code expect_host(SSL* ssl, const url& of) noexcept {
    X509_VERIFY_PARAM* const param = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    // an empty name would turn the check off
    const bool set = !of.host.empty() &&
                     (of.is_address() ? X509_VERIFY_PARAM_set1_ip_asc(param, of.host.c_str()) == 1
                                      : X509_VERIFY_PARAM_set1_host(param, of.host.data(), of.host.size()) == 1 &&
                                            SSL_set_tlsext_host_name(ssl, of.host.c_str()) == 1);
    return set ? error_code() : error_code(errc::not_verified);
}

KEDGE_DECL bool is_verified(SSL* ssl) noexcept {
    return SSL_get_verify_result(ssl) == X509_V_OK && SSL_get0_peer_certificate(ssl) != nullptr;
}

}  // namespace kedge::http::detail

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/http/error.hpp>
#include <kedge/http/impl/tls_context.hpp>

#include <boost/asio/buffer.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string_view>

namespace kedge::http::detail {

inline constexpr int min_security = 2;    // 112 bits: RSA of 2048, no SHA-1
inline constexpr int max_certificates = 10;  // between the server's and its authority's; real chains have one to three

/// Where a context of OpenSSL knows its @ref tls_context.
inline int context_slot() noexcept {
    static const int slot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return slot;
}

inline void harden(SSL_CTX* native) noexcept {
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    if (SSL_CTX_get_security_level(native) < min_security) SSL_CTX_set_security_level(native, min_security);
    SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20");  // of TLS 1.2; those of 1.3 are all like that
    SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_verify_depth(native, max_certificates);
    constexpr unsigned char http1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    SSL_CTX_set_alpn_protos(native, http1, sizeof http1);
}

KEDGE_DECL tls_context::tls_context(const tls_options& o) : resumes_(o.resume) {
    SSL_CTX* const native = context_.native_handle();
    harden(native);
    SSL_CTX_set_session_cache_mode(native, resumes_ ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
    SSL_CTX_set_ex_data(native, context_slot(), this);
    if (resumes_) SSL_CTX_sess_set_new_cb(native, &on_session);
    error_code ec;
    if (!o.ca_file.empty()) context_.load_verify_file(o.ca_file, ec);
    if (ec) throw std::invalid_argument("kedge::http: cannot load certificates from \"" + o.ca_file + "\": " + ec.message());
    if (!o.ca_pem.empty()) context_.add_certificate_authority(boost::asio::buffer(o.ca_pem), ec);
    if (ec) throw std::invalid_argument("kedge::http: no certificate in tls_options::ca_pem: " + ec.message());
    if (o.ca_file.empty() && o.ca_pem.empty()) context_.set_default_verify_paths();
}

/// @return 0: the session stays OpenSSL's
KEDGE_DECL int tls_context::on_session(SSL* ssl, SSL_SESSION* made) noexcept {
    if (SSL_session_reused(ssl) || SSL_get_verify_result(ssl) != X509_V_OK) return 0;
    static_cast<tls_context*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_slot()))->sessions_.keep(*made);
    return 0;
}

KEDGE_DECL void tls_context::resume(SSL* ssl, std::chrono::system_clock::time_point now) noexcept {
    if (!resumes_) return;
    if (const tls_session_ptr session = sessions_.get(now)) SSL_set_session(ssl, session.get());
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

struct store_free {
    void operator()(X509_STORE_CTX* c) const noexcept { X509_STORE_CTX_free(c); }
};

/// A resumed handshake shows no certificate: the one that the session remembers has to be valid for this host, today.
inline bool is_still_valid(SSL* ssl) noexcept {
    const std::unique_ptr<X509_STORE_CTX, store_free> check(X509_STORE_CTX_new());
    X509_STORE* const trusted = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    X509* const shown = SSL_get0_peer_certificate(ssl);
    if (!check || X509_STORE_CTX_init(check.get(), trusted, shown, SSL_get_peer_cert_chain(ssl)) != 1) return false;
    X509_STORE_CTX_set_default(check.get(), "ssl_server");
    X509_VERIFY_PARAM* const param = X509_STORE_CTX_get0_param(check.get());
    X509_VERIFY_PARAM_set_auth_level(param, SSL_get_security_level(ssl));
    return X509_VERIFY_PARAM_set1(param, SSL_get0_param(ssl)) == 1 && X509_verify_cert(check.get()) == 1;
}

/// A server that does not know the extension says nothing, and speaks HTTP/1.1.
inline bool speaks_http1(SSL* ssl) noexcept {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl, &name, &size);
    return size == 0 || std::string_view(reinterpret_cast<const char*>(name), size) == "http/1.1";
}

KEDGE_DECL bool is_verified(SSL* ssl) noexcept {
    const SSL_CIPHER* const cipher = SSL_get_current_cipher(ssl);
    return SSL_get_verify_result(ssl) == X509_V_OK && SSL_get0_peer_certificate(ssl) != nullptr &&
           SSL_version(ssl) >= TLS1_2_VERSION && SSL_get_security_level(ssl) >= min_security && cipher &&
           SSL_CIPHER_is_aead(cipher) == 1 && !SSL_get_current_compression(ssl) && speaks_http1(ssl) &&
           (!SSL_session_reused(ssl) || is_still_valid(ssl));
}

}  // namespace kedge::http::detail

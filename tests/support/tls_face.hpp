// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/testing/detail/certificates.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>

#include <string>

namespace kedge_test {

/// Whom the clients of the tests trust.
inline const kedge::testing::detail::signer& authority() {
    static const auto made = kedge::testing::detail::make_authority();
    return made;
}
inline std::string authority_pem() { return kedge::testing::detail::to_pem(authority().certificate.get()); }

/// What a server of the tests shows to its clients: a certificate that may change, and keys of session tickets that stay.
class tls_face {
public:
    using certificate_kind = kedge::testing::certificate_kind;

    explicit tls_face(certificate_kind kind = certificate_kind::good) {
        SSL_CTX_set_session_id_context(context_.native_handle(), reinterpret_cast<const unsigned char*>("test"), 4);
        show(kind);
    }

    boost::asio::ssl::context& context() noexcept { return context_; }
    SSL_CTX* native() noexcept { return context_.native_handle(); }

    void show(certificate_kind kind) { show(kedge::testing::detail::make_identity(kind, authority())); }
    void show(const kedge::testing::detail::identity& made) {
        SSL_CTX_clear_chain_certs(native());
        context_.use_certificate_chain(boost::asio::buffer(made.certificate));
        context_.use_private_key(boost::asio::buffer(made.key), boost::asio::ssl::context::pem);
    }

private:
    boost::asio::ssl::context context_{boost::asio::ssl::context::tls_server};
};

}  // namespace kedge_test

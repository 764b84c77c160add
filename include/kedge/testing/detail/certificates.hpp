// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace kedge::testing {

/// What a server shows to its clients.
enum class certificate_kind : std::uint8_t {
    good,        ///< for localhost and 127.0.0.1
    name_only,   ///< for localhost, not for its address
    wrong_host,  ///< for another.example
    expired,     ///< since yesterday
    no_san,      ///< localhost in the subject's common name only
    unknown_ca,  ///< right, but signed by an authority other than the one that it names
    partial,     ///< for a wildcard inside a label, local*
};

namespace detail {

/// All as PEM.
struct identity {
    std::string ca, certificate, key;
};

struct openssl_free {
    void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
    void operator()(X509* p) const noexcept { X509_free(p); }
    void operator()(BIO* p) const noexcept { BIO_free(p); }
    void operator()(X509_EXTENSION* p) const noexcept { X509_EXTENSION_free(p); }
};
template <class T> using openssl_ptr = std::unique_ptr<T, openssl_free>;

inline openssl_ptr<EVP_PKEY> make_key() { return openssl_ptr<EVP_PKEY>(EVP_EC_gen("P-256")); }

inline void extend(X509* to, X509* issuer, int nid, const char* value) {
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, to, nullptr, nullptr, 0);
    const openssl_ptr<X509_EXTENSION> e(X509V3_EXT_conf_nid(nullptr, &ctx, nid, value));
    if (!e || X509_add_ext(to, e.get(), -1) != 1) throw std::runtime_error("kedge::testing: cannot make a certificate");
}

/// Signed by `issuer_key`, or by itself if there is no issuer. @param days_left may be negative
inline openssl_ptr<X509> make_certificate(const char* name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key, const char* san,
                                          int days_left) {
    openssl_ptr<X509> made(X509_new());
    X509* const x = made.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), issuer ? 2 : 1);
    constexpr long day = 24L * 60 * 60;
    X509_gmtime_adj(X509_getm_notBefore(x), -10 * day);
    X509_gmtime_adj(X509_getm_notAfter(x), days_left * day);
    X509_set_pubkey(x, key);
    const auto* text = reinterpret_cast<const unsigned char*>(name);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, text, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
    extend(x, issuer ? issuer : x, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
    if (san) extend(x, issuer, NID_subject_alt_name, san);
    if (X509_sign(x, issuer_key, EVP_sha256()) == 0) throw std::runtime_error("kedge::testing: cannot sign a certificate");
    return made;
}

template <class Write> std::string to_pem(Write write) {
    const openssl_ptr<BIO> memory(BIO_new(BIO_s_mem()));
    write(memory.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}
inline std::string to_pem(X509* x) {
    return to_pem([x](BIO* b) { PEM_write_bio_X509(b, x); });
}

inline const char* san_of(certificate_kind kind) noexcept {
    switch (kind) {
    case certificate_kind::name_only: return "DNS:localhost";
    case certificate_kind::wrong_host: return "DNS:another.example";
    case certificate_kind::no_san: return nullptr;
    case certificate_kind::partial: return "DNS:pay*.example.com";
    default: return "DNS:localhost,IP:127.0.0.1";
    }
}

inline identity make_identity(certificate_kind kind) {
    const auto ca_key = make_key(), key = make_key(), other_key = make_key();
    const auto ca = make_certificate("kedge test CA", ca_key.get(), nullptr, ca_key.get(), nullptr, 10);
    EVP_PKEY* const signer = kind == certificate_kind::unknown_ca ? other_key.get() : ca_key.get();
    const int days = kind == certificate_kind::expired ? -1 : 5;
    const auto leaf = make_certificate("localhost", key.get(), ca.get(), signer, san_of(kind), days);
    return {to_pem(ca.get()), to_pem(leaf.get()), to_pem([&](BIO* b) {
                PEM_write_bio_PrivateKey(b, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
            })};
}

}  // namespace detail
}  // namespace kedge::testing

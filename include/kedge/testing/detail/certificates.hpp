// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace kedge::testing {

/// What a server shows to its clients.
enum class certificate_kind : std::uint8_t {
    good,             ///< for localhost and 127.0.0.1
    intermediate,     ///< the same, with the authority between that signed it
    no_intermediate,  ///< the same, without it
    long_chain,       ///< the same, with forty of them
    wildcard,         ///< for *.example.com
    name_only,        ///< for localhost, not for its address
    address_only,     ///< for 127.0.0.1, not for localhost
    wrong_host,       ///< for another.example
    expired,          ///< since yesterday
    not_yet_valid,    ///< until tomorrow
    no_san,           ///< localhost in the subject's common name only
    self_signed,      ///< right, but nobody's
    unknown_ca,       ///< right, but signed by an authority other than the one that it names
    partial,          ///< for a wildcard inside a label, pay*.example.com
    two_wildcards,    ///< for *.*.com
    for_clients,      ///< right, but for the other side of a connection
    revoked,          ///< right, and names a list of revoked certificates that it is on
};

namespace detail {

/// All as PEM; the certificate with what stands between it and the authority.
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

/// A certificate to be made. Its time counts from now.
struct certificate_plan {
    const char* name;
    const char* san = nullptr;
    std::chrono::seconds from = -std::chrono::days(10), to = std::chrono::days(5);
    bool authority = false;
    const char* revocation_list = nullptr;
    const char* usage = nullptr;
};

/// A certificate with its key.
struct signer {
    openssl_ptr<EVP_PKEY> key = make_key();
    openssl_ptr<X509> certificate{};
};

/// Signed by `issuer`, or by itself if that has no certificate yet. @param key of `issuer`, or another that only pretends
inline openssl_ptr<X509> make_certificate(const certificate_plan& plan, EVP_PKEY* own, X509* issuer, EVP_PKEY* key) {
    openssl_ptr<X509> made(X509_new());
    X509* const x = made.get();
    X509* const by = issuer ? issuer : x;
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), issuer ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(x), plan.from.count());
    X509_gmtime_adj(X509_getm_notAfter(x), plan.to.count());
    X509_set_pubkey(x, own);
    const auto* text = reinterpret_cast<const unsigned char*>(plan.name);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, text, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(by));
    extend(x, by, NID_basic_constraints, plan.authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (plan.san) extend(x, by, NID_subject_alt_name, plan.san);
    if (plan.revocation_list) extend(x, by, NID_crl_distribution_points, plan.revocation_list);
    if (plan.usage) extend(x, by, NID_ext_key_usage, plan.usage);
    if (X509_sign(x, key, EVP_sha256()) == 0) throw std::runtime_error("kedge::testing: cannot sign a certificate");
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

inline std::string to_pem(EVP_PKEY* key) {
    return to_pem([key](BIO* b) { PEM_write_bio_PrivateKey(b, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

inline certificate_plan plan_of(certificate_kind kind) noexcept {
    using k = certificate_kind;
    certificate_plan p{.name = "localhost", .san = "DNS:localhost,IP:127.0.0.1"};
    switch (kind) {
    case k::wildcard: p.san = "DNS:*.example.com"; break;
    case k::name_only: p.san = "DNS:localhost"; break;
    case k::address_only: p.san = "IP:127.0.0.1"; break;
    case k::wrong_host: p.san = "DNS:another.example"; break;
    case k::no_san: p.san = nullptr; break;
    case k::partial: p.san = "DNS:pay*.example.com"; break;
    case k::two_wildcards: p.san = "DNS:*.*.com"; break;
    case k::expired: p.to = -std::chrono::days(1); break;
    case k::not_yet_valid: p.from = std::chrono::days(1); break;
    case k::for_clients: p.usage = "clientAuth"; break;
    case k::revoked: p.revocation_list = "URI:http://localhost/revoked.crl"; break;
    default: break;
    }
    return p;
}

constexpr int intermediates_of(certificate_kind kind) noexcept {
    if (kind == certificate_kind::long_chain) return 40;
    return kind == certificate_kind::intermediate || kind == certificate_kind::no_intermediate ? 1 : 0;
}

inline signer make_authority() {
    signer made;
    const certificate_plan plan{.name = "kedge test CA", .to = std::chrono::days(10), .authority = true};
    made.certificate = make_certificate(plan, made.key.get(), nullptr, made.key.get());
    return made;
}

/// @param ca whom clients trust
inline identity make_identity(certificate_kind kind, const certificate_plan& plan, const signer& ca) {
    std::string chain;
    signer above;
    const signer* issuer = &ca;
    for (int i = 0; i < intermediates_of(kind); ++i) {
        signer next;
        const std::string name = "kedge intermediate " + std::to_string(i);
        next.certificate = make_certificate({.name = name.c_str(), .authority = true}, next.key.get(), issuer->certificate.get(),
                                            issuer->key.get());
        chain.insert(0, to_pem(next.certificate.get()));
        above = std::move(next);
        issuer = &above;
    }
    const auto key = make_key(), other_key = make_key();
    const bool alone = kind == certificate_kind::self_signed, pretended = kind == certificate_kind::unknown_ca;
    EVP_PKEY* const signing = alone ? key.get() : pretended ? other_key.get() : issuer->key.get();
    const auto leaf = make_certificate(plan, key.get(), alone ? nullptr : issuer->certificate.get(), signing);
    if (kind == certificate_kind::no_intermediate) chain.clear();
    return {to_pem(ca.certificate.get()), to_pem(leaf.get()) + chain, to_pem(key.get())};
}

inline identity make_identity(certificate_kind kind, const signer& ca) { return make_identity(kind, plan_of(kind), ca); }
inline identity make_identity(certificate_kind kind) { return make_identity(kind, make_authority()); }

}  // namespace detail
}  // namespace kedge::testing

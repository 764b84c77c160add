// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/impl/canonical_request.hpp>
#include <kedge/aws/impl/sha256.hpp>
#include <kedge/aws/sigv4.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/log/detail/iso_time.hpp>
#include <kedge/payment/impl/quoted.hpp>

#include <openssl/crypto.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace kedge::aws {

namespace detail {

/// "20151026T152646Z"
inline std::string basic_time(http::wall_time when) {
    const std::string iso = log::detail::iso_time(when);
    std::string out;
    for (const char c : std::string_view(iso).substr(0, iso.find('.')))
        if (c != '-' && c != ':') out += c;
    return out += 'Z';
}

inline void check_scope(std::string_view value, const std::string& name) {
    if (value.empty() || !std::ranges::all_of(value, [](char c) {
            return (c >= 'a' && c <= 'z') || http::detail::is_digit(c) || c == '-';
        }))
        throw std::invalid_argument("kedge::aws: " + kedge::detail::quoted(value) + " is no " + name +
                                    "; accepted: lower-case letters, digits and hyphens");
}

/// What @ref sigv4_signer::sign adds itself.
inline bool is_of_signature(std::string_view name) noexcept {
    return http::detail::same_name(name, "authorization") || http::detail::same_name(name, "x-amz-date") ||
           http::detail::same_name(name, "x-amz-security-token") ||
           http::detail::same_name(name, "x-amz-content-sha256");
}

}  // namespace detail

KEDGE_DECL sigv4_signer::sigv4_signer(http::url to, std::string region, std::string service, sigv4_rules rules)
    : to_(std::move(to)), region_(std::move(region)), service_(std::move(service)), rules_(rules) {
    detail::check_scope(region_, "region");
    detail::check_scope(service_, "service");
}

KEDGE_DECL const std::string& sigv4_signer::key_for(const credentials& keys, std::string_view date) {
    const std::string &mine = secret_.reveal(), &theirs = keys.secret_access_key().reveal();
    const bool same = mine.size() == theirs.size() && CRYPTO_memcmp(mine.data(), theirs.data(), mine.size()) == 0;
    if (same && date_ == date) return key_.reveal();
    std::string salted;
    salted.reserve(4 + theirs.size());  // growing would leave copies behind
    const secret<std::string> seed(std::move((salted += "AWS4") += theirs));
    kedge::detail::wipe(salted);
    const secret<std::string> of_date(detail::hmac_sha256(seed.reveal(), date));
    const secret<std::string> of_region(detail::hmac_sha256(of_date.reveal(), region_));
    const secret<std::string> of_service(detail::hmac_sha256(of_region.reveal(), service_));
    secret<std::string> key(detail::hmac_sha256(of_service.reveal(), "aws4_request"));
    std::string day(date);
    secret_ = keys.secret_access_key();
    key_ = std::move(key);
    date_ = std::move(day);
    return key_.reveal();
}

KEDGE_DECL void sigv4_signer::sign(http::request& what, const credentials& keys, http::wall_time when) {
    const std::string time = detail::basic_time(when), date = time.substr(0, time.find('T'));
    const std::string body_hash = detail::hex(detail::sha256(what.body));
    http::request form{what.method, to_.base + what.target};
    std::copy_if(what.headers.begin(), what.headers.end(), std::back_inserter(form.headers),
                 [](const http::header& h) { return !detail::is_of_signature(h.name); });
    form.headers.push_back({"X-Amz-Date", time});
    if (rules_.content_sha256) form.headers.push_back({"X-Amz-Content-Sha256", body_hash});
    const std::string& token = keys.session_token().reveal();
    const auto add_token = [&] { form.headers.push_back({"X-Amz-Security-Token", token}); };
    if (!token.empty() && rules_.sign_token) add_token();

    detail::canonical_request canonical =
        detail::make_canonical(form, to_.authority(), body_hash, rules_.normalise_path);
    const std::string scope = date + '/' + region_ + '/' + service_ + "/aws4_request";
    const std::string signature = detail::hex(detail::hmac_sha256(
        key_for(keys, date), detail::string_to_sign(time, scope, detail::hex(detail::sha256(canonical.text)))));
    kedge::detail::wipe(canonical.text);  // it has the token
    if (!token.empty() && !rules_.sign_token) add_token();
    form.headers.push_back({"Authorization", "AWS4-HMAC-SHA256 Credential=" + keys.access_key_id() + '/' + scope +
                                                 ", SignedHeaders=" + canonical.signed_names +
                                                 ", Signature=" + signature});
    what.headers = std::move(form.headers);
}

}  // namespace kedge::aws

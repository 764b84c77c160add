// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/http/impl/characters.hpp>
#include <kedge/http/message.hpp>
#include <kedge/log/detail/escape.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The form of a request that both sides of a signature agree on (SigV4, "canonical request").

namespace kedge::aws::detail {

/// Percent-encodes every byte that is neither unreserved (RFC 3986) nor one of `keep`.
inline void append_encoded(std::string& out, std::string_view text, std::string_view keep) {
    for (const char c : text) {
        if (http::detail::is_alnum(c) || std::string_view("-._~").find(c) != std::string_view::npos ||
            keep.find(c) != std::string_view::npos) {
            out += c;
            continue;
        }
        out += '%';
        out += "0123456789ABCDEF"[static_cast<std::uint8_t>(c) >> 4];
        out += "0123456789ABCDEF"[static_cast<std::uint8_t>(c) & 15];
    }
}

constexpr int hex_digit(char c) noexcept {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/// A percent sign that begins no escape stands for itself.
inline std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool whole =
            text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
        out += whole ? static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
        if (whole) i += 2;
    }
    return out;
}

/// Without ".", ".." and empty segments; a slash at the end stays.
inline std::string normalised_path(std::string_view path) {
    std::vector<std::string_view> segments;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        const std::string_view one = path.substr(at, end - at);
        if (one == ".." && !segments.empty()) segments.pop_back();
        if (!one.empty() && one != "." && one != "..") segments.push_back(one);
        at = end + 1;
    }
    std::string out;
    for (const std::string_view one : segments) (out += '/') += one;
    if (segments.empty() || path.ends_with('/')) out += '/';
    return out;
}

inline std::string canonical_path(std::string_view path, bool normalise) {
    std::string out;
    if (normalise) append_encoded(out, normalised_path(path), "/");
    else append_encoded(out, path.empty() ? "/" : path, "/%");
    return out;
}

/// Sorted by name, then value, after encoding: "a=1" comes before "a-b=1", which it would not as text.
inline std::string canonical_query(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> all;
    for (std::size_t at = 0; at < query.size();) {
        const std::size_t end = std::min(query.find('&', at), query.size());
        const std::string_view one = query.substr(at, end - at);
        const std::size_t equals = std::min(one.find('='), one.size());
        std::pair<std::string, std::string> encoded;
        append_encoded(encoded.first, percent_decoded(one.substr(0, equals)), "");
        append_encoded(encoded.second, percent_decoded(one.substr(std::min(equals + 1, one.size()))), "");
        if (!one.empty()) all.push_back(std::move(encoded));
        at = end + 1;
    }
    std::sort(all.begin(), all.end());
    std::string out;
    for (const auto& [name, value] : all) {
        if (!out.empty()) out += '&';
        ((out += name) += '=') += value;
    }
    return out;
}

/// What may change on the way, or belongs to who passes it on (botocore's list).
inline bool is_signed(std::string_view lower_name) noexcept {
    constexpr std::array<std::string_view, 13> never = {
        "authorization",       "connection", "expect",         "keep-alive", "proxy-authenticate",
        "proxy-authorization", "te",         "trailer",        "upgrade",    "transfer-encoding",
        "proxy-connection",    "user-agent", "x-amzn-trace-id"};
    return std::find(never.begin(), never.end(), lower_name) == never.end();
}

inline void append_collapsed(std::string& out, std::string_view value) {
    bool gap = false;
    for (const char c : http::detail::trimmed(value)) {
        const bool space = c == ' ' || c == '\t';
        if (!space && gap) out += ' ';
        if (!space) out += c;
        gap = space;
    }
}

/// Header fields by lower-case name; the values of one name in the order they came.
inline std::map<std::string, std::string> canonical_headers(const std::vector<http::header>& headers,
                                                            std::string host) {
    std::map<std::string, std::string> out{{"host", std::move(host)}};
    for (const http::header& one : headers) {
        std::string name = one.name;
        for (char& c : name)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if (name == "host" || !is_signed(name)) continue;
        const auto [field, first] = out.try_emplace(std::move(name));
        if (!first) field->second += ',';
        append_collapsed(field->second, one.value);
    }
    return out;
}

struct canonical_request {
    std::string text, signed_names;  ///< the text has the session token: never show it
};

/// @param what  method, target with the base path in front, and headers count
inline canonical_request make_canonical(const http::request& what, std::string host, std::string_view body_hash,
                                        bool normalise) {
    const std::string_view target = what.target;
    const std::size_t question = std::min(target.find('?'), target.size());
    canonical_request out{what.method + '\n' + canonical_path(target.substr(0, question), normalise) + '\n' +
                              canonical_query(target.substr(std::min(question + 1, target.size()))) + '\n',
                          {}};
    for (const auto& [name, value] : canonical_headers(what.headers, std::move(host))) {
        (((out.text += name) += ':') += value) += '\n';
        if (!out.signed_names.empty()) out.signed_names += ';';
        out.signed_names += name;
    }
    (((out.text += '\n') += out.signed_names) += '\n') += body_hash;
    return out;
}

/// What the key signs. @param hash  of the canonical request, in hex
inline std::string string_to_sign(std::string_view time, std::string_view scope, std::string_view hash) {
    std::string out = "AWS4-HMAC-SHA256\n";
    return ((((out += time) += '\n') += scope) += '\n') += hash;
}

}  // namespace kedge::aws::detail

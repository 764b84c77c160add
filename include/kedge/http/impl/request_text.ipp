// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/http/impl/characters.hpp>
#include <kedge/http/impl/request_text.hpp>

#include <initializer_list>
#include <string_view>

namespace kedge::http::detail {

KEDGE_DECL error_code check(const request& r) noexcept {
    // CONNECT makes a tunnel of the connection
    if (!is_token(r.method) || r.method == "CONNECT" || !is_target(r.target)) return errc::bad_request;
    for (const header& h : r.headers) {
        if (!is_token(h.name) || !is_field_value(h.value)) return errc::bad_request;
        for (const auto own : {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te"})
            if (same_name(h.name, own)) return errc::bad_request;
    }
    return {};
}

KEDGE_DECL std::string text_of(const request& r, const url& to) {
    const auto append = [](std::string& out, std::initializer_list<std::string_view> parts) {
        for (const auto part : parts) out += part;
    };
    const std::string_view joined = r.body.size() <= most_joined_body ? std::string_view(r.body) : std::string_view();
    std::string out;
    out.reserve(256 + joined.size());
    append(out, {r.method, " ", to.base, r.target, " HTTP/1.1\r\nHost: ", to.authority(), "\r\n"});
    for (const header& h : r.headers) append(out, {h.name, ": ", h.value, "\r\n"});
    if (!r.body.empty() || (r.method != "GET" && r.method != "HEAD"))
        append(out, {"Content-Length: ", std::to_string(r.body.size()), "\r\n"});
    append(out, {"\r\n", joined});
    return out;
}

}  // namespace kedge::http::detail

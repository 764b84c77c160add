// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/http/error.hpp>
#include <kedge/http/message.hpp>
#include <kedge/http/url.hpp>

#include <cstddef>
#include <string>

namespace kedge::http::detail {

/// What must be right before any byte leaves. `Host`, `Content-Length`, `Transfer-Encoding` and `Connection` are ours.
error_code check(const request&) noexcept;

/// A larger body is written from where it is, not copied behind its head. As much as a record of TLS takes.
inline constexpr std::size_t most_joined_body = 16 * 1024;

/// The bytes of a checked request, up to a body that is larger than that.
std::string text_of(const request&, const url& to);

}  // namespace kedge::http::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/http/impl/request_text.ipp>
#endif

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/http/impl/characters.hpp>
#include <kedge/verdict.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kedge::http {

/// How far an attempt got. Only below `partial` is it certain that the other side did nothing.
enum class send_phase : std::uint8_t {
    none,           ///< not even the name was looked up
    resolved,       ///< the address is known
    connected,      ///< TCP is up
    tls_done,       ///< the peer is verified; no byte of the application was written yet
    partial,        ///< some bytes of the request were handed over
    complete,       ///< all of them
    response_head,  ///< an answer began
    response_done,  ///< the answer is complete and well formed
};

struct header {
    std::string name, value;
};

/// What is asked. May hold secrets: it is never printed or logged.
struct request {
    std::string method, target;
    std::vector<header> headers{};
    std::string body{};
};

struct response {
    int status = 0;
    std::vector<header> headers{};
    std::string body{};

    /// Of the first header called so, in whatever case; empty if there is none.
    std::string_view operator[](std::string_view name) const noexcept;
};

inline std::string_view response::operator[](std::string_view name) const noexcept {
    for (const header& h : headers)
        if (detail::same_name(h.name, name)) return h.value;
    return {};
}

using wall_time = std::chrono::system_clock::time_point;

/** The longest that the answer's `Retry-After` fields ask to wait: seconds, or a date in one of the three forms of RFC 9110,
 *  which counts from the answer's own `Date`, so that no clock of ours has to agree.
 *  @param received when the answer came, by our clock; counts where it has no valid `Date`
 *  @return at most an hour; zero if nothing valid is there, or if the date is past */
nanoseconds retry_after(const response&, std::optional<wall_time> received = {}) noexcept;

/// The answer's `Date`, in any of those forms; nothing without a valid one between 1970 and 2200.
/// @param received when the answer came, by our clock: tells the century of a year of two digits
std::optional<wall_time> date_of(const response&, wall_time received) noexcept;

/// A pipeline judges answers by this: 429 and 503 are overload with @ref retry_after, other 5xx are failures, everything
/// below 500 says nothing against the server.
verdict kedge_classify(const error_code&, const response&) noexcept;

}  // namespace kedge::http

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/http/impl/message.ipp>
#endif

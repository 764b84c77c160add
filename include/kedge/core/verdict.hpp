// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>

#include <cstdint>

namespace kedge {

/// What the end of an attempt says about the dependency.
enum class kind : std::uint8_t {
    success,   ///< it answered, be it with an error of the application
    failure,   ///< it did not do its work
    overload,  ///< it asks for less traffic
    neutral,   ///< nothing: cancelled by the caller, refused by kedge itself, or asked to come back (`verdict::again`)
};

/// Whether repeating the attempt may do harm.
enum class replay : std::uint8_t {
    never,          ///< repeating is pointless or dangerous
    if_idempotent,  ///< it may have been executed: repeat only what is harmless to repeat
    always,         ///< it certainly was not executed
};

/// The judgement that every policy acts on; made once per attempt by @ref classify.
struct verdict {
    kind judged = kind::success;
    replay again = replay::never;
    nanoseconds retry_after{0};  ///< the server's own hint; zero: none given

    friend constexpr bool operator==(const verdict&, const verdict&) = default;
};

constexpr bool is_bad(kind judged) noexcept { return judged == kind::failure || judged == kind::overload; }

}  // namespace kedge

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>
#include <kedge/core/verdict.hpp>

#include <boost/system/error_code.hpp>

#include <cstdint>

namespace kedge {

/// Why a circuit breaker or a concurrency limit said no.
enum class refusal : std::uint8_t {
    none,            ///< it said yes
    open,            ///< the breaker is open
    half_open_full,  ///< the breaker is probing, and the probe is under way
    isolated,        ///< somebody holds an `isolation` of the breaker
    full,            ///< the concurrency limit is reached
};

constexpr const char* to_string(refusal why) noexcept {
    switch (why) {
    case refusal::none: return "none";
    case refusal::open: return "open";
    case refusal::half_open_full: return "half_open_full";
    case refusal::isolated: return "isolated";
    case refusal::full: return "full";
    }
    return "?";
}

namespace core {

/// The answer to "may this call start?".
struct admission {
    refusal why = refusal::none;
    std::uint64_t ticket = 0;    ///< comes back with the @ref outcome
    nanoseconds retry_after{0};  ///< of a refusal; zero: unknown
};

/// How an admitted call ended.
struct outcome {
    verdict said{};
    time_point started{}, ended{};
    boost::system::error_code cause{};
};

}  // namespace core
}  // namespace kedge

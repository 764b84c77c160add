// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>
#include <kedge/core/verdict.hpp>
#include <kedge/error.hpp>

#include <boost/assert/source_location.hpp>

#include <array>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>

namespace kedge {

struct call_report;

/// May this call be repeated?
enum class repeat : std::uint8_t {
    as_configured,  ///< what the pipeline's `retry_options::idempotent` says
    harmless,       ///< yes: executing it twice is the same as once
    forbidden,      ///< no, whatever the pipeline says; also not when it certainly was not sent
};

/** What belongs to one call; the same for pipeline, pool and both clients.
 *
 *  Trivially destructible, so that it is safe as a temporary inside a `co_await` expression on GCC 12.
 */
struct call {
    time_point deadline = never;     ///< the caller's own, e.g. of the request it serves; policies only shorten it
    call_report* report = nullptr;   ///< filled before the handler runs, untouched if the call is abandoned
    std::string_view tag{};          ///< shows in refusals and reports; must have static storage
    repeat repeating = repeat::as_configured;
    boost::source_location place = BOOST_CURRENT_LOCATION;  ///< shows in refusals and reports
};
static_assert(std::is_trivially_destructible_v<call>);

/// What a running call tells the operation inside it: `op(const kedge::attempt&, token)`.
struct attempt {
    int number = 1;                 ///< from 1
    time_point deadline = never;    ///< the tightest so far
    call_report* report = nullptr;  ///< may be null
    std::string_view tag{};
    repeat repeating = repeat::as_configured;
    boost::source_location place = BOOST_CURRENT_LOCATION;
};
static_assert(std::is_trivially_destructible_v<attempt>);

/// The part of a call that stopped it.
enum class stage : std::uint8_t { none, total_timeout, retry, budget, breaker, limit, timeout, pool, operation };

/// One attempt, as the report remembers it.
struct attempt_record {
    int number = 0;
    error_code error{};
    verdict judged{};
    nanoseconds latency{0};
    nanoseconds waited_before{0};
    std::uint8_t phase = 0;  ///< set by the operation; for kedge's http transport a `http::send_phase`
};

/// One line of "who holds the connections".
struct holder {
    boost::source_location place;
    std::string_view tag{};
    nanoseconds held{0};  ///< the longest of them
    int count = 0;
};

/// Why a pool refused. Zero `max`: no pool refused.
enum class pool_refusal : std::uint8_t { none, queue_full, timed_out, down, closed };

struct pool_report {
    pool_refusal why = pool_refusal::none;
    int used = 0, max = 0, waiting = 0, dialing = 0;
    int resetting = 0;  ///< given back, but their server may still be working: they count, and cannot be lent
    nanoseconds oldest_wait{0};
    error_code last_connect_error{};
    std::array<holder, 4> holders{};
};

/// The dependency's own words about its last error, e.g. an SQLSTATE and the server's message. Cut to fit, never a secret.
class remark {
public:
    constexpr void set(std::string_view code, std::string_view text) noexcept {
        copy(code, code_);
        copy(text, text_);
    }
    constexpr std::string_view code() const noexcept { return {code_.data()}; }
    constexpr std::string_view text() const noexcept { return {text_.data()}; }

private:
    template <std::size_t N> static constexpr void copy(std::string_view from, std::array<char, N>& to) noexcept {
        to.fill('\0');
        for (std::size_t i = 0; i < from.size() && i + 1 < N; ++i) to[i] = from[i];
    }
    std::array<char, 8> code_{};
    std::array<char, 184> text_{};
};

/** What happened to one call, in fixed memory. Reusable: the next call overwrites it.
 *  @see to_string(const call_report&)
 */
struct call_report {
    int attempts = 0;                          ///< how many were started
    std::array<attempt_record, 8> history{};   ///< the first seven and the last
    stage stopped_by = stage::none;            ///< who ended the call, when it was not the operation's own result
    nanoseconds retry_after{0};                ///< when it makes sense to come back; zero: unknown
    nanoseconds elapsed{0};                    ///< from the start of the call to its end
    error_code result{};
    bool not_repeatable = false;               ///< a retry was due, but the operation is not declared idempotent
    pool_report pool{};
    remark said{};                             ///< set by operations whose dependency explains its errors
    std::exception_ptr thrown{};               ///< see errc::operation_threw
};

/** A sentence about what happened: "ok on attempt 3 after 131 ms: connection refused, waited 48 ms, …". */
std::string to_string(const call_report&);

/** The refusal of a pool: "20/20 used, 7 waiting (oldest 2.5 s), 0 dialing; report.cpp:88 holds 19 (longest 41.0 s)". */
std::string to_string(const pool_report&);

/** "1.5 s", "131 ms", "0.4 us": the unit that reads best, at most three significant digits. */
std::string to_string(nanoseconds);

}  // namespace kedge

#include <kedge/impl/call.ipp>

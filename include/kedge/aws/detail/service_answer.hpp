// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/delivery_counters.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace kedge::aws::detail {

enum class operation : std::uint8_t { put_events, create_stream, create_group, put_retention };

/// `Logs_20140328.PutLogEvents`
constexpr std::string_view target_of(operation what) noexcept {
    switch (what) {
    case operation::put_events: return "Logs_20140328.PutLogEvents";
    case operation::create_stream: return "Logs_20140328.CreateLogStream";
    case operation::create_group: return "Logs_20140328.CreateLogGroup";
    case operation::put_retention: return "Logs_20140328.PutRetentionPolicy";
    }
    return {};
}

/// What came back; empty: not there.
struct raw_answer {
    int status = 0;
    std::string_view request_id{};   ///< x-amzn-RequestId
    std::string_view error_type{};   ///< x-amzn-ErrorType
    std::string_view retry_after{};  ///< x-amz-retry-after
    std::string_view body{};
};

/// Ranges of a batch's indices that the service refused: [0, too_old_end), [0, expired_end), [too_new_start, …).
struct rejected_ranges {
    std::size_t too_old_end = 0, expired_end = 0;
    std::size_t too_new_start = std::numeric_limits<std::size_t>::max();
};

/// What the service said that a size may not exceed.
enum class limit_kind : std::uint8_t { none, event, batch };

struct service_answer {
    answer_kind kind = answer_kind::unknown;
    bool may_be_stored = false;  ///< though it is no success
    bool of_group = false;       ///< missing is the group, not only the stream
    nanoseconds retry_after{0};
    rejected_ranges rejected{};
    bool ranges_unread = false;  ///< there are some that are no indices
    limit_kind limited = limit_kind::none;
    std::size_t limit = 0;
    std::string code{}, message{};  ///< the service's own words, cut
};

/** What an answer means. Only 200 with a request id and a JSON object that is no error is an acknowledgement of events:
 *  whatever else says 200 (a captive portal, a proxy) is not the service. Errors are told by their code, which the service
 *  sends with several statuses.
 */
service_answer read_answer(operation asked, const raw_answer& from) noexcept;

/// No answer came.
/// @param sent  whether a byte of the request may have arrived
inline service_answer no_answer(bool sent) noexcept {
    service_answer out;
    out.kind = sent ? answer_kind::unknown : answer_kind::not_sent;
    out.may_be_stored = sent;
    return out;
}

/// Nothing was asked: we had no memory for it.
inline const service_answer& no_memory_answer() noexcept {
    static const service_answer told = [] {
        service_answer out = no_answer(false);
        out.message = "out of memory";  // short enough to need none
        return out;
    }();
    return told;
}

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/service_answer.ipp>
#endif

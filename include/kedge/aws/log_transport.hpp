// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/service_answer.hpp>
#include <kedge/core/time.hpp>
#include <kedge/detail/unique_function.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace kedge::aws {

/// One request to CloudWatch Logs, before it is signed.
struct log_request {
    detail::operation what = detail::operation::put_events;
    std::string body{};                 ///< JSON
    bool gzip = false;                  ///< to be compressed, if that makes it smaller
    std::chrono::milliseconds skew{0};  ///< what the service's clock is ahead: to add when signing
};

/// When the service's clock was seen: its `Date`, with a request id and without an `Age`, and ours around it.
struct clock_sight {
    std::int64_t date_ms = 0, sent_ms = 0, received_ms = 0;
};

struct log_response {
    detail::service_answer answer{};  ///< of `read_answer`, or `no_answer`
    std::optional<clock_sight> clock{};
    std::string body{};               ///< of the request: its memory is used again
};

using log_response_handler = kedge::detail::unique_function<void(log_response)>;

/** The seam below the delivery of logs: signs a request, carries it to the service and brings its answer back.
 *
 *  Duties: call the handler exactly once, on any thread, never inside @ref start, and within a bounded time; sign anew for each
 *  request; never repeat one by itself, unless the connection was kept alive and broke before a byte of an answer, once; log
 *  nothing into the sink. What is left when its context goes away is destroyed without being called.
 *  @par Thread safety  Calls are made one at a time, from any thread.
 */
class log_transport {
public:
    virtual ~log_transport() = default;

    virtual void start(log_request what, log_response_handler done) = 0;

    /// Asks for new keys although the old ones seem to be valid.
    /// @param renewed  called when they are there; may be destroyed instead when there are none
    virtual void refresh_credentials(kedge::detail::unique_function<void()> renewed) = 0;
};

}  // namespace kedge::aws

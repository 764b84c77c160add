// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>

namespace kedge {

/** Limits each attempt: what stands behind it in the pipeline gets at most `limit`.
 *
 *  On expiry the operation is told to stop (terminal cancellation, on its own executor) and the call **waits until it
 *  has ended**, since it may refer to variables of the caller. A success that arrives in that moment is delivered as
 *  success. Otherwise the result is `errc::timed_out`.
 *
 *  Never early; from 100 ms up late by at most one tick (4.2 ms) plus the latency of the loop, below that exact to the
 *  timer of Asio. Zero or negative: expired at once. `nanoseconds::max()`: no limit.
 */
struct timeout {
    nanoseconds limit;
};

/** Limits the whole call with all its attempts and waits; the tighter of this and `call::deadline` counts.
 *
 *  No attempt is started that cannot end in time. Result on expiry: `errc::deadline_exceeded`, or
 *  `errc::deadline_too_short` when not even the first attempt was started. Precision as for @ref timeout.
 */
struct total_timeout {
    nanoseconds limit;
};

}  // namespace kedge

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>
#include <kedge/log/sink.hpp>

#include <string_view>

namespace kedge::log {

/** A failed call of a payment service, as its log record tells it.
 *
 *  @code
 *  [ERROR] Payment service connection failed - timeout after 5000ms
 *  Traceback (most recent call last):
 *    File "/app/checkout.cpp", line 67, in process_payment
 *  ConnectionError: HTTPSConnectionPool timeout
 *  @endcode
 */
struct payment_failure {
    error_code error{};
    nanoseconds limit{0};  ///< the time that passed, for an error that matches `condition::timeout`; 0: not known
    boost::source_location place = BOOST_CURRENT_LOCATION;  ///< of the call
    std::string_view source_line{};  ///< the text there; left out when it is not at hand
    std::string_view exception{};    ///< last line; by default "ConnectionError: HTTPSConnectionPool timeout" for a timeout,
                                     ///< else "ConnectionError: " and what the error says
    wall_time time = wall_now();
};

/// Makes the record of a failed payment call, severity error, logger "kedge.payment", and submits it.
/// Without memory for the text it becomes "Payment service connection failed".
void payment_error(sink& to, const payment_failure& what) noexcept;

/// The same with the defaults. @param limit as in @ref payment_failure
inline void payment_error(sink& to, const error_code& error, nanoseconds limit,
                          boost::source_location place = BOOST_CURRENT_LOCATION) noexcept {
    payment_error(to, payment_failure{.error = error, .limit = limit, .place = place});
}

}  // namespace kedge::log

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/log/impl/payment_error.ipp>
#endif

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/prefer.hpp>

#include <type_traits>

namespace kedge::detail {

/// An executor whose context has work as long as it exists. Not a work guard of Asio: that cannot hold a strand of an
/// `any_io_executor`.
template <class Executor>
using tracked_executor = std::decay_t<
    typename boost::asio::prefer_result<const Executor&, boost::asio::execution::outstanding_work_t::tracked_t>::type>;

template <class Executor> tracked_executor<Executor> track(const Executor& ex) {
    return boost::asio::prefer(ex, boost::asio::execution::outstanding_work.tracked);
}

/// Where a handler has to run.
template <class Handler>
using tracked_home = tracked_executor<boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>>;

/// @param otherwise  for a handler that has no executor of its own
template <class Handler> tracked_home<Handler> track_home(const Handler& handler, const boost::asio::any_io_executor& otherwise) {
    return track(boost::asio::get_associated_executor(handler, otherwise));
}

}  // namespace kedge::detail

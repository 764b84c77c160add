// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>

#include <utility>

namespace kedge::detail {

/// `asio::post` and `asio::dispatch` for our own function objects, which have no executor of their own: the same steps
/// without the machinery of completion tokens, which every call of every user would instantiate several times.
template <class Executor, class F> void post_to(const Executor& ex, F&& f) {
    namespace execution = boost::asio::execution;
    const auto memory = boost::asio::get_associated_allocator(f);
    boost::asio::prefer(boost::asio::require(ex, execution::blocking.never), execution::relationship.fork,
                        execution::allocator(memory))
        .execute(std::forward<F>(f));
}

template <class Executor, class F> void dispatch_to(const Executor& ex, F&& f) {
    const auto memory = boost::asio::get_associated_allocator(f);
    boost::asio::prefer(ex, boost::asio::execution::allocator(memory)).execute(std::forward<F>(f));
}

}  // namespace kedge::detail

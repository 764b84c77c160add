// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/tracked_executor.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>

#include <type_traits>
#include <utility>

namespace kedge::detail {

using io_executor = boost::asio::io_context::executor_type;
using tracked_io_executor = tracked_executor<io_executor>;

/// Calls `act` with the executor itself where `ex` hides the plain one of an `io_context`: an erased one would allocate for each
/// function, also for one that runs at once, and never from the function's own allocator.
template <class Executor, class Act> void with_executor(const Executor& ex, Act&& act) {
    if constexpr (std::is_same_v<Executor, boost::asio::any_io_executor>) {
        if (const auto* plain = ex.template target<io_executor>()) return act(*plain);
        if (const auto* tracked = ex.template target<tracked_io_executor>()) return act(*tracked);
    }
    act(ex);
}

/// `asio::post` and `asio::dispatch` for our own function objects, which have no executor of their own: the same steps
/// without the machinery of completion tokens, which every call of every user would instantiate several times.
template <class Executor, class F> void post_to(const Executor& ex, F&& f) {
    with_executor(ex, [&](const auto& on) {
        namespace execution = boost::asio::execution;
        const auto memory = boost::asio::get_associated_allocator(f);
        boost::asio::prefer(boost::asio::require(on, execution::blocking.never), execution::relationship.fork,
                            execution::allocator(memory))
            .execute(std::forward<F>(f));
    });
}

template <class Executor, class F> void dispatch_to(const Executor& ex, F&& f) {
    with_executor(ex, [&](const auto& on) {
        const auto memory = boost::asio::get_associated_allocator(f);
        boost::asio::prefer(on, boost::asio::execution::allocator(memory)).execute(std::forward<F>(f));
    });
}

}  // namespace kedge::detail

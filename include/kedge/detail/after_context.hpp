// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/pool_state.hpp>
#include <kedge/detail/post_to.hpp>
#include <kedge/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/query.hpp>

#include <memory>
#include <utility>

namespace kedge::detail {

/// Whether work for `ex` would reach that context. Asks only for its address, so the context need not exist any more.
template <class Executor> bool leads_to(const Executor& ex, const boost::asio::execution_context* context) noexcept {
    namespace asio = boost::asio;
    if constexpr (asio::can_query<const Executor&, asio::execution::context_t>::value) {
        const asio::execution_context& its = asio::query(ex, asio::execution::context);
        return &its == context;
    } else {
        return false;
    }
}

/// An operation that is started when the pool's context is gone: `errc::pool_closed`. A handler that would run there is
/// destroyed, as the context destroyed all others.
template <class Finish, class Handler> void finish_after_context(Handler handler, const std::shared_ptr<pool_state>& pool) {
    const auto ex = boost::asio::get_associated_executor(handler, pool->executor);
    if (leads_to(ex, pool->context)) return;
    post_to(ex, [h = std::move(handler), pool]() mutable { Finish::call(std::move(h), errc::pool_closed, *pool, nullptr); });
}

}  // namespace kedge::detail

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>

namespace kedge::detail {

/// A context as the pool takes it, for who has an executor only.
struct context_of_executor {
    boost::asio::any_io_executor executor;

    boost::asio::any_io_executor get_executor() const noexcept { return executor; }
    operator boost::asio::execution_context&() const noexcept {
        return boost::asio::query(executor, boost::asio::execution::context);
    }
};

}  // namespace kedge::detail

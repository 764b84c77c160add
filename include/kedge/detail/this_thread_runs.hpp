// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/runtime.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <stdexcept>
#include <string>

namespace kedge::detail {

template <class Executor> bool this_thread_runs(const Executor& ex) noexcept {
    namespace asio = boost::asio;
    if constexpr (requires { ex.running_in_this_thread(); }) {
        return ex.running_in_this_thread();
    } else if constexpr (std::is_same_v<Executor, asio::any_io_executor>) {
        if (const auto* io = ex.template target<asio::io_context::executor_type>()) return io->running_in_this_thread();
        if (const auto* pool = ex.template target<asio::thread_pool::executor_type>()) return pool->running_in_this_thread();
        return false;
    } else {
        return false;
    }
}

/// A thread that runs the context and waits for it waits for itself.
template <class Executor> void refuse_on_context_thread(const Executor& ex, const runtime& rt, const char* what) {
    if (rt.is_virtual())
        throw std::logic_error(std::string("kedge::") + what +
                               ": a blocking call cannot run in a simulation; use the asynchronous form");
    if (this_thread_runs(ex))
        throw std::logic_error(std::string("kedge::") + what +
                               ": a blocking call on a thread that runs the context would wait for itself; use the "
                               "asynchronous form, or another thread");
}

}  // namespace kedge::detail

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/blocking_shell.hpp>
#include <kedge/pipeline.hpp>

#include <utility>

namespace kedge {

/** Calls blocking code through the policies of a pipeline, on this thread: attempts, waits, breaker, limits.
 *
 *  @code
 *  auto body = kedge::blocking_call(resilient, [&](std::chrono::milliseconds left) { return fetch(curl, left); });
 *  @endcode
 *
 *  @param p  a pipeline of kedge's own policies (one of yours has no blocking form and does not compile)
 *  @param f  `(std::chrono::milliseconds left) -> T`: returns, or throws; called once for each attempt. Nobody can
 *            interrupt it, so it is told how long it may take, at most `milliseconds::max()`. An attempt that comes back
 *            late counts as timed out.
 *  @param c  what belongs to this call
 *  @returns  what `f` returned
 *  @throws   what the last attempt threw; `boost::system::system_error` for refusals of kedge's own, with the codes of
 *            @ref pipeline::async_call; `std::logic_error` on a thread that runs the pipeline's context, and in a simulation
 *  @par Thread safety  May be called from any number of threads. A call that waits for a concurrency limit stands in the
 *  same queue as asynchronous ones.
 */
template <class Pipeline, class F> auto blocking_call(const Pipeline& p, F f, call c) {
    return detail::blocking_shell<std::decay_t<decltype(p.policies())>, F>(p.policies(), f, c).run();
}

/// The same for a call with nothing of its own.
template <class Pipeline, class F>
auto blocking_call(const Pipeline& p, F f, boost::source_location where = BOOST_CURRENT_LOCATION) {
    return blocking_call(p, std::move(f), call{.place = where});
}

}  // namespace kedge

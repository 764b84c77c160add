// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>

#include <boost/asio/associator.hpp>

namespace kedge {

/** How the context of a running call travels inward: an associator of the handler, as executor and allocator are.
 *
 *  Every wrapper that forwards associators (`bind_executor`, `async_compose`, `deferred`, `as_tuple`) forwards it too;
 *  a handler that kedge never touched yields the default: attempt 1 and no deadline. Read it at initiation.
 */
template <class Handler, class Default = attempt> struct associated_attempt {
    using type = Default;

    static type get(const Handler& handler, const Default& otherwise = Default()) noexcept {
        if constexpr (requires { handler.get_attempt(); }) {
            return handler.get_attempt();
        } else if constexpr (requires {
                                 boost::asio::associator<kedge::associated_attempt, Handler, Default>::get(handler, otherwise);
                             }) {
            return boost::asio::associator<kedge::associated_attempt, Handler, Default>::get(handler, otherwise);
        } else {
            return otherwise;
        }
    }
};

/// The attempt that `handler` belongs to.
template <class Handler> attempt get_associated_attempt(const Handler& handler) noexcept {
    return associated_attempt<Handler, attempt>::get(handler, attempt{});
}

}  // namespace kedge

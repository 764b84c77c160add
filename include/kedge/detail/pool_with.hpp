// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/inner_handler.hpp>
#include <kedge/detail/operation.hpp>
#include <kedge/detail/pipeline_state.hpp>
#include <kedge/lease.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>

#include <memory>
#include <type_traits>
#include <utility>

// Borrow, use, give back: the operation and the handlers of `connection_pool::async_with`.

namespace kedge::detail {

/// Calls without any policy. They see to what a use shares with all operations: where a coroutine runs, how it is told to
/// stop, and what becomes of an exception thrown before anything has started.
using plain_calls = pipeline_state<boost::asio::any_io_executor>;

/// `use`, as the operation of a call: of a connection that is borrowed until it ends.
template <class T, class F> class use_of_connection {
    static constexpr bool by_token = boost::asio::is_async_operation<F, T&>::value;

public:
    use_of_connection(F use, T& connection) : use_(std::move(use)), connection_(&connection) {}

    template <class Token>
        requires by_token
    auto operator()(Token&& token) && {
        return std::move(use_)(*connection_, std::forward<Token>(token));
    }
    auto operator()() &&
        requires(!by_token)
    {
        return use_(*connection_);  // its closure stays where it is until the coroutine has ended
    }

private:
    F use_;
    T* connection_;
};

/// Of kedge's own uses: it ends with its operation's start, and all that the operation needs then lives elsewhere.
template <class F> inline constexpr bool use_in_place = false;

template <class Handler> inline constexpr bool is_step_of_call = false;
template <class Frame> inline constexpr bool is_step_of_call<inner_handler<Frame>> = true;

/// Gives the connection back before the caller hears of the end.
template <class Handler, class T> struct with_used {
    Handler handler;
    lease<T> held;

    with_used(Handler&& h, lease<T>&& l) : handler(std::move(h)), held(std::move(l)) {}

    template <class End, class... Args> void operator()(End end, Args&&... args) {
        if constexpr (std::is_same_v<End, std::exception_ptr>) held.end_of_use(outcome<void(std::exception_ptr)>{end, {}}.code());
        else held.end_of_use(end);
        std::move(handler)(std::move(end), std::forward<Args>(args)...);
    }
};

template <class Handler, class T, class F> struct with_acquired {
    using operation = use_of_connection<T, F>;
    using signature = typename signature_of<operation&&>::type;

    Handler handler;
    std::shared_ptr<const plain_calls> calls;
    F use;

    with_acquired(Handler&& h, std::shared_ptr<const plain_calls> c, F&& f)
        : handler(std::move(h)), calls(std::move(c)), use(std::move(f)) {}

    void operator()(error_code ec, lease<T> held) {
        if (ec) return outcome<signature>::failed(ec).deliver(std::move(handler));
        if constexpr (use_in_place<F> && is_step_of_call<Handler>) {  // the call around does all that one of its own would
            auto start = [this, &held](Handler&& next) {
                T& connection = *held;
                use(connection, with_used<Handler, T>(std::move(next), std::move(held)));
            };
            return std::move(handler).carry_on(start);
        }
        operation op(std::move(use), *held);
        start_call(calls, with_used<Handler, T>(std::move(handler), std::move(held)), std::move(op), call{.place = {}});
    }
};

}  // namespace kedge::detail

/// @cond  what wraps a handler shows its executor, allocator, cancellation slot and attempt
template <template <class, class> class Associator, class Handler, class T, class Default>
struct boost::asio::associator<Associator, kedge::detail::with_used<Handler, T>, Default> {
    using type = typename Associator<Handler, Default>::type;
    static type get(const kedge::detail::with_used<Handler, T>& h, const Default& d = Default()) noexcept {
        return Associator<Handler, Default>::get(h.handler, d);
    }
};
template <template <class, class> class Associator, class Handler, class T, class F, class Default>
struct boost::asio::associator<Associator, kedge::detail::with_acquired<Handler, T, F>, Default> {
    using type = typename Associator<Handler, Default>::type;
    static type get(const kedge::detail::with_acquired<Handler, T, F>& h, const Default& d = Default()) noexcept {
        return Associator<Handler, Default>::get(h.handler, d);
    }
};
/// @endcond

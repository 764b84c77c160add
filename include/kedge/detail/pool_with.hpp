// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/operation.hpp>
#include <kedge/lease.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>

#include <type_traits>
#include <utility>

// Borrow, use, give back: the handlers of `connection_pool::async_with`.

namespace kedge::detail {

template <class F, class T> struct use_of {
    static constexpr bool by_token = boost::asio::is_async_operation<F, T&>::value;
    template <bool ByToken, class Unused> struct select {
        using type = boost::asio::completion_signature_of_t<F, T&>;
    };
    template <class Unused> struct select<false, Unused> {
        using type = typename awaited<std::invoke_result_t<F&, T&>>::signature;
    };
    using signature = typename select<by_token, void>::type;
};

/// Gives the connection back before the caller hears of the end.
template <class Handler, class T> struct with_used {
    Handler handler;
    lease<T> held;

    with_used(Handler&& h, lease<T>&& l) : handler(std::move(h)), held(std::move(l)) {}

    template <class End, class... Args> void operator()(End end, Args&&... args) {
        held.end_of_use(!end);
        std::move(handler)(std::move(end), std::forward<Args>(args)...);
    }
};

/// @param use lies in the coroutine's own frame: a closure must outlive the coroutine that it returned
template <class F, class T> auto use_by_coroutine(F use, T& connection) -> std::invoke_result_t<F&, T&> {
    co_return co_await use(connection);
}

template <class Handler, class T, class F> struct with_acquired {
    Handler handler;
    boost::asio::any_io_executor otherwise;
    F use;

    with_acquired(Handler&& h, boost::asio::any_io_executor ex, F&& f)
        : handler(std::move(h)), otherwise(std::move(ex)), use(std::move(f)) {}

    void operator()(error_code ec, lease<T> held) {
        using end = outcome<typename use_of<F, T>::signature>;
        if (ec) return end::failed(ec).deliver(std::move(handler));
        T& connection = *held;
        if constexpr (use_of<F, T>::by_token) {
            F f = std::move(use);
            std::move(f)(connection, with_used<Handler, T>(std::move(handler), std::move(held)));
        } else {
            const auto on = boost::asio::get_associated_executor(handler, otherwise);
            boost::asio::co_spawn(on, use_by_coroutine<F, T>(std::move(use), connection),
                                  with_used<Handler, T>(std::move(handler), std::move(held)));
        }
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

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/detail/spawn.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>

#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

// What kedge accepts as an operation, how it completes, and how an attempt of it is started.

namespace kedge::detail {

namespace asio = boost::asio;

enum class form { none, asio, asio_with_attempt, coroutine, coroutine_with_attempt };

template <class T> struct awaited {};
template <class T> struct awaited<asio::awaitable<T, asio::any_io_executor>> {
    using signature = void(std::exception_ptr, T);
};
template <> struct awaited<asio::awaitable<void, asio::any_io_executor>> {
    using signature = void(std::exception_ptr);
};

/// Op is spelled as it will be called: `F&` if it must be callable again, `F&&` if once is enough.
/// The order matters: asking whether a generic lambda is callable without a token would instantiate its body.
template <class Op> consteval form form_of() {
    if constexpr (asio::is_async_operation<Op>::value) return form::asio;
    else if constexpr (asio::is_async_operation<Op, const attempt&>::value) return form::asio_with_attempt;
    else if constexpr (requires(Op&& op) { typename awaited<decltype(std::forward<Op>(op)())>::signature; })
        return form::coroutine;
    else if constexpr (requires(Op&& op, const attempt& a) {
                           typename awaited<decltype(std::forward<Op>(op)(a))>::signature;
                       })
        return form::coroutine_with_attempt;
    else return form::none;
}

template <class Op, form Form = form_of<Op>()> struct signature_of;
template <class Op> struct signature_of<Op, form::asio> {
    using type = asio::completion_signature_of_t<Op>;
};
template <class Op> struct signature_of<Op, form::asio_with_attempt> {
    using type = asio::completion_signature_of_t<Op, const attempt&>;
};
template <class Op> struct signature_of<Op, form::coroutine> {
    using type = typename awaited<decltype(std::declval<Op>()())>::signature;
};
template <class Op> struct signature_of<Op, form::coroutine_with_attempt> {
    using type = typename awaited<decltype(std::declval<Op>()(std::declval<const attempt&>()))>::signature;
};

template <form Form> inline constexpr bool is_coroutine = Form == form::coroutine || Form == form::coroutine_with_attempt;

/// The end of an attempt or of a call: an error or an exception, then the values.
template <class Signature> struct outcome {
    static_assert(!std::is_same_v<Signature, Signature>,
                  "kedge: an operation must complete with void(error_code, Ts...) or void(std::exception_ptr, Ts...)");
};

template <class... Ts> struct outcome<void(error_code, Ts...)> {
    static constexpr bool by_exception = false;
    error_code first{};
    std::tuple<Ts...> values{};

    static outcome failed(error_code ec) { return {ec, std::tuple<Ts...>{}}; }
    static outcome threw(std::exception_ptr) { return failed(errc::operation_threw); }
    error_code code() const noexcept { return first; }
    template <class Judge> verdict judged_by(const Judge& judge) const noexcept {
        return std::apply([&](const Ts&... v) noexcept { return judge(first, v...); }, values);
    }
    template <class Handler> void deliver(Handler&& handler) {
        std::apply([&](Ts&... v) { std::move(handler)(first, std::move(v)...); }, values);
    }
};

template <class... Ts> struct outcome<void(std::exception_ptr, Ts...)> {
    static constexpr bool by_exception = true;
    std::exception_ptr first{};
    std::tuple<Ts...> values{};

    static outcome failed(error_code ec) {
        return {std::make_exception_ptr(boost::system::system_error(ec)), std::tuple<Ts...>{}};
    }
    static outcome threw(std::exception_ptr what) { return {std::move(what), std::tuple<Ts...>{}}; }

    /// A foreign exception has no code of its own: errc::operation_threw stands for it.
    error_code code() const noexcept {
        if (!first) return {};
        try {
            std::rethrow_exception(first);
        } catch (const boost::system::system_error& e) {
            return e.code();
        } catch (...) {
            return errc::operation_threw;
        }
    }
    template <class Judge> verdict judged_by(const Judge& judge) const noexcept {
        const error_code ec = code();
        return std::apply([&](const Ts&... v) noexcept { return judge(ec, v...); }, values);
    }
    template <class Handler> void deliver(Handler&& handler) {
        std::apply([&](Ts&... v) { std::move(handler)(std::move(first), std::move(v)...); }, values);
    }
};

/// Starts one attempt; a coroutine where `home` wants it.
template <form Form, class Op, class Home, class Handler>
void start_attempt(Op&& op, const attempt& a, [[maybe_unused]] const Home& home, Handler&& handler) {
    if constexpr (Form == form::asio) std::forward<Op>(op)(std::forward<Handler>(handler));
    else if constexpr (Form == form::asio_with_attempt) std::forward<Op>(op)(a, std::forward<Handler>(handler));
    else if constexpr (Form == form::coroutine)
        run_coroutine(home.for_coroutine(), std::forward<Op>(op)(), std::forward<Handler>(handler));
    else run_coroutine(home.for_coroutine(), std::forward<Op>(op)(a), std::forward<Handler>(handler));
}

}  // namespace kedge::detail

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

// A coroutine as an operation: where it runs, how it is told to stop, where its end is heard.

namespace kedge::detail {

namespace asio = boost::asio;

template <class T> inline constexpr bool is_strand = false;
template <class Executor> inline constexpr bool is_strand<asio::strand<Executor>> = true;

/// What a coroutine may keep of a handler's executor. That of a call ends with the call: then the user's, beneath it.
template <class Executor> asio::any_io_executor lasting(const Executor& ex) {
    if constexpr (requires { ex.beneath(); }) return lasting(ex.beneath());
    else return asio::prefer(ex, asio::execution::outstanding_work.untracked);
}

/// The user's executor if it is a strand, else a new strand of it.
template <class Executor> asio::any_io_executor strand_of(const Executor& ex) {
    asio::any_io_executor found = lasting(ex);
    if (is_strand<Executor> || found.target<asio::strand<asio::any_io_executor>>() ||
        found.target<asio::strand<asio::io_context::executor_type>>() ||
        found.target<asio::strand<asio::thread_pool::executor_type>>())
        return found;
    return asio::make_strand(std::move(found));
}

/// How a coroutine is told to stop, from elsewhere; touched on its strand only. Nothing is told before it has begun: on
/// Boost 1.81 `co_spawn` lets an exception out of the executor when it finds a coroutine cancelled that never waited.
class stop_line {
public:
    asio::cancellation_slot slot() noexcept { return signal_.slot(); }

    void begun() {
        begun_ = true;
        if (asked_ != asio::cancellation_type::none) signal_.emit(asked_);
    }
    void ask(asio::cancellation_type type) {
        asked_ = type;
        if (begun_) signal_.emit(type);
    }

private:
    asio::cancellation_signal signal_;
    asio::cancellation_type asked_ = asio::cancellation_type::none;
    bool begun_ = false;
};

/// `what`, of which nothing throws any more once it has ended (see @ref stop_line).
template <class T>
asio::awaitable<T> until_stopped(asio::awaitable<T, asio::any_io_executor> what, std::shared_ptr<stop_line> line) {
    line->begun();
    std::exception_ptr thrown;
    std::conditional_t<std::is_void_v<T>, std::optional<bool>, std::optional<T>> value;
    try {
        if constexpr (std::is_void_v<T>) co_await std::move(what);
        else value.emplace(co_await std::move(what));
    } catch (...) {
        thrown = std::current_exception();
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    if (thrown) std::rethrow_exception(thrown);
    if constexpr (!std::is_void_v<T>) co_return std::move(*value);
}

/// Hears the end of a coroutine. Its cancellation slot is the coroutine's own, everything else the handler's.
template <class Handler> class spawned {
public:
    using cancellation_slot_type = asio::cancellation_slot;

    spawned(Handler&& next, std::shared_ptr<stop_line> line) : handler(std::move(next)), line_(std::move(line)) {}

    cancellation_slot_type get_cancellation_slot() const noexcept { return line_->slot(); }

    template <class... Results> void operator()(Results... results) {
        asio::get_associated_cancellation_slot(handler).clear();
        std::move(handler)(std::move(results)...);
    }

    Handler handler;

private:
    std::shared_ptr<stop_line> line_;
};

/** Runs `what` on `on`, a strand; `handler` hears of the end on its own executor.
 *
 *  A signal that only the strand touches stands between the two: a request to stop arrives where the handler runs, and
 *  must be emitted where the coroutine runs. It lives as long as a request is under way, which the one that `co_spawn`
 *  makes on Boost 1.81 does not (asio#1332).
 */
template <class T, class Handler>
void run_coroutine(const asio::any_io_executor& on, asio::awaitable<T, asio::any_io_executor> what, Handler handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (!slot.is_connected()) return asio::co_spawn(on, std::move(what), std::move(handler));
    const asio::recycling_allocator<stop_line> memory;
    const auto line = std::allocate_shared<stop_line>(memory);
    slot.assign([on, line](asio::cancellation_type type) {
        const asio::any_io_executor there = on;  // the coroutine may end meanwhile, and this function with it
        asio::dispatch(there, [line, type] { line->ask(type); });
    });
    asio::co_spawn(on, until_stopped(std::move(what), line), spawned<Handler>(std::move(handler), line));
}

}  // namespace kedge::detail

/// @cond  the handler's own executor and allocator
template <template <class, class> class Associator, class Handler, class Default>
struct boost::asio::associator<Associator, kedge::detail::spawned<Handler>, Default> : Associator<Handler, Default> {
    static auto get(const kedge::detail::spawned<Handler>& h) noexcept {
        return Associator<Handler, Default>::get(h.handler);
    }
    static auto get(const kedge::detail::spawned<Handler>& h, const Default& d) noexcept {
        return Associator<Handler, Default>::get(h.handler, d);
    }
};
/// @endcond

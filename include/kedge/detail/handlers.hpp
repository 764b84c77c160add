// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/associated_attempt.hpp>
#include <kedge/detail/unique_function.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/associator.hpp>

#include <type_traits>
#include <utility>

// Handlers around a handler, which keep its executor, allocator and cancellation slot.

namespace kedge::detail {

template <class Signature> class any_handler;

/// A handler without its type, so that what stands behind it is compiled once. Not Asio's `any_completion_handler`: its
/// executor cannot be posted to on Boost 1.81, and its move assignment recurses without an end.
template <class... Results> class any_handler<void(Results...)> {
public:
    using executor_type = boost::asio::any_io_executor;
    using cancellation_slot_type = boost::asio::cancellation_slot;

    template <class Handler>
    any_handler(Handler handler, const executor_type& otherwise)
        : executor_(boost::asio::get_associated_executor(handler, otherwise)),
          slot_(boost::asio::get_associated_cancellation_slot(handler)), call_(std::move(handler)) {}

    void operator()(Results... results) { call_(std::move(results)...); }
    executor_type get_executor() const noexcept { return executor_; }
    cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }

private:
    executor_type executor_;
    cancellation_slot_type slot_;
    unique_function<void(Results...)> call_;
};

/// Calls `then(handler, results...)`: looks at the results or maps them on their way out.
template <class Handler, class Then> class then_handler {
public:
    then_handler(Handler handler, Then then) : next(std::move(handler)), then_(std::move(then)) {}

    template <class... Results> void operator()(Results... results) {
        then_(std::move(next), std::move(results)...);
    }

    Handler next;

private:
    Then then_;
};

/// Tells the operation inside which attempt it belongs to; for coroutines, whose own handlers know of none.
template <class Handler> class attempt_handler {
public:
    attempt_handler(Handler handler, const attempt& of) : next(std::move(handler)), of_(of) {}

    template <class... Results> void operator()(Results... results) { std::move(next)(std::move(results)...); }
    const attempt& get_attempt() const noexcept { return of_; }

    Handler next;

private:
    attempt of_;
};

}  // namespace kedge::detail

template <template <class, class> class Associator, class Handler, class Then, class Default>
struct boost::asio::associator<Associator, kedge::detail::then_handler<Handler, Then>, Default>
    : Associator<Handler, Default> {
    static auto get(const kedge::detail::then_handler<Handler, Then>& h) noexcept {
        return Associator<Handler, Default>::get(h.next);
    }
    static auto get(const kedge::detail::then_handler<Handler, Then>& h, const Default& d) noexcept {
        return Associator<Handler, Default>::get(h.next, d);
    }
};

template <template <class, class> class Associator, class Handler, class Default>
struct boost::asio::associator<Associator, kedge::detail::attempt_handler<Handler>, Default>
    : Associator<Handler, Default> {
    static auto get(const kedge::detail::attempt_handler<Handler>& h) noexcept {
        return Associator<Handler, Default>::get(h.next);
    }
    static auto get(const kedge::detail::attempt_handler<Handler>& h, const Default& d) noexcept {
        return Associator<Handler, Default>::get(h.next, d);
    }
};

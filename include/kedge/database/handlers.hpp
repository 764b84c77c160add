// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>

#include <boost/asio/associator.hpp>

#include <type_traits>
#include <utility>

// Handlers around a handler, which keep its executor, allocator and cancellation slot.

namespace kedge::detail {

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

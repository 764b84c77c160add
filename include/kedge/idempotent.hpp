// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/operation.hpp>

#include <type_traits>
#include <utility>

namespace kedge {

/// An operation that is declared harmless to repeat; made by @ref idempotent.
template <class Op> class idempotent_op {
public:
    explicit idempotent_op(Op op) : op_(std::move(op)) {}  // a constructor: GCC 12 destroys aggregate temporaries twice

    Op& operation() noexcept { return op_; }

    template <class... Args>
        requires(detail::form_of<Op&>() == detail::form::asio || detail::form_of<Op&>() == detail::form::asio_with_attempt)
    decltype(auto) operator()(Args&&... args) {
        return op_(std::forward<Args>(args)...);
    }

private:
    Op op_;
};

/** Declares that executing `op` twice is the same as executing it once, so that a `retry` may repeat it.
 *  The same as `call::repeating = repeat::harmless`, for one operation. */
template <class Op> idempotent_op<std::decay_t<Op>> idempotent(Op&& op) {
    return idempotent_op<std::decay_t<Op>>(std::forward<Op>(op));
}

}  // namespace kedge

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/pool_state.hpp>

#include <utility>

namespace kedge {

/** A connection that is borrowed from a @ref connection_pool. Move-only.
 *
 *  Its end decides what becomes of the connection: @ref recycle returns it, @ref discard closes it, and the destructor
 *  asks the connector's `inspect`; without one it discards, since nobody knows what an exception or a cancellation left
 *  behind. Where it was taken, with which tag and when is kept, and shown to those whom the pool refuses meanwhile.
 *
 *  @par Lifetimes  May outlive the pool. When the pool's execution context has been destroyed, it may only be ended, which
 *  leaves the connection as it is, never closed. The connection's address never changes.
 *  @par Thread safety  One lease belongs to one thread at a time; it may end on another thread than it began.
 *  @par Complexity  Returning it takes a mutex; closing is posted to the pool's executor. Only `inspect` runs in place.
 */
template <class T> class [[nodiscard]] lease {
public:
    /// Empty.
    lease() noexcept = default;

    /// @cond  made by the pool
    lease(detail::pool_state& pool, detail::connection_slot& slot) noexcept : pool_(&pool), slot_(&slot) {}
    /// @endcond

    lease(lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), slot_(std::exchange(other.slot_, nullptr)) {}
    lease& operator=(lease&& other) noexcept {
        lease taken(std::move(other));
        std::swap(pool_, taken.pool_);
        std::swap(slot_, taken.slot_);
        return *this;
    }
    ~lease() {
        if (pool_) pool_->inspect_and_give_back(*slot_, reuse::broken);
    }

    explicit operator bool() const noexcept { return pool_ != nullptr; }

    /// Preconditions: not empty.
    T& operator*() const noexcept { return *static_cast<T*>(slot_->connection); }
    T* operator->() const noexcept { return static_cast<T*>(slot_->connection); }

    /// Back to the pool, as it is: the caller knows that the next borrower may use it. Empty afterwards.
    void recycle() noexcept { end(reuse::clean); }

    /// Never lent again; closed soon. Empty afterwards.
    /// @param why the error that broke it: three lost connections within a second condemn all others, too
    void discard(error_code why = {}) noexcept { end(reuse::broken, why); }

    /// @cond  for async_with: an `inspect` that finds nothing wrong outvotes the error
    void end_of_use(const error_code& ec) noexcept {
        if (auto* const pool = std::exchange(pool_, nullptr))
            pool->inspect_and_give_back(*slot_, ec ? reuse::broken : reuse::clean, ec);
    }
    /// @endcond

private:
    void end(reuse how, const error_code& why = {}) noexcept {
        if (auto* const pool = std::exchange(pool_, nullptr)) pool->give_back(*slot_, how, why);
    }

    detail::pool_state* pool_ = nullptr;
    detail::connection_slot* slot_ = nullptr;
};

namespace detail {

/// For what ends in `void(error_code, lease<T>)`.
template <class T, bool GoesOn = false> struct finish_lease {
    static constexpr bool goes_on = GoesOn;

    template <class Handler>
    static void call(Handler&& handler, const error_code& ec, pool_state& pool, connection_slot* slot) {
        lease<T> held = slot ? lease<T>(pool, *slot) : lease<T>();
        std::forward<Handler>(handler)(ec, std::move(held));
    }
};

}  // namespace detail
}  // namespace kedge

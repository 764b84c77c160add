// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/handler_memory.hpp>
#include <kedge/detail/pool_state.hpp>
#include <kedge/detail/post_to.hpp>
#include <kedge/detail/tracked_executor.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/error.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace kedge::detail {

/// Memory for the one function that an operation posts; what does not fit comes from the heap.
struct posting_memory {
    static constexpr std::size_t size = 96;
    alignas(std::max_align_t) std::byte bytes[size];
};

template <class T> class posting_allocator {
public:
    using value_type = T;
    explicit posting_allocator(posting_memory& m) noexcept : memory_(&m) {}
    template <class U> posting_allocator(const posting_allocator<U>& other) noexcept : memory_(other.memory_) {}

    T* allocate(std::size_t n) {
        if (n * sizeof(T) <= posting_memory::size && alignof(T) <= alignof(std::max_align_t))
            return reinterpret_cast<T*>(memory_->bytes);
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* p, std::size_t n) noexcept {
        if (static_cast<void*>(p) != static_cast<void*>(memory_->bytes)) std::allocator<T>().deallocate(p, n);
    }
    template <class U> bool operator==(const posting_allocator<U>& other) const noexcept {
        return memory_ == other.memory_;
    }

private:
    template <class> friend class posting_allocator;
    posting_memory* memory_;
};

inline error_code error_of(core::wait_end end, const pool_state& pool) noexcept {
    switch (end) {
    case core::wait_end::granted: return {};
    case core::wait_end::queue_full:
    case core::wait_end::timed_out: return errc::pool_exhausted;
    case core::wait_end::closed: return errc::pool_closed;
    case core::wait_end::cancelled: return boost::asio::error::operation_aborted;
    case core::wait_end::down: return pool.last_error();
    case core::wait_end::none: break;
    }
    return errc::pool_closed;
}

inline void explain_refusal(const pool_entry& e, const error_code& ec, const pool_state& pool) noexcept {
    if (!e.report || refusal_of(e.end) == pool_refusal::none) return;
    if (e.seen) e.report->pool = *e.seen;
    e.report->pool.why = refusal_of(e.end);
    e.report->result = ec;
    e.report->elapsed = pool.now() - e.begun;
    e.report->stopped_by = stage::pool;
}

/** An operation that waits for the pool: the handler, its executor's work, and the connection once it is granted, in
 *  one block of the handler's allocator; what it posts lies inside it. Whatever destroys it gives the connection back.
 *
 *  @tparam Finish `call(Handler&&, error_code, pool_state&, connection_slot*)`; the slot is null without a connection.
 *  `goes_on`: the connection is not the caller's yet, so a cancellation that comes after the grant still ends the operation
 */
template <class Handler, class Finish> class pool_operation final : public pool_entry {
    using executor_type = boost::asio::associated_executor_t<Handler, boost::asio::any_io_executor>;
    using work_type = tracked_executor<executor_type>;

public:
    pool_operation(Handler&& handler, pool_state& pool)
        : handler_(std::move(handler)), pool_(pool),
          executor_(boost::asio::get_associated_executor(handler_, pool.executor)),
          work_(track(executor_)) {
        finished = [](pool_entry* e) noexcept { static_cast<pool_operation*>(e)->post(); };
        abandoned = [](pool_entry* e) noexcept { static_cast<pool_operation*>(e)->destroy(); };
    }

    static pool_operation* make(Handler&& handler, pool_state& pool) {
        const auto allocator = handler_allocator<pool_operation>(handler);
        auto* const op = allocate_object<pool_operation>(allocator, std::move(handler), pool);
        op->listen();
        return op;
    }

private:
    struct completion {
        using allocator_type = posting_allocator<void>;
        pool_operation* op;

        explicit completion(pool_operation* o) noexcept : op(o) {}
        completion(completion&& other) noexcept : op(std::exchange(other.op, nullptr)) {}
        ~completion() {
            if (op) op->lose();
        }
        allocator_type get_allocator() const noexcept { return posting_allocator<void>(op->memory_); }
        void operator()() { std::exchange(op, nullptr)->complete(); }
    };

    void listen() {
        auto slot = boost::asio::get_associated_cancellation_slot(handler_);
        if (!slot.is_connected()) return;
        try {
            slot.assign([this](boost::asio::cancellation_type type) {
                if (type != boost::asio::cancellation_type::none) cancelled_ = true, pool_.cancel(*this);
            });
        } catch (...) {
            destroy();
            throw;
        }
    }

    void post() noexcept {
        const executor_type ex = executor_;
        [[maybe_unused]] const work_type work = std::move(work_);  // until the posted function counts as work itself
        completion c(this);
        try {
            post_to(ex, std::move(c));
        } catch (...) {  // `c` gives the connection back
        }
    }

    void complete() {
        forget_slot();
        pool_state& pool = pool_;
        connection_slot* slot = granted();
        error_code ec = error_of(end, pool);
        explain_refusal(*this, ec, pool);
        const bool given_up = Finish::goes_on && slot && cancelled_;
        Handler handler(std::move(handler_));
        deallocate_object(handler_allocator<pool_operation>(handler), this);
        if (given_up) {
            pool.give_back(*std::exchange(slot, nullptr), reuse::clean);
            ec = boost::asio::error::operation_aborted;
        } else if (!slot) {
            pool.unpin();
        }
        Finish::call(std::move(handler), ec, pool, slot);
    }

    /// It was posted and will not run.
    void lose() noexcept {
        pool_state& pool = pool_;
        connection_slot* const slot = granted();
        destroy();
        if (slot) pool.give_back(*slot, reuse::clean);
        else pool.unpin();
    }

    /// When the context ends, the signal may have ended before it; then nothing is left to be cancelled either.
    void destroy() noexcept {
        if (!pool_.is_over()) forget_slot();
        Handler handler(std::move(handler_));
        deallocate_object(handler_allocator<pool_operation>(handler), this);
    }

    void forget_slot() noexcept {
        if (auto slot = boost::asio::get_associated_cancellation_slot(handler_); slot.is_connected()) slot.clear();
    }

    Handler handler_;
    pool_state& pool_;
    executor_type executor_;
    work_type work_;
    posting_memory memory_;
    bool cancelled_ = false;  // where the handler runs
};

/// For what ends in `void(error_code)`.
struct finish_plain {
    static constexpr bool goes_on = false;

    template <class Handler>
    static void call(Handler&& handler, const error_code& ec, pool_state&, connection_slot*) {
        std::forward<Handler>(handler)(ec);
    }
};

}  // namespace kedge::detail

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/time.hpp>
#include <kedge/detail/runtime_random.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <utility>

namespace torture {

/// A count that orders nothing: a stronger one would hide from ThreadSanitizer what the library forgot to order.
class tally {
public:
    explicit tally(int start = 0) noexcept : n_(start) {}
    int add(int by = 1) noexcept { return n_.fetch_add(by, std::memory_order_relaxed) + by; }
    int exchange(int to) noexcept { return n_.exchange(to, std::memory_order_relaxed); }
    void set(int to) noexcept { n_.store(to, std::memory_order_relaxed); }
    void at_least(int n) noexcept {
        for (int was = *this; was < n && !n_.compare_exchange_weak(was, n, std::memory_order_relaxed);) {}
    }
    operator int() const noexcept { return n_.load(std::memory_order_relaxed); }

private:
    std::atomic<int> n_;
};

class checked;

/// The books of the server's side and of all operations, written from any thread.
class ledger {
public:
    explicit ledger(std::uint64_t seed, kedge::nanoseconds longest_step) : seed_(seed), longest_(longest_step) {}

    /// The first promise that was broken is remembered: Catch's own checks are for one thread.
    void must(bool holds, const char* promise) noexcept {
        const char* none = nullptr;
        if (!holds) wrong_.compare_exchange_strong(none, promise, std::memory_order_relaxed);
    }
    const char* wrong() const noexcept { return wrong_.load(std::memory_order_relaxed); }

    std::uint64_t random() noexcept {
        return kedge::detail::splitmix(seed_ + 0x51ed'2701u * draws_.fetch_add(1, std::memory_order_relaxed))();
    }
    bool one_in(unsigned n) noexcept { return random() % n == 0; }
    kedge::nanoseconds some_time() noexcept {
        return kedge::nanoseconds(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(longest_.count())));
    }

    /// @param number of the connection, from 1  @param c null when it is destroyed
    void record(int number, checked* c) noexcept {
        must(number <= static_cast<int>(all_.size()), "there is room in the books");
        all_[static_cast<std::size_t>(number - 1) % all_.size()].store(c, std::memory_order_relaxed);
    }
    /// By one thread, when all is over.
    template <class F> void for_all_left(F f) {
        for (auto& one : all_)
            if (checked* const c = one.load(std::memory_order_relaxed)) f(*c);
    }

    tally open, created, closed;        ///< connections
    tally left_behind;
    tally most_allowed;                 ///< the largest maximum so far
    tally asked_to_renew, renewed;      ///< invalidations, before and after
    tally started, ended, destroyed;    ///< handlers
    tally lent, lost;                   ///< leases that reached a user; handlers given to an executor that loses them
    std::atomic<bool> ruin{false};      ///< a context is being destroyed: what uses a connection is destroyed with it

private:
    const std::uint64_t seed_;
    const kedge::nanoseconds longest_;
    std::atomic<std::uint64_t> draws_{0};
    std::atomic<const char*> wrong_{nullptr};
    std::array<std::atomic<checked*>, 4096> all_{};  ///< connections by number
};

/// A handler that ends once: it is called, or it is destroyed.
template <class F> class once {
public:
    once(ledger& l, F f) : books_(&l), f_(std::move(f)) { l.started.add(); }
    once(once&& other) noexcept : books_(std::exchange(other.books_, nullptr)), called_(other.called_), f_(std::move(other.f_)) {}
    ~once() {
        if (books_ && !called_) books_->destroyed.add();
    }

    template <class... Args> void operator()(Args&&... args) {
        books_->must(!std::exchange(called_, true), "a handler is called once");
        books_->ended.add();
        f_(std::forward<Args>(args)...);
    }

private:
    ledger* books_;
    bool called_ = false;
    F f_;
};

}  // namespace torture

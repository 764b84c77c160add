// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "ledger.hpp"

#include <kedge/connection_pool.hpp>

#include <mutex>
#include <utility>

namespace torture {

/// A lease that tells its connection about its user.
template <class T> class loan {
public:
    loan() = default;
    loan(kedge::lease<T> held, int renewed) : held_(std::move(held)) {
        held_->borrowed(renewed);
        held_->books.must(held_->fit(), "a connection is fit when it is lent");
    }
    loan(loan&&) = default;
    loan& operator=(loan&& other) noexcept {
        loan taken(std::move(other));
        std::swap(held_, taken.held_);
        return *this;
    }
    ~loan() {
        if (held_) held_->returned();
    }

    explicit operator bool() const noexcept { return bool(held_); }
    T* operator->() const noexcept { return &*held_; }

    void recycle() noexcept {
        held_->returned();
        held_.recycle();
    }
    void discard(kedge::error_code why) noexcept {
        held_->poison();
        held_->returned();
        held_.discard(why);
    }

private:
    kedge::lease<T> held_;
};

/// Where a loan lies until the next one comes; whoever brings that returns it.
template <class T> class shelf {
public:
    void put(loan<T> l) {
        std::lock_guard lock(mutex_);
        std::swap(loan_, l);  // and returns the other one outside the lock
    }
    void clear() { put({}); }

private:
    std::mutex mutex_;
    loan<T> loan_;
};

}  // namespace torture

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/unique_function.hpp>

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>

#include <deque>
#include <mutex>
#include <utility>

namespace torture {

/// Where the functions of @ref lossy_executor end: some at once, others when the next one comes, on its thread.
class lossy_bin {
public:
    template <class F> void lose(F&& f) {
        function given(std::forward<F>(f));  // destroyed outside the lock
        const auto before = exchange(given);
    }
    /// From now on everything at once.
    void close() { const auto dropped = take(); }

private:
    using function = kedge::detail::unique_function<void()>;

    function take() {
        std::lock_guard lock(mutex_);
        closed_ = true;
        return std::move(kept_);
    }
    function exchange(function& given) {
        std::lock_guard lock(mutex_);
        if (at_once_ = !at_once_; at_once_ || closed_) return {};
        function before = std::move(kept_);
        kept_ = std::move(given);
        return before;
    }

    std::mutex mutex_;
    bool at_once_ = false, closed_ = false;
    function kept_;
};

/// Destroys what it is given: the executor of a context that goes away before it comes to it.
class lossy_executor {
public:
    lossy_executor(boost::asio::execution_context& context, lossy_bin& bin) : context_(&context), bin_(&bin) {}

    friend bool operator==(const lossy_executor&, const lossy_executor&) noexcept = default;

    boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept { return *context_; }
    static constexpr auto query(boost::asio::execution::blocking_t) noexcept { return boost::asio::execution::blocking.never; }
    template <class F> void execute(F&& f) const { bin_->lose(std::decay_t<F>(std::forward<F>(f))); }

private:
    boost::asio::execution_context* context_;
    lossy_bin* bin_;
};

}  // namespace torture

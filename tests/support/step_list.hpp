// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/unique_function.hpp>

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>

#include <cstddef>
#include <deque>
#include <utility>

namespace kedge_test {

namespace asio = boost::asio;

/** An executor whose steps lie in the hands of the test, which runs them one by one, in the order it wants.
 *
 *  It stands for the context that a handler runs on, beside the one that a pipeline was made on: a step that is queued
 *  here is what a busy context has not come to yet. To destroy the list is to destroy that context.
 */
class step_list {
public:
    class executor_type;

    explicit step_list(asio::execution_context& context) : context_(context) {}
    step_list(const step_list&) = delete;
    ~step_list() { clear(); }

    executor_type get_executor() noexcept;

    std::size_t size() const noexcept { return steps_.size(); }
    bool running() const noexcept { return depth_ != 0; }

    /// Until there are none.
    void drain() {
        while (!steps_.empty()) run_one();
    }

    void run_one() {
        step next = std::move(steps_.front());
        steps_.pop_front();
        struct inside {
            int& depth;
            explicit inside(int& d) noexcept : depth(d) { ++depth; }
            ~inside() { --depth; }
        } mark(depth_);
        next();
    }

    /// Destroys what is queued, and what that queues.
    void clear() {
        while (!steps_.empty()) {
            const step dropped = std::move(steps_.front());
            steps_.pop_front();
        }
    }

private:
    using step = kedge::detail::unique_function<void()>;

    asio::execution_context& context_;
    std::deque<step> steps_;
    int depth_ = 0;
};

class step_list::executor_type {
public:
    executor_type(step_list& list, bool never) noexcept : list_(&list), never_(never) {}

    friend bool operator==(const executor_type&, const executor_type&) noexcept = default;

    asio::execution_context& query(asio::execution::context_t) const noexcept { return list_->context_; }
    asio::execution::blocking_t query(asio::execution::blocking_t) const noexcept {
        if (never_) return asio::execution::blocking.never;
        return asio::execution::blocking.possibly;
    }
    executor_type require(asio::execution::blocking_t::never_t) const noexcept { return {*list_, true}; }
    executor_type require(asio::execution::blocking_t::possibly_t) const noexcept { return {*list_, false}; }

    template <class F> void execute(F&& f) const {
        if (list_->running() && !never_) std::decay_t<F>(std::forward<F>(f))();
        else list_->steps_.emplace_back(std::decay_t<F>(std::forward<F>(f)));
    }

private:
    step_list* list_;
    bool never_;
};

inline step_list::executor_type step_list::get_executor() noexcept { return {*this, false}; }

}  // namespace kedge_test

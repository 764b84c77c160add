// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/unique_function.hpp>

#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace kedge::detail {

/// Two threads for what cannot be asked asynchronously, such as `getaddrinfo`. They start with the first task.
class worker_threads {
public:
    using task = unique_function<void()>;

    ~worker_threads() { stop(); }

    /// After @ref stop tasks are destroyed, not run.
    void run(task job) {
        {
            std::lock_guard lock(mutex_);
            if (stopped_) return;
            tasks_.push_back(std::move(job));
            if (idle_ < tasks_.size() && started_ < threads_.size()) {
                threads_[started_] = std::thread([this] { work(); });
                ++started_;
            }
        }
        wake_.notify_one();
    }

    /// Waits for tasks that run; destroys those that wait.
    void stop() noexcept {
        std::deque<task> dropped;
        {
            std::lock_guard lock(mutex_);
            stopped_ = true;
            dropped.swap(tasks_);
        }
        wake_.notify_all();
        for (auto& t : threads_)
            if (t.joinable()) t.join();
    }

private:
    void work() noexcept {
        std::unique_lock lock(mutex_);
        while (!stopped_) {
            if (tasks_.empty()) {
                ++idle_;
                wake_.wait(lock);
                --idle_;
                continue;
            }
            task job = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            job();
            job.reset();
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<task> tasks_;
    std::array<std::thread, 2> threads_;
    std::size_t started_ = 0, idle_ = 0;
    bool stopped_ = false;
};

}  // namespace kedge::detail

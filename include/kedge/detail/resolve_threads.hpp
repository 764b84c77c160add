// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/resolve_system.hpp>

#include <boost/asio/execution_context.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace kedge {

/// What the look-ups of names of a context do at the moment, and did so far; see @ref lookups.
struct lookup_snapshot {
    int running = 0;               ///< names that the system is asked for; each holds a thread
    int queued = 0;                ///< names for which all threads are taken
    int callers = 0;               ///< who wait for any of them
    std::uint64_t asked = 0;       ///< names that the system was asked for so far
    std::uint64_t shared = 0;      ///< calls that joined a look-up under way
    std::uint64_t abandoned = 0;   ///< calls that left before their answer: cancelled, or out of time
};

namespace detail {

/// Who waits for an answer; `finish` does no more than to post it.
class lookup_waiter {
public:
    virtual ~lookup_waiter() = default;
    virtual void finish(error_code ec, endpoints found) = 0;
};

using lookup_function = std::function<error_code(const std::string& host, const std::string& service, endpoints& found)>;

/** Asks the system for names on threads of its own, since `getaddrinfo` blocks and cannot be stopped. One that hangs costs one
 *  thread, however many callers want the name: they share the look-up, and leave whenever they like. Work that blocks for other
 *  reasons runs elsewhere, so neither holds up the other. Thread-safe. */
class name_lookups : public std::enable_shared_from_this<name_lookups> {
public:
    /// As many names may hang at a time before others have to wait; a service talks to few names.
    static constexpr std::size_t max_threads = 8;

    /// In place of the system's resolver.
    void use(lookup_function f) {
        std::lock_guard lock(mutex_);
        look_up_ = std::move(f);
    }
    /// What @ref use was given, if anything.
    lookup_function scripted() const {
        std::lock_guard lock(mutex_);
        return look_up_;
    }

    /// After @ref stop `who` is destroyed, not called.
    void ask(std::string host, std::string service, std::shared_ptr<lookup_waiter> who) {
        std::lock_guard lock(mutex_);
        if (stopped_) return;
        const auto same = std::ranges::find_if(jobs_, [&](const job& j) { return j.host == host && j.service == service; });
        if (same != jobs_.end()) {
            ++shared_;
            return same->waiters.push_back(std::move(who));
        }
        add_thread();
        jobs_.push_back({std::move(host), std::move(service), {std::move(who)}});
        wake_.notify_one();
    }

    /// `who` no longer waits. A look-up that nobody waits for is not begun.
    void leave(const lookup_waiter* who) {
        std::shared_ptr<lookup_waiter> gone;  // destroyed without the lock
        std::lock_guard lock(mutex_);
        for (auto j = jobs_.begin(); j != jobs_.end(); ++j) {
            const auto at = std::ranges::find(j->waiters, who, &std::shared_ptr<lookup_waiter>::get);
            if (at == j->waiters.end()) continue;
            gone = std::move(*at);
            j->waiters.erase(at);
            ++abandoned_;
            if (j->waiters.empty() && !j->running) jobs_.erase(j);
            return;
        }
    }

    /// Waits for threads that rest. One that hangs in the system is left alone: it holds nothing of the callers, and ends by
    /// itself.
    void stop() noexcept {
        std::list<job> dropped;
        std::vector<std::thread> resting;
        {
            std::lock_guard lock(mutex_);
            stopped_ = true;
            dropped.swap(jobs_);
            for (worker& w : workers_) {
                if (w.looking) w.thread.detach();
                else resting.push_back(std::move(w.thread));
            }
        }
        wake_.notify_all();
        for (auto& t : resting) t.join();
    }

    lookup_snapshot snapshot() const {
        std::lock_guard lock(mutex_);
        lookup_snapshot s{.asked = asked_, .shared = shared_, .abandoned = abandoned_};
        for (const job& j : jobs_) {
            ++(j.running ? s.running : s.queued);
            s.callers += static_cast<int>(j.waiters.size());
        }
        return s;
    }

private:
    struct job {
        std::string host, service;
        std::vector<std::shared_ptr<lookup_waiter>> waiters;
        bool running = false;
    };
    struct worker {
        std::thread thread;
        bool looking = false;
    };

    void add_thread() {
        if (idle_ > queued() || workers_.size() == max_threads) return;
        worker& made = workers_.emplace_back();
        made.thread = std::thread([self = shared_from_this(), &made] { self->work(made); });
    }

    std::size_t queued() const noexcept {
        return static_cast<std::size_t>(std::ranges::count(jobs_, false, &job::running));
    }

    void work(worker& self) noexcept {
        std::unique_lock lock(mutex_);
        while (!stopped_) {
            const auto next = std::ranges::find(jobs_, false, &job::running);
            if (next == jobs_.end()) {
                ++idle_;
                wake_.wait(lock);
                --idle_;
                continue;
            }
            next->running = self.looking = true;
            ++asked_;
            const std::string host = next->host, service = next->service;
            const lookup_function look_up = look_up_;
            lock.unlock();
            endpoints found;
            const error_code ec = look_up ? look_up(host, service, found) : resolve_now(host, service, found);
            lock.lock();
            if (stopped_) return;  // detached by now; `next` is gone
            self.looking = false;
            const job done = std::move(*next);
            jobs_.erase(next);
            lock.unlock();
            for (const auto& w : done.waiters) w->finish(ec, found);
            lock.lock();
        }
    }

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    lookup_function look_up_;
    std::list<job> jobs_;  // in the order of their coming
    std::list<worker> workers_;
    std::size_t idle_ = 0;
    std::uint64_t asked_ = 0, shared_ = 0, abandoned_ = 0;
    bool stopped_ = false;
};

class lookup_service : public boost::asio::execution_context::service {
public:
    static inline boost::asio::execution_context::id id;

    explicit lookup_service(boost::asio::execution_context& context) : service(context) {}

    const std::shared_ptr<name_lookups>& lookups() const noexcept { return lookups_; }

private:
    void shutdown() override { lookups_->stop(); }

    const std::shared_ptr<name_lookups> lookups_ = std::make_shared<name_lookups>();
};

}  // namespace detail
}  // namespace kedge

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/execution_context.hpp>
#include <boost/intrusive/list.hpp>

#include <mutex>

namespace kedge::detail {

/// What wants to hear that its context goes away.
class context_follower : public boost::intrusive::list_base_hook<> {
public:
    virtual void context_gone() noexcept = 0;

protected:
    ~context_follower() = default;
};

/** Tells the pools of a context when it is being destroyed: from then on they post nothing to it, operations that wait
 *  are destroyed as asio destroys its own, and idle connections go while their sockets' services still exist.
 */
class pool_service final : public boost::asio::execution_context::service {
public:
    static inline boost::asio::execution_context::id id;

    explicit pool_service(boost::asio::execution_context& context) : service(context) {}

    void join(context_follower& f) noexcept {
        std::lock_guard lock(mutex_);
        followers_.push_back(f);
    }
    void leave(context_follower& f) noexcept {
        std::lock_guard lock(mutex_);
        if (f.is_linked()) followers_.erase(followers_.iterator_to(f));
    }

private:
    void shutdown() override {
        while (context_follower* const f = pop()) f->context_gone();
    }

    context_follower* pop() noexcept {
        std::lock_guard lock(mutex_);
        if (followers_.empty()) return nullptr;
        context_follower& f = followers_.front();
        followers_.pop_front();
        return &f;
    }

    std::mutex mutex_;
    boost::intrusive::list<context_follower> followers_;
};

}  // namespace kedge::detail

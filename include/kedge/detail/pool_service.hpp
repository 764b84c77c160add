// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/execution_context.hpp>
#include <boost/intrusive/list.hpp>

#include <mutex>

namespace kedge::detail {

/// What wants to hear that its context goes away.
class context_follower
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    /// The context is being destroyed. Its services still exist, but take no more work.
    virtual void context_gone() noexcept = 0;
    /// Nothing of it may be touched from now on.
    virtual void context_destroyed() noexcept = 0;

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
    ~pool_service() override {
        while (context_follower* const f = pop(gone_)) f->context_destroyed();
    }

    void join(context_follower& f) noexcept {
        std::lock_guard lock(mutex_);
        followers_.push_back(f);
    }
    void leave(context_follower& f) noexcept {
        std::lock_guard lock(mutex_);
        f.unlink();
    }

private:
    void shutdown() override {
        while (context_follower* const f = pop(followers_)) {
            {
                std::lock_guard lock(mutex_);
                gone_.push_back(*f);
            }
            f->context_gone();  // it may be no more after that
        }
    }

    using list = boost::intrusive::list<context_follower, boost::intrusive::constant_time_size<false>>;

    context_follower* pop(list& from) noexcept {
        std::lock_guard lock(mutex_);
        if (from.empty()) return nullptr;
        context_follower& f = from.front();
        from.pop_front();
        return &f;
    }

    std::mutex mutex_;
    list followers_, gone_;
};

}  // namespace kedge::detail

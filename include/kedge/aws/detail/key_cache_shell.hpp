// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/key_cache.hpp>
#include <kedge/detail/pool_service.hpp>
#include <kedge/runtime.hpp>
#include <kedge/timer.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

namespace kedge::aws::detail {

/// Longer than any source takes that can say how long it may take (a file on a server that is gone cannot), and shorter than the
/// 15 s of a request to the service, so that the reason arrives.
inline constexpr std::chrono::seconds longest_wait{12};

/** Gives a @ref key_cache a lock, the time, a source, and those who wait. The source is looked at on the executor, and handlers
 *  are called there, each in a function of its own. While nobody waits it has no timer.
 *
 *  Whoever waits is told, also when there is no memory: each brought the memory for its answer, and what cannot be posted now is
 *  posted a moment later. Only the reason may be missing then. */
class key_cache_shell final : public std::enable_shared_from_this<key_cache_shell>,
                              public kedge::detail::context_follower,
                              private timer_node {
public:
    key_cache_shell(const boost::asio::any_io_executor& ex, std::unique_ptr<key_source> source);
    ~key_cache_shell();

    void get(credentials_handler done) { ask(std::move(done), false); }
    void refresh(credentials_handler done) { ask(std::move(done), true); }

    struct reading {
        std::optional<http::wall_time> expires{}, since{};
        int failures = 0;
        std::uint64_t failed_looks = 0;
    };
    reading read() const;

private:
    struct waiter {
        credentials_handler done;
        bool forced;
        credentials_answer what{};  ///< once it is known
    };
    using waiters = std::list<waiter>;

    void context_gone() noexcept override;
    void context_destroyed() noexcept override { context_destroyed_ = true; }

    key_moment at() const noexcept { return {rt_.now(), rt_.wall_now()}; }
    void ask(credentials_handler done, bool forced);
    void start_look() noexcept;
    void limit_wait() noexcept;
    credentials_answer answer(bool forced) const noexcept;
    void reply_to_all(const credentials_answer& plain, const credentials_answer& forced) noexcept;
    void reply_to_all() noexcept { reply_to_all(answer(false), answer(true)); }
    void tell_next() noexcept;
    void tell();
    void arrived(found_keys what) noexcept;
    void waited_too_long();

    boost::asio::any_io_executor executor_;
    runtime& rt_;
    kedge::detail::pool_service& service_;
    const std::unique_ptr<key_source> source_;

    mutable std::mutex mutex_;  // of what follows
    key_cache cache_;
    waiters waiting_, told_;  // told_: they have their answers, which are on their way
    timer limit_;             // of those who wait
    bool telling_ = false, context_gone_ = false;
    std::shared_ptr<key_cache_shell> armed_;  // while the timer runs that posts once more

    std::atomic<bool> context_destroyed_{false};
};

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/key_cache_shell.ipp>
#endif

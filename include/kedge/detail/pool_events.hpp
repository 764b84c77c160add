// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/event.hpp>
#include <kedge/detail/runtime_lock.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <mutex>
#include <string_view>
#include <utility>

namespace kedge::detail {

/** What a pool has to tell its listener: queued under the pool's lock, told outside it by whichever thread finds nobody
 *  telling, so in order and one at a time. A listener may call the pool.
 */
class pool_events {
public:
    explicit pool_events(listener hear) : hear_(std::move(hear)) {}

    bool wanted() const noexcept { return static_cast<bool>(hear_); }
    bool pending() const noexcept { return queued_ > 0; }
    bool busy() const noexcept { return queued_ > 0 || telling_; }

    void push(const event& what) noexcept {
        if (!wanted()) return;
        if (queued_ == queue_.size()) {  // only a listener that blocks comes here: it misses the oldest
            ++first_;
            --queued_;
        }
        queue_[(first_ + queued_++) % queue_.size()] = what;
    }

    void tell(std::unique_lock<spinlock>& lock) noexcept {
        if (telling_) return;
        telling_ = true;
        while (queued_ > 0) {
            const event what = queue_[first_++ % queue_.size()];
            --queued_;
            lock.unlock();
            hear_(what);
            lock.lock();
        }
        telling_ = false;
    }

    /// Crossing 80 % and 100 % upwards, 80 % and 60 % downwards.
    void note_pressure(std::string_view name, int used, int max, int waiting) noexcept {
        pool_pressure now = pressure_;
        if (used >= max) now = pool_pressure::exhausted;
        else if (used * 10 >= max * 8) now = std::max(now, pool_pressure::high);
        else if (used * 10 < max * 6) now = pool_pressure::relaxed;
        else now = std::min(now, pool_pressure::high);
        if (now == pressure_) return;
        push(pool_pressure_changed{name, pressure_, now, used, max, waiting});
        pressure_ = now;
    }

    void note_down(std::string_view name, bool down, const boost::system::error_code& why) noexcept {
        if (std::exchange(down_, down) != down) push(pool_server_down{name, down, why});
    }

private:
    const listener hear_;
    std::array<event, 16> queue_{};
    std::size_t first_ = 0, queued_ = 0;
    bool telling_ = false, down_ = false;
    pool_pressure pressure_ = pool_pressure::relaxed;
};

}  // namespace kedge::detail

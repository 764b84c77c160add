// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/payment/secret.hpp>

#include <functional>
#include <mutex>
#include <string>
#include <utility>

namespace kedge::detail {

/// The provider's key that is in force. Safe from any thread.
class live_api_key {
public:
    live_api_key(secret<std::string> first, std::function<secret<std::string>()> fresh)
        : fresh_(std::move(fresh)), key_(std::move(first)) {}

    secret<std::string> get() const {
        const std::lock_guard lock(mutex_);
        return key_;
    }

    /// Whether there is another one than `refused`: somebody else has asked for it before, or it is asked for.
    bool renew(const secret<std::string>& refused) noexcept {
        try {
            if (get().reveal() != refused.reveal()) return true;
            if (!fresh_) return false;
            secret<std::string> another = fresh_();
            if (another.reveal() == refused.reveal()) return false;
            const std::lock_guard lock(mutex_);
            key_ = std::move(another);
            return true;
        } catch (...) {  // then the refusal stands
            return false;
        }
    }

private:
    const std::function<secret<std::string>()> fresh_;
    mutable std::mutex mutex_;
    secret<std::string> key_;
};

}  // namespace kedge::detail

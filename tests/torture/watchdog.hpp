// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/sanitizers.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#if defined(KEDGE_TEST_ADDRESS_SANITIZER)
extern "C" void __sanitizer_set_death_callback(void (*)());
#endif

namespace torture {

/// What is being played, for whoever ends the program without coming back: a sanitizer, `std::terminate`, the watchdog.
inline std::string& now_playing() {
    static std::string text;
    return text;
}

inline void say_what_is_playing() noexcept { std::fprintf(stderr, "while playing: %s\n", now_playing().c_str()); }

/// Ends a run that hangs, with its name and what `state` says. No run that works comes near its limit.
class watchdog {
public:
    watchdog(std::string name, std::function<std::string()> state) : state_(std::move(state)) {
        now_playing() = std::move(name);
#if defined(KEDGE_TEST_ADDRESS_SANITIZER)
        __sanitizer_set_death_callback(&say_what_is_playing);
#endif
        thread_ = std::thread([this] { watch(); });
    }
    watchdog(const watchdog&) = delete;
    ~watchdog() {
        {
            std::lock_guard lock(mutex_);
            over_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

private:
    void watch() {
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, std::chrono::seconds(60), [this] { return over_; })) return;
        std::fprintf(stderr, "%s hangs: %s\n", now_playing().c_str(), state_().c_str());
        std::abort();
    }

    std::function<std::string()> state_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;
};

}  // namespace torture

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <sys/random.h>

namespace kedge::detail {

/// SplitMix64: the same numbers on every compiler, which `std::` distributions do not promise.
class splitmix {
public:
    constexpr explicit splitmix(std::uint64_t seed) noexcept : state_(seed) {}

    constexpr std::uint64_t operator()() noexcept { return mix(state_ += 0x9e37'79b9'7f4a'7c15); }

    static constexpr std::uint64_t mix(std::uint64_t z) noexcept {
        z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
        z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
        return z ^ (z >> 31);
    }

private:
    std::uint64_t state_;
};

/// From the kernel's generator.
inline void secure_random(std::span<std::byte> to) {
    while (!to.empty()) {
        const ssize_t got = ::getrandom(to.data(), to.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw boost::system::system_error(errno, boost::system::system_category(), "getrandom");
        to = to.subspan(static_cast<std::size_t>(got));
    }
}

/// For jitter: fast, seeded per thread from the kernel.
inline std::uint64_t quick_random() noexcept {
    thread_local splitmix generator = [] {
        std::uint64_t seed = 0;
        const bool seeded = ::getrandom(&seed, sizeof seed, GRND_NONBLOCK) == sizeof seed;
        // Without entropy the address of a thread-local still tells threads apart; jitter needs no more.
        return splitmix(seeded ? seed : reinterpret_cast<std::uintptr_t>(&errno));
    }();
    return generator();
}

}  // namespace kedge::detail

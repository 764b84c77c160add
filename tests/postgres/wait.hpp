// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/timer.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>

namespace test {

/// Far more than anything on loopback takes: who waits that long waits for what never comes.
inline constexpr std::chrono::seconds patience{20};

/// Runs `io`, whose other work goes on, and looks every millisecond whether `done`. @return false: not within `limit`
template <class Done>
bool wait_until(boost::asio::io_context& io, const Done& done, kedge::nanoseconds limit = patience) {
    kedge::timer pause(io);
    const kedge::time_point end = kedge::now() + limit;
    while (!done()) {
        if (kedge::now() >= end) return false;
        bool over = false;
        pause.expires_after(std::chrono::milliseconds(1));
        pause.async_wait([&over](kedge::error_code) { over = true; });
        io.restart();
        while (!over) io.run_one();
    }
    return true;
}

/// The same for what happens in other processes and on other threads.
template <class Done> bool wait_until(const Done& done, kedge::nanoseconds limit = patience) {
    boost::asio::io_context io;
    return wait_until(io, done, limit);
}

}  // namespace test

// SPDX-License-Identifier: BSL-1.0
#pragma once

// What `write` makes its callers wait for, in an open loop.

#include "sinks.hpp"

#include <kedge/log/sink.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

namespace kedge_bench {

/// In microseconds.
struct write_waits {
    double p99 = 0, p999 = 0;
};

/** Writes that are due at an even rate, whatever becomes of them. One that is late because the one before took long has waited
 *  since it was due; those that are late because the thread was woken late have waited since it woke. */
inline void write_when_due(kedge::log::sink& to, std::chrono::nanoseconds every, std::chrono::steady_clock::time_point until,
                           std::vector<float>& took) {
    using clock = std::chrono::steady_clock;
    kedge::log::record what = usual_record();
    clock::time_point due = clock::now(), woken = due;
    for (; due < until; due += every) {
        if (clock::now() < due) {
            std::this_thread::sleep_until(due);
            woken = clock::now();
        }
        what.time = std::chrono::system_clock::now();
        to.write(what);
        took.push_back(std::chrono::duration<float, std::micro>(clock::now() - std::max(due, woken)).count());
    }
}

inline write_waits write_together(kedge::log::sink& to, int producers, int per_second, std::chrono::nanoseconds length) {
    std::vector<std::vector<float>> took(static_cast<std::size_t>(producers));
    std::vector<std::thread> threads;
    const std::chrono::nanoseconds every = std::chrono::nanoseconds(1s) * producers / per_second;
    const auto until = std::chrono::steady_clock::now() + length;
    for (std::vector<float>& mine : took) {
        mine.reserve(static_cast<std::size_t>(2 * per_second * length / 1s / producers) + 16);
        threads.emplace_back([&to, &mine, every, until] { write_when_due(to, every, until, mine); });
    }
    for (std::thread& t : threads) t.join();
    std::vector<float> all;
    for (const std::vector<float>& mine : took) all.insert(all.end(), mine.begin(), mine.end());
    std::ranges::sort(all);
    const auto at = [&all](double share) { return all[static_cast<std::size_t>(static_cast<double>(all.size() - 1) * share)]; };
    return {at(0.99), at(0.999)};
}

}  // namespace kedge_bench

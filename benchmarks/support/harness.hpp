// SPDX-License-Identifier: BSL-1.0
#pragma once

// Measures rows: each against a baseline that is measured right before it, repetition by repetition, so that the drift
// of the machine cancels out of the ratio. The method: benchmarks/README.md.

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace kedge_bench {

/// Heap allocations of this thread so far, at malloc and aligned_alloc (Asio goes around operator new).
std::uint64_t allocations() noexcept;

/// Pins the calling thread, where that is allowed.
void pin(int cpu) noexcept;

/// Seconds of CPU time that other processes have used so far.
double used_by_others() noexcept;

/// CPU time of the calling thread so far, so that a neighbour who takes the core for a while is not counted; alone on the machine
/// it is wall time.
double thread_ns() noexcept;

/// Keeps the compiler from computing `value` away.
template <class T> void keep(T&& value) noexcept { asm volatile("" : : "r,m"(value) : "memory"); }

/// Runs `n` operations on the calling thread; `thread` counts from 0.
using work = std::function<void(int thread, std::uint64_t n)>;

/// Written with designated initialisers, hence an aggregate with defaults.
struct row {
    std::string name{};
    std::string baseline{};  ///< the name of another row, or empty
    work run{};
    int threads = 1;
    bool added = false;     ///< report the difference to the baseline, not the whole
    double target = 0;      ///< ns; 0: none
    double target_ratio = 0;
    bool counts = true;     ///< whether allocations of the measuring threads tell anything
    std::function<void()> settle{};  ///< before each run, not measured: waits until what the last one left behind is done
    std::function<double()> unfairness{};  ///< of the last run: the luckiest task's grants by the unluckiest's
};

struct settings {
    std::string filter;
    int repetitions = 11;
    std::chrono::nanoseconds length = std::chrono::milliseconds(30);  ///< of a repetition
};

class suite {
public:
    /// `--filter REGEX`, `--quick` (5 short repetitions), `--smoke` (one tiny one)
    suite(int argc, char** argv);

    void add(row r) { rows_.push_back(std::move(r)); }

    /// Measures, and prints one JSON object a line.
    void play();

private:
    struct sample {
        double ns = 0, allocations = 0;
    };
    struct figures {
        std::vector<double> ns, ratio, unfairness;
        double allocations = 0;
        int disturbed = 0;
    };

    const row* find(const std::string& name) const;
    bool wanted(const row& r) const;
    std::uint64_t calibrate(const row& r) const;
    sample once(const row& r, std::uint64_t n) const;
    figures measure(const row& r) const;
    static void print(const row& r, figures f);

    std::vector<row> rows_;
    settings settings_;
};

}  // namespace kedge_bench

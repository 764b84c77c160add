// SPDX-License-Identifier: BSL-1.0
#include <support/counted_malloc.hpp>
#include <support/harness.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <regex>
#include <stdexcept>

#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

namespace {

using steady = std::chrono::steady_clock;

// glibc leaves out the atomics of a mutex while a process has one thread, which no service ever has.
const bool parked = [] {
    std::thread([] { for (;;) ::pause(); }).detach();
    return true;
}();

double own_cpu() noexcept {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double median(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v[v.size() / 2];
}

}  // namespace

namespace kedge_bench {

std::uint64_t allocations() noexcept { return allocation_count; }

void pin(int cpu) noexcept {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

double used_by_others() noexcept {
    double busy = 0;
    if (FILE* f = std::fopen("/proc/stat", "r")) {
        unsigned long long user, nice, system, idle, wait, irq, soft, steal;
        if (std::fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait, &irq, &soft,
                        &steal) == 8)
            busy = static_cast<double>(user + nice + system + irq + soft + steal) / static_cast<double>(sysconf(_SC_CLK_TCK));
        std::fclose(f);
    }
    return busy - own_cpu();
}

double thread_ns() noexcept {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

suite::suite(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        if (!std::strcmp(argv[i], "--filter") && i + 1 < argc) settings_.filter = argv[++i];
        else if (!std::strcmp(argv[i], "--quick")) settings_ = {settings_.filter, 5, std::chrono::milliseconds(8)};
        else if (!std::strcmp(argv[i], "--smoke")) settings_ = {settings_.filter, 1, std::chrono::microseconds(100)};
        else throw std::invalid_argument(std::string("unknown argument ") + argv[i]);
    }
}

const row* suite::find(const std::string& name) const {
    const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const row& r) { return r.name == name; });
    if (found == rows_.end()) throw std::logic_error("no row is called " + name);
    return &*found;
}

bool suite::wanted(const row& r) const {
    return settings_.filter.empty() || std::regex_search(r.name, std::regex(settings_.filter));
}

suite::sample suite::once(const row& r, std::uint64_t n) const {
    if (r.settle) r.settle();
    if (r.threads == 1) {
        const auto before = allocation_count;
        const double start = thread_ns();
        r.run(0, n);
        const double ns = thread_ns() - start;
        return {ns / static_cast<double>(n), static_cast<double>(allocation_count - before) / static_cast<double>(n)};
    }
    std::barrier together(r.threads);
    std::vector<steady::time_point> begun(static_cast<std::size_t>(r.threads)), ended(begun);
    std::atomic<std::uint64_t> allocated = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < r.threads; ++t)
        threads.emplace_back([&, t] {
            pin(t);
            together.arrive_and_wait();
            const auto before = allocation_count;
            begun[static_cast<std::size_t>(t)] = steady::now();
            r.run(t, n);
            ended[static_cast<std::size_t>(t)] = steady::now();
            allocated += allocation_count - before;
        });
    for (auto& t : threads) t.join();
    const auto wall = *std::max_element(ended.begin(), ended.end()) - *std::min_element(begun.begin(), begun.end());
    const double ns = std::chrono::duration<double, std::nano>(wall).count();
    return {ns / static_cast<double>(n), static_cast<double>(allocated) / static_cast<double>(n) / r.threads};
}

/// How many operations fill a repetition; warms up on the way.
std::uint64_t suite::calibrate(const row& r) const {
    const auto length = static_cast<double>(settings_.length.count());
    for (std::uint64_t n = 64;; n *= 4) {
        const double ns = once(r, n).ns * static_cast<double>(n);
        if (ns >= length / 4) return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(static_cast<double>(n) * length / ns));
    }
}

suite::figures suite::measure(const row& r) const {
    const row* const base = r.baseline.empty() ? nullptr : find(r.baseline);
    const std::uint64_t n = calibrate(r), base_n = base ? calibrate(*base) : 0;
    figures f;
    int spare = settings_.repetitions;  // for repetitions that others disturbed; then a disturbed one has to do
    while (static_cast<int>(f.ns.size()) < settings_.repetitions) {
        const double others = used_by_others();
        const auto start = steady::now();
        const sample b = base ? once(*base, base_n) : sample{};
        const sample s = once(r, n);
        const double wall = std::chrono::duration<double>(steady::now() - start).count();
        // the kernel counts in hundredths of a second
        if (settings_.repetitions > 1 && used_by_others() - others > 0.06 * wall + 0.015) {
            ++f.disturbed;
            if (spare-- > 0) continue;
        }
        f.ns.push_back(r.added ? s.ns - b.ns : s.ns);
        if (base) f.ratio.push_back(s.ns / b.ns);
        f.allocations = s.allocations;
        if (r.unfairness) f.unfairness.push_back(r.unfairness());
    }
    return f;
}

void suite::print(const row& r, figures f) {
    const auto [low, high] = std::minmax_element(f.ns.begin(), f.ns.end());
    std::printf(R"({"name": "%s", "threads": %d, "median": %.2f, "min": %.2f, "max": %.2f, "unit": "%s", )", r.name.c_str(),
                r.threads, median(f.ns), *low, *high, r.added ? "ns added" : "ns");
    if (r.counts) std::printf(R"("allocs_per_op": %.2f, )", f.allocations);
    else std::printf(R"("allocs_per_op": null, )");
    if (f.ratio.empty()) std::printf(R"("baseline": null, "ratio": null)");
    else std::printf(R"("baseline": "%s", "ratio": %.3f)", r.baseline.c_str(), median(f.ratio));
    if (r.target > 0) std::printf(R"(, "target": %.0f)", r.target);
    if (r.target_ratio > 0) std::printf(R"(, "target_ratio": %.2f)", r.target_ratio);
    if (r.unfairness) std::printf(R"(, "unfairness": %.3f)", median(f.unfairness));
    std::printf(R"(, "disturbed": %d})" "\n", f.disturbed);
    std::fflush(stdout);
}

void suite::play() {
    keep(parked);
    pin(0);
    std::vector<std::string> names;
    for (const row& r : rows_)
        if (wanted(r)) names.insert(names.end(), {r.name, r.baseline});
    for (const row& r : rows_)
        if (std::find(names.begin(), names.end(), r.name) != names.end()) print(r, measure(r));
}

}  // namespace kedge_bench

// SPDX-License-Identifier: BSL-1.0
#pragma once

// What was found, for people and as JSON.

#include "result.hpp"
#include "settings.hpp"

#include <scenarios/all.hpp>

#include <array>
#include <cstdio>
#include <string>
#include <vector>

namespace pool_contention {

struct percentile {
    const char* name;
    double share;
};
inline constexpr std::array percentiles{percentile{"p50", 0.5}, percentile{"p90", 0.9}, percentile{"p99", 0.99},
                                        percentile{"p99.9", 0.999}, percentile{"max", 1}};

inline std::string text_of(nanoseconds t) {
    const auto ns = static_cast<double>(t.count());
    char text[32];
    if (ns < 1e3) std::snprintf(text, sizeof text, "%.0f ns", ns);
    else if (ns < 1e6) std::snprintf(text, sizeof text, "%.3g us", ns / 1e3);
    else if (ns < 1e9) std::snprintf(text, sizeof text, "%.3g ms", ns / 1e6);
    else std::snprintf(text, sizeof text, "%.3g s", ns / 1e9);
    return text;
}

inline std::string text_of(const hold_time& h) {
    constexpr const char* names[] = {"constant", "exponential", "lognormal"};
    const std::string text = std::string(names[static_cast<int>(h.is)]) + " " + text_of(h.typical);
    return h.is == hold_time::shape::lognormal ? text + " sigma " + std::to_string(h.sigma).substr(0, 4) : text;
}

inline std::string title_of(const settings& s) {
    std::string arrival = "closed loop";
    if (s.per_second > 0) arrival = "open loop at " + std::to_string(static_cast<long>(s.per_second)) + "/s";
    return std::to_string(s.tasks) + " tasks, " + std::to_string(s.connections) + " connections, " + std::to_string(s.threads) +
           (s.threads == 1 ? " thread, " : " threads, ") + arrival + ", hold " + text_of(s.hold);
}

inline void print_line(const char* name, const std::string& value, const char* says) {
    std::printf("  %-16s%14s   %s\n", name, value.c_str(), says);
}

inline std::string number(const char* format, double value) {
    char text[32];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

inline void print(const settings& s, const result& r) {
    std::printf("%s; %s\n\n", title_of(s).c_str(), text_of(s.duration).c_str());
    print_line("throughput", number("%.0f /s", r.per_second()), "connections borrowed, held and given back");
    const bool open = s.per_second > 0;
    for (const percentile& p : percentiles)
        print_line(("wait " + std::string(p.name)).c_str(), text_of(r.waits.at(p.share)),
                   p.share != 0.5 ? ""
                   : open         ? "for a connection, from the moment a call was due, however late its task was"
                                  : "for a connection, from the moment a task wanted one");
    if (open) print_line("  own lateness", text_of(r.lateness.at(0.99)), "p99: the part of the waits that is not the pool's");
    print_line("fairness", number("%.4f", r.fairness()), "Jain's index of what the tasks were granted; 1: all the same");
    print_line("max/min", number("%.3f", r.most_by_least()), "grants of the luckiest task by those of the unluckiest");
    print_line("allocations", number("%.2f", r.allocations_per_call()), "for each call; those of the timers are among them");
    print_line("opened", std::to_string(r.opened), "connections, the warm-up included");
    print_line("timeouts", std::to_string(r.refused), "calls that got no connection");
    if (r.unserved > 0) print_line("not begun", std::to_string(r.unserved), "calls still due when as much time again had passed");
    if (r.others > 0.06) std::printf("\n!  other processes used %.2f cores meanwhile\n", r.others);
}

inline std::string json_of(const settings& s, const result& r) {
    std::string waits;
    for (const percentile& p : percentiles)
        waits += std::string(waits.empty() ? "" : ", ") + "\"" + p.name + "\": " + std::to_string(r.waits.at(p.share).count());
    return "{\"title\": \"" + title_of(s) + "\", \"threads\": " + std::to_string(s.threads) +
           ", \"tasks\": " + std::to_string(s.tasks) + ", \"connections\": " + std::to_string(s.connections) +
           ", \"hold\": \"" + text_of(s.hold) + "\", \"rate\": " + number("%g", s.per_second) +
           ", \"seconds\": " + number("%g", r.seconds) + ", \"seed\": " + std::to_string(s.seed) +
           ",\n \"per_second\": " + number("%.1f", r.per_second()) + ", \"wait_ns\": {" + waits +
           "},\n \"lateness_p99_ns\": " + std::to_string(r.lateness.at(0.99).count()) +
           ", \"jain\": " + number("%.6f", r.fairness()) + ", \"max_min\": " + number("%.4f", r.most_by_least()) +
           ", \"allocs_per_op\": " + number("%.4f", r.allocations_per_call()) + ", \"opened\": " + std::to_string(r.opened) +
           ", \"timeouts\": " + std::to_string(r.refused) + ", \"unserved\": " + std::to_string(r.unserved) +
           ", \"others\": " + number("%.3f", r.others) + "}\n";
}

inline std::string text_of(double value, const std::string& unit) {
    return unit == "share" ? number("%.1f %%", value * 100) : number("%.4g ", value) + unit;
}

/// True: every goal holds.
inline bool print(const pool_scenarios::scenario& s, const std::vector<pool_scenarios::line>& lines, int seeds) {
    std::printf("%s: %s; the middle of %d seeds\n\n", s.name, s.story, seeds);
    bool good = true;
    for (const auto& [figure, says] : lines) {
        const std::string value = text_of(survival::median(figure.values), figure.unit);
        std::string goal, verdict;
        if (const auto& wanted = figure.wanted) {
            const bool holds = wanted->missed_by() == 0;
            goal = (wanted->at_least ? ">= " : "<= ") + text_of(wanted->bound, figure.unit);
            verdict = holds ? "holds" : "MISSED";
            good = good && holds;
        }
        const std::string name = figure.name.substr(figure.name.rfind('/') + 1);
        std::printf("  %-14s%14s  %-14s%-8s%s\n", name.c_str(), value.c_str(), goal.c_str(), verdict.c_str(), says.c_str());
    }
    std::puts("");
    return good;
}

}  // namespace pool_contention

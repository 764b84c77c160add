// SPDX-License-Identifier: BSL-1.0
#pragma once

// What is played, and the words for it on the command line.

#include <kedge/core/time.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace pool_contention {

using kedge::nanoseconds;

/// How long a connection is held.
struct hold_time {
    enum class shape : std::uint8_t { constant, exponential, lognormal };
    shape is = shape::constant;
    nanoseconds typical = std::chrono::microseconds(200);  ///< the mean; of lognormal the median
    double sigma = 1;                                      ///< of lognormal
};

struct settings {
    int threads = 2, tasks = 64, connections = 20;
    hold_time hold{};
    double per_second = 0;  ///< 0: a closed loop
    nanoseconds duration = std::chrono::seconds(2), connect = std::chrono::milliseconds(2);
    nanoseconds acquire_timeout = std::chrono::seconds(5);
    std::uint64_t seed = 1;
    std::string json{}, svg{}, scenario{};
    bool help = false;
};

inline bool read_number(std::string_view text, auto& number) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failed == std::errc() && end == text.data() + text.size();
}

inline bool read_count(std::string_view text, int& count) { return read_number(text, count) && count >= 1 && count <= 100'000; }

/// "200us"
inline bool read_time(std::string_view text, nanoseconds& time) {
    const std::size_t unit_at = text.find_first_not_of("0123456789.");
    if (unit_at == std::string_view::npos) return false;
    const std::string_view unit = text.substr(unit_at);
    const double ns = unit == "ns" ? 1 : unit == "us" ? 1e3 : unit == "ms" ? 1e6 : unit == "s" ? 1e9 : 0;
    double number = 0;
    if (ns == 0 || !read_number(text.substr(0, unit_at), number) || number * ns > 1e13) return false;
    time = nanoseconds(static_cast<std::int64_t>(number * ns));
    return true;
}

inline bool read_long_time(std::string_view text, nanoseconds& time) { return read_time(text, time) && time.count() > 0; }

/// "lognormal:200us,1.0"
inline bool read_hold(std::string_view text, hold_time& hold) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return false;
    const std::string_view name = text.substr(0, colon);
    std::string_view rest = text.substr(colon + 1);
    if (name == "lognormal") {
        const std::size_t comma = rest.find(',');
        if (comma == std::string_view::npos) return false;
        if (!read_number(rest.substr(comma + 1), hold.sigma) || !(hold.sigma > 0 && hold.sigma <= 5)) return false;
        rest = rest.substr(0, comma);
        hold.is = hold_time::shape::lognormal;
        return read_long_time(rest, hold.typical);
    }
    hold.is = name == "exponential" ? hold_time::shape::exponential : hold_time::shape::constant;
    return (name == "exponential" || name == "constant") && read_time(rest, hold.typical);
}

/// "open:5000/s"
inline bool read_arrival(std::string_view text, double& per_second) {
    per_second = 0;
    if (text == "closed") return true;
    if (!text.starts_with("open:") || !text.ends_with("/s")) return false;
    return read_number(text.substr(5, text.size() - 7), per_second) && per_second > 0 && per_second <= 1e8;
}

struct option {
    const char* name;
    const char* form;
    const char* says;
    bool (*read)(settings&, std::string_view);
};

inline constexpr std::array options{
    option{"--threads", "N, 1 to 100000", "that run the io_context (2)",
           [](settings& s, std::string_view v) { return read_count(v, s.threads); }},
    option{"--tasks", "N, 1 to 100000", "that want a connection again and again (64)",
           [](settings& s, std::string_view v) { return read_count(v, s.tasks); }},
    option{"--connections", "N, 1 to 100000", "of the pool (20)",
           [](settings& s, std::string_view v) { return read_count(v, s.connections); }},
    option{"--hold", "constant:TIME|exponential:TIME|lognormal:TIME,SIGMA",
           "how long each is held; constant:0us: for one turn of the loop (constant:200us)",
           [](settings& s, std::string_view v) { return read_hold(v, s.hold); }},
    option{"--arrival", "closed|open:RATE/s, e.g. open:5000/s",
           "closed: a task that is done comes again; open: at random moments (closed)",
           [](settings& s, std::string_view v) { return read_arrival(v, s.per_second); }},
    option{"--duration", "TIME", "of the measurement, after a warm-up of a tenth (2s)",
           [](settings& s, std::string_view v) { return read_long_time(v, s.duration); }},
    option{"--connect", "TIME", "that opening one takes (2ms)",
           [](settings& s, std::string_view v) { return read_time(v, s.connect); }},
    option{"--acquire-timeout", "TIME", "how long a task waits for one (5s)",
           [](settings& s, std::string_view v) { return read_long_time(v, s.acquire_timeout); }},
    option{"--seed", "N", "of the chance in holds and arrivals (1)",
           [](settings& s, std::string_view v) { return read_number(v, s.seed); }},
    option{"--json", "FILE", "also write the figures there",
           [](settings& s, std::string_view v) { return s.json = v, !v.empty(); }},
    option{"--svg", "FILE", "also draw the waits there", [](settings& s, std::string_view v) { return s.svg = v, !v.empty(); }},
    option{"--scenario", "NAME|all", "play a scenario in virtual time instead; each has a goal",
           [](settings& s, std::string_view v) { return s.scenario = v, !v.empty(); }},
};

inline settings read_arguments(int argc, const char* const* argv) {
    settings s;
    bool measures = false;  // something was said that a scenario, which brings its own numbers, would ignore
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--help") return s.help = true, s;
        const option* found = nullptr;
        for (const option& o : options)
            if (name == o.name) found = &o;
        if (!found) throw std::invalid_argument(std::string(name) + ": there is no such argument; --help lists all");
        const std::string accepted = "it must be " + std::string(name) + " " + found->form +
                                     (std::string_view(found->form).find("TIME") == std::string_view::npos
                                          ? ""
                                          : ", where TIME is a number with ns, us, ms or s, e.g. 200us");
        if (i + 1 == argc) throw std::invalid_argument(std::string(name) + ": its value is missing; " + accepted);
        if (!found->read(s, argv[++i])) throw std::invalid_argument(std::string(name) + " " + argv[i] + ": " + accepted);
        measures = measures || (name != "--scenario" && name != "--json");
    }
    if (!s.scenario.empty() && measures)
        throw std::invalid_argument("--scenario: it has numbers of its own, so only --json goes with it");
    return s;
}

}  // namespace pool_contention

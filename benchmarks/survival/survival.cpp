// SPDX-License-Identifier: BSL-1.0
// Does an outage hurt less with kedge than without? Each row in virtual time, for each way to call a dependency.

#include "cascade.hpp"
#include "columns.hpp"
#include "deadlines.hpp"
#include "do_no_harm.hpp"
#include "figures.hpp"
#include "metastability.hpp"
#include "outage.hpp"
#include "recovery.hpp"

#include <cstring>
#include <stdexcept>

namespace survival {
namespace {

struct effort {
    int seeds = 5;
    do_no_harm::schedule errors{};
};

std::string name_of(const std::string& line, const column& c) { return "survival/" + line + "/" + c.name; }

/// Plays a row for all columns of which somebody wants a figure. The first one is the baseline, so it is always played.
template <class Play> auto play_columns(const figures& out, const std::vector<std::string>& lines, int seeds, Play play) {
    using result = decltype(play(columns[0], std::uint64_t{}));
    std::array<std::vector<result>, columns.size()> all;
    const auto asked = [&](const column& c) {
        return std::ranges::any_of(lines, [&](const std::string& line) { return out.wanted(name_of(line, c)); });
    };
    if (std::ranges::none_of(columns, asked)) return all;
    for (std::size_t i = 0; i < columns.size(); ++i)
        for (int seed = 1; seed <= seeds && (i == 0 || asked(columns[i])); ++seed)
            all[i].push_back(play(columns[i], static_cast<std::uint64_t>(seed)));
    return all;
}

void do_no_harm_cell(const figures& out, const effort& by, do_no_harm::cell errors) {
    const std::string line = "E0/" + std::to_string(errors.percent) + "%x" + std::to_string(errors.calls_per_second);
    const auto shares = play_columns(out, {line}, by.seeds, [&](const column& how, std::uint64_t seed) {
        return do_no_harm::success(how, errors, seed, by.errors);
    });
    for (std::size_t i = 0; i < columns.size() && !shares[0].empty(); ++i) {
        const column& c = columns[i];
        if (shares[i].empty()) continue;
        figure f{name_of(line, c), "share", name_of(line, columns[0]), shares[i], shares[0]};
        if (c.ours) f.wanted = goal{true, mean(shares[0]) - c.may_lose, mean(shares[i])};
        out.print(f);
    }
}

void play_do_no_harm(const figures& out, const effort& by) {
    // three calls a second: there the breaker's window holds hardly more calls than it needs to judge them
    for (const int percent : {1, 5, 10, 20, 30})
        for (const int calls_per_second : {1, 3, 10, 100, 1000}) do_no_harm_cell(out, by, {percent, calls_per_second});
}

enum class better { less, more };

/// Prints a line: `figure_of(result)` for each seed of each column, if it says anything; `bound_of(column)` is the goal.
template <class Results, class Figure, class Bound>
void print_line(const figures& out, const std::string& line, const char* unit, const Results& all, Figure figure_of,
                Bound bound_of, better is = better::less) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
        figure f{name_of(line, columns[i]), unit, {}, {}};
        for (const auto& result : all[i])
            if (const std::optional<double> value = figure_of(result)) f.values.push_back(*value);
        if (f.values.empty()) continue;
        if (const std::optional<double> bound = bound_of(columns[i]); bound && columns[i].ours)
            f.wanted = is == better::more ? goal{true, *bound, std::ranges::min(f.values)}
                                          : goal{false, *bound, std::ranges::max(f.values)};
        out.print(f);
    }
}

constexpr auto no_goal = [](const column&) { return std::optional<double>(); };

/// For columns that limit how long an attempt may take.
constexpr auto if_limited(double bound) {
    return [bound](const column& c) { return c.at_a_time > 0 ? std::optional(bound) : std::nullopt; };
}

constexpr auto for_all(double bound) {
    return [bound](const column&) { return std::optional(bound); };
}

double seconds(nanoseconds t) { return std::chrono::duration<double>(t).count(); }

void play_amplification(const figures& out, const effort& by) {
    const std::string attempts = "E1/load", back = "E1/until_first_success";
    const auto all = play_columns(out, {attempts, back}, by.seeds,
                                  [](const column& how, std::uint64_t seed) { return outage::total(how, seed); });
    print_line(out, attempts, "attempts per call", all, [](const outage::load& l) { return std::optional(l.attempts_per_call); },
               for_all(1.1));
    print_line(out, back, "s", all, [](const outage::load& l) { return std::optional(seconds(l.until_first_success)); },
               no_goal);
}

void play_metastability(const figures& out, const effort& by) {
    const std::string back = "E2/until_recovered", during = "E2/during_fall";
    const auto all = play_columns(out, {back, during}, by.seeds,
                                  [](const column& how, std::uint64_t seed) { return metastability::play(how, seed); });
    print_line(out, back, "s", all,
               [](const metastability::goodput& g) { return std::optional(seconds(g.until_recovered)); },
               for_all(seconds(metastability::goal)));
    print_line(out, during, "share", all, [](const metastability::goodput& g) { return std::optional(g.during_fall); },
               no_goal);
}

void play_hang(const figures& out, const effort& by) {
    const std::string full = "E3/wait_full_limit", second = "E3/wait_a_second", refusal = "E3/refusal_p99";
    const auto all = play_columns(out, {full, second, refusal}, by.seeds, outage::silent);
    const auto bound = [](const column& c) { return c.at_a_time > 0 ? std::optional(2. * c.at_a_time) : std::nullopt; };
    print_line(out, full, "calls", all, [](const outage::waits& w) { return std::optional<double>(w.full_limit); }, bound);
    print_line(out, second, "calls", all, [](const outage::waits& w) { return std::optional<double>(w.a_second); }, no_goal);
    print_line(out, refusal, "ms", all,
               [](const outage::waits& w) {
                   return w.refusal_p99 ? std::optional(seconds(*w.refusal_p99) * 1000) : std::nullopt;
               },
               if_limited(1));
}

void play_recovery(const figures& out, const effort& by) {
    const std::string probes = "E4/probes", dials = "E4/dials";
    const auto all = play_columns(out, {probes, dials}, by.seeds,
                                  [](const column& how, std::uint64_t seed) { return recovery::play(how, seed); });
    print_line(out, probes, "requests", all,
               [](const recovery::start& s) { return s.came_back ? std::optional<double>(s.requests) : std::nullopt; },
               for_all(recovery::most_probes));
    print_line(out, dials, "connections", all,
               [](const recovery::start& s) { return s.came_back && s.connects ? std::optional<double>(s.dials) : std::nullopt; },
               for_all(recovery::most_dials));
}

void play_cascade(const figures& out, const effort& by) {
    for (const cascade::tier between : {cascade::tier{64}, {256}, {64, true}}) {
        const std::string line = "E5/" + std::to_string(between.places) + "_places" + (between.informed ? "_informed" : "");
        const auto all = play_columns(out, {line}, by.seeds, [&](const column& how, std::uint64_t seed) {
            return cascade::other_route(how, seed, between);
        });
        print_line(out, line, "share", all, [](double share) { return std::optional(share); }, if_limited(cascade::goal),
                   better::more);
    }
}

void play_deadlines(const figures& out, const effort& by) {
    const auto all = play_columns(out, {"E6/late"}, by.seeds, deadlines_kept::late);
    print_line(out, "E6/late", "%", all, [](double share) { return std::optional(share * 100); },
               if_limited(deadlines_kept::goal * 100));
}

void play_all(int argc, char** argv) {
    std::string filter;
    effort by;
    for (int i = 1; i < argc; ++i) {
        if (!std::strcmp(argv[i], "--filter") && i + 1 < argc) filter = argv[++i];
        else if (!std::strcmp(argv[i], "--quick")) by = {2, {.counted = 5'000}};
        else if (!std::strcmp(argv[i], "--smoke")) by = {1, {.healthy = 0s, .settling = 0s, .counted = 300}};
        else throw std::invalid_argument(std::string("unknown argument ") + argv[i]);
    }
    const figures out(filter);
    play_do_no_harm(out, by);
    play_amplification(out, by);
    play_metastability(out, by);
    play_hang(out, by);
    play_recovery(out, by);
    play_cascade(out, by);
    play_deadlines(out, by);
}

}  // namespace
}  // namespace survival

int main(int argc, char** argv) { survival::play_all(argc, argv); }

// SPDX-License-Identifier: BSL-1.0
// What a kedge pool does when many want its connections: measured in real time with the load of your choice, or played in
// virtual time. What it prints is explained in benchmarks/README.md.

#include "load.hpp"
#include "picture.hpp"
#include "settings.hpp"
#include "table.hpp"

#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>

namespace pool_contention {
namespace {

constexpr int seeds = 5;

void help() {
    std::puts("usage: benchmarks/pool_contention/run [ARGUMENT VALUE]...\n\n"
              "Measures how tasks share the connections of a pool. TIME is a number with ns, us, ms or s, e.g. 200us.\n");
    for (const option& o : options) std::printf("  %s %s\n        %s\n", o.name, o.form, o.says);
    std::puts("\nscenarios; the exit status is 1 if a goal is missed:\n");
    for (const auto& s : pool_scenarios::scenarios) std::printf("  %-18s%s\n", s.name, s.story);
}

void write(const std::string& path, const std::string& text) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"), std::fclose);
    if (!file || std::fputs(text.c_str(), file.get()) < 0 || std::fflush(file.get()) != 0)
        throw std::runtime_error(path + ": cannot be written");
}

int play_scenarios(const settings& s) {
    bool found = false, good = true;
    std::string names, rows;
    for (const auto& one : pool_scenarios::scenarios) {
        names += std::string(", ") + one.name;
        if (s.scenario != "all" && s.scenario != one.name) continue;
        found = true;
        const auto lines = one.play(one, seeds);
        good = print(one, lines, seeds) && good;
        for (const auto& l : lines) rows += (rows.empty() ? "" : ",\n") + survival::json_of(l.figure);
    }
    if (!found) throw std::invalid_argument("--scenario " + s.scenario + ": it must be one of all" + names);
    if (!s.json.empty()) write(s.json, "[\n" + rows + "\n]\n");
    return good ? 0 : 1;
}

int measure(const settings& s) {
    const auto played = std::make_unique<load>(s);
    const result r = played->play();
    print(s, r);
    if (!s.json.empty()) write(s.json, json_of(s, r));
    if (!s.svg.empty()) write(s.svg, picture(s, r).svg());
    return 0;
}

}  // namespace
}  // namespace pool_contention

int main(int argc, char** argv) {
    using namespace pool_contention;
    try {
        const settings s = read_arguments(argc, argv);
        if (s.help) return help(), 0;
        return s.scenario.empty() ? measure(s) : play_scenarios(s);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 2;
    }
}

// SPDX-License-Identifier: BSL-1.0
// Where pools differ: the scenarios of the pool as rows, in virtual time. `benchmarks/pool_contention/run` explains them.

#include <scenarios/all.hpp>

#include <cstring>
#include <stdexcept>

int main(int argc, char** argv) {
    std::string filter;
    int seeds = 5;
    for (int i = 1; i < argc; ++i) {
        if (!std::strcmp(argv[i], "--filter") && i + 1 < argc) filter = argv[++i];
        else if (!std::strcmp(argv[i], "--quick")) seeds = 2;
        else if (!std::strcmp(argv[i], "--smoke")) seeds = 1;
        else throw std::invalid_argument(std::string("unknown argument ") + argv[i]);
    }
    const survival::figures out(filter);
    for (const auto& s : pool_scenarios::scenarios) {
        // its lines are known only when it has been played, so a filter has to name it
        if (!out.wanted(std::string("pool/") + s.name + "/") && filter.find(s.name) == std::string::npos) continue;
        for (const auto& l : s.play(s, seeds)) out.print(l.figure);
    }
}

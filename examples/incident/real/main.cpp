// SPDX-License-Identifier: BSL-1.0
//
// The same six scenarios with sockets, TLS with a certificate made at the start, an SQLite file or a PostgreSQL of yours, and
// this clock; side by side, each on a thread of its own.
//
//   incident_real [--seed N] [--log python|json] [--database postgresql://user@host/database]
//
// In PostgreSQL it makes and drops two tables, kedge_incident_2 and kedge_incident_5, with 42 connections at most.
// Nothing here depends on the seed: real time has none. kedge's log of a scenario is shown when it goes wrong.
// Exit status 1 if any number did not come out as told.

#include "../customers.hpp"
#include "../program.hpp"
#include "trial.hpp"

#include <kedge/config/sinks.hpp>
#include <kedge/runtime.hpp>

#include <openssl/crypto.h>
#include <sqlite3.h>

#include <array>
#include <cstdio>
#include <exception>
#include <future>
#include <string>

#include <unistd.h>

namespace {

using incident::nanoseconds;
using incident::real::trial;
using namespace std::chrono_literals;

struct scenario {
    void (*play)(trial&);
    bool shortened;
};

constexpr std::array<scenario, 6> scenarios{{{incident::real::silent_payment_service, false},
                                             {incident::real::exhausted_pool, true},
                                             {incident::real::reset_connections, true},
                                             {incident::real::three_of_ten, false},
                                             {incident::real::database_restart, true},
                                             {incident::real::lost_reply, true}}};

struct ending {
    trial told;
    nanoseconds took{0};
};

ending play(const scenario& what, const incident::options& wanted) {
    ending end{trial(wanted.configuration.values, wanted.database)};
    const auto start = kedge::now();
    try {
        what.play(end.told);
    } catch (const std::exception& e) {
        end.told.check(false, e.what());
    }
    end.took = kedge::now() - start;
    return end;
}

/// Shows on a terminal that something goes on.
void await_all(std::array<std::future<ending>, scenarios.size()>& running) {
    const bool terminal = isatty(STDOUT_FILENO) != 0;
    const auto start = kedge::now();
    for (auto& one : running) {
        while (one.wait_for(terminal ? 1s : 60s) == std::future_status::timeout) {
            if (!terminal) continue;
            std::printf("\rplaying side by side  %s ", incident::to_string(kedge::now() - start).c_str());
            std::fflush(stdout);
        }
    }
    if (terminal) std::printf("\r%40s\r", "");
}

}  // namespace

int main(int argc, char** argv) {
    const auto wanted = incident::parse(argc, argv);
    if (!wanted) return 2;
    if (wanted->only_virtual) {
        std::printf("The real run is left out: --virtual.\n");
        return 0;
    }
    std::printf("%s · OpenSSL %s · SQLite %s\n"
                "Now for real: sockets, TLS with a certificate made just now, a database, this clock.   * shortened so that you "
                "need not wait\n",
                incident::versions().c_str(), OpenSSL_version(OPENSSL_VERSION_STRING), sqlite3_libversion());
    std::fputs(incident::own_settings(wanted->configuration).c_str(), stdout);
    kedge::config::write_notes(wanted->configuration, *kedge::config::log_sink(wanted->configuration));

    std::array<std::future<ending>, scenarios.size()> running;
    const auto start = kedge::now();
    for (std::size_t i = 0; i < scenarios.size(); ++i)
        running[i] = std::async(std::launch::async, play, scenarios[i], *wanted);
    await_all(running);
    const auto took = kedge::now() - start;

    bool as_told = true;
    std::string times;
    for (std::size_t i = 0; i < scenarios.size(); ++i) {
        const int number = static_cast<int>(i) + 1;
        const ending end = running[i].get();
        const bool good = end.told.as_told();
        as_told = as_told && good;
        std::fputs(end.told.text(number).c_str(), stdout);
        times += "   " + std::to_string(number) + (good ? " ok " : " NO ") + incident::to_string(end.took) +
                 (scenarios[i].shortened ? "*" : " ");
    }
    std::printf("%s       side by side: %s\n", times.c_str(), incident::to_string(took).c_str());
    std::printf("%s\n", as_told ? "All six came out as told. Every number above is checked; exit status 0."
                                : "Not everything came out as told: see above.");
    return as_told ? 0 : 1;
}

// SPDX-License-Identifier: BSL-1.0
//
// The same six scenarios with sockets, TLS with a certificate made at the start, an SQLite file or a PostgreSQL of yours, and
// this clock; side by side, each on a thread of its own.
//
//   incident_real [--seed N] [--log python|json] [--database postgresql://user@host/database] [--scenario 1..6]
//
// In PostgreSQL it makes and drops two tables, kedge_incident_2 and kedge_incident_5, with 42 connections at most.
// Nothing here depends on the seed: real time has none. kedge's log goes to the console, with repetitions counted; with
// KEDGE_LOG_SINKS=cloudwatch it goes there, and the last but one line says where every event went.
// Exit status 1 if any number did not come out as told, 2 if the settings cannot be used.

#include "../customers.hpp"
#include "../program.hpp"
#include "outgoing_log.hpp"
#include "trial.hpp"

#include <kedge/runtime.hpp>

#include <openssl/crypto.h>
#include <sqlite3.h>

#include <array>
#include <cstdio>
#include <exception>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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

ending play(const scenario& what, const incident::options& wanted, std::shared_ptr<kedge::log::sink> log) {
    ending end{trial(wanted.configuration.values, std::move(log), wanted.database)};
    const auto start = kedge::now();
    try {
        what.play(end.told);
    } catch (const std::exception& e) {
        end.told.check(false, e.what());
    }
    end.took = kedge::now() - start;
    return end;
}

struct playing {
    int number;
    std::future<ending> end;
};

/// Each on a thread of its own.
std::vector<playing> start(const incident::options& wanted, const std::shared_ptr<kedge::log::sink>& log) {
    std::vector<playing> all;
    for (int number = 1; number <= static_cast<int>(scenarios.size()); ++number)
        if (wanted.scenario == 0 || wanted.scenario == number)
            all.push_back({number, std::async(std::launch::async, play, scenarios[number - 1U], wanted, log)});
    return all;
}

/// Shows on a terminal that something goes on.
void await_all(const std::vector<playing>& running) {
    const bool terminal = isatty(STDOUT_FILENO) != 0;
    const auto start = kedge::now();
    for (const auto& one : running) {
        while (one.end.wait_for(terminal ? 1s : 60s) == std::future_status::timeout) {
            if (!terminal) continue;
            std::printf("\rplaying side by side  %s ", incident::to_string(kedge::now() - start).c_str());
            std::fflush(stdout);
        }
    }
    if (terminal) std::printf("\r%40s\r", "");
}

/// Tells how they ended. @return whether all came out as told
bool tell(std::vector<playing>& ended, nanoseconds took) {
    bool as_told = true;
    std::string times;
    for (playing& one : ended) {
        const ending end = one.end.get();
        const bool good = end.told.as_told();
        as_told = as_told && good;
        std::fputs(end.told.text(one.number).c_str(), stdout);
        times += "   " + std::to_string(one.number) + (good ? " ok " : " NO ") + incident::to_string(end.took) +
                 (scenarios[one.number - 1U].shortened ? "*" : " ");
    }
    std::printf("%s       side by side: %s\n", times.c_str(), incident::to_string(took).c_str());
    return as_told;
}

}  // namespace

int main(int argc, char** argv) try {
    const auto wanted = incident::parse(argc, argv);
    if (!wanted) return 2;
    if (wanted->only_virtual) {
        std::printf("The real run is left out: --virtual.\n");
        return 0;
    }
    incident::real::outgoing_log log(wanted->configuration);
    std::printf("%s · OpenSSL %s · SQLite %s\n"
                "Now for real: sockets, TLS with a certificate made just now, a database, this clock.   * shortened so that you "
                "need not wait\n%s",
                incident::versions().c_str(), OpenSSL_version(OPENSSL_VERSION_STRING), sqlite3_libversion(),
                incident::own_settings(wanted->configuration).c_str());

    const auto begin = kedge::now();
    std::vector<playing> all = start(*wanted, log.sink());
    await_all(all);
    const bool as_told = tell(all, kedge::now() - begin);
    if (log.has_cloudwatch()) std::printf("   %s\n", log.close(3s).c_str());
    std::printf("%s\n", !as_told             ? "Not everything came out as told: see above."
                        : wanted->scenario == 0 ? "All six came out as told. Every number above is checked; exit status 0."
                                                : "It came out as told. Every number above is checked; exit status 0.");
    return as_told ? 0 : 1;
} catch (const kedge::config::bad_settings& refused) {
    std::fprintf(stderr, "%s\n", refused.what());
    return 2;
}

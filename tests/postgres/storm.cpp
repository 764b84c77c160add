// SPDX-License-Identifier: BSL-1.0
// The server is restarted under load again and again: nothing leaks, no row is wrong, every call ends in time, and what callers
// were told is what the table says. `[.soak]` plays a minute of it, `[.restarts]` a hundred restarts.
#include "storm.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <fmt/format.h>
#include <unistd.h>

using namespace test;
namespace asio = boost::asio;

namespace test {

namespace {

/// Restarts the server as planned, and counts our backends as often as it can.
void restart_under_load(const storm_plan& plan, postgres_server& server, storm_report& report) {
    const kedge::time_point end = kedge::now() + plan.length;
    kedge::time_point restart_at = kedge::now() + plan.restart_every;
    while (kedge::now() < end) {
        if (kedge::now() >= restart_at) {
            server.restart();
            ++report.restarts;
            restart_at = kedge::now() + plan.restart_every;
        }
        report.most_backends = std::max(report.most_backends, server.backends("storm"));
        ++report.samples;
    }
}

void read_table(postgres_server& server, storm_report& report) {
    std::istringstream in(server.sql("select coalesce(string_agg(token || ' ' || n, ' '), '') from "
                                     "(select token, count(*) as n from storm group by token) t"));
    for (std::int64_t token = 0, n = 0; in >> token >> n;) report.rows[token] = static_cast<int>(n);
}

}  // namespace

storm_report play_storm(const storm_plan& plan, postgres_server& server) {
    server.sql("drop table if exists storm; create table storm(token bigint, half int); grant all on storm to clerk");
    storm_report report;
    const stall_watch stalls;
    asio::io_context io;
    {
        client db(io, {.url = server.url("application_name=storm"), .max_connections = plan.connections});
        std::atomic<int> present = plan.users;
        std::deque<storm_user> users;
        for (int i = 0; i < plan.users; ++i) users.emplace_back(io, db, i + 1, present);
        auto work = asio::make_work_guard(io);
        std::vector<std::thread> threads;
        for (int i = 0; i < plan.threads; ++i) threads.emplace_back([&io] { io.run(); });
        restart_under_load(plan, server, report);
        for (storm_user& u : users) u.go_home();
        wait_until([&] { return present == 0; });
        std::atomic<bool> over = false;
        db.async_shutdown(kedge::now() + 5s, [&](error_code) { over = true; });
        wait_until([&] { return over.load(); });
        report.users_left = present;
        report.used_at_end = db.snapshot().pool.used;
        report.backends_gone = wait_until([&] { return server.backends("storm") == 0; }, 5s);
        work.reset();
        if (present > 0) io.stop();
        for (std::thread& t : threads) t.join();
        for (storm_user& u : users) report.calls.insert(report.calls.end(), u.all.begin(), u.all.end());
    }
    read_table(server, report);
    report.stall = stalls.longest();
    return report;
}

}  // namespace test

namespace {

std::ptrdiff_t open_files() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

/// Bytes of memory that the program has.
long resident() {
    std::ifstream in("/proc/self/statm");
    long all = 0, pages = 0;
    in >> all >> pages;
    return pages * ::sysconf(_SC_PAGESIZE);
}

/// How many rows of the table this call must have left, at least and at most.
std::pair<int, int> rows_due(const seen& s) {
    if (s.what == errand::read) return {0, 0};
    const int whole = s.what == errand::write ? 1 : 2;
    if (s.how == end::done) return {whole, whole};
    const bool refused = s.ec == kedge::condition::rejected;
    if (refused || (s.what == errand::transaction && s.how == end::failed)) return {0, 0};
    return {0, whole};
}

struct verdicts {
    int wrong = 0, late = 0, untrue = 0, torn = 0;
    kedge::nanoseconds latest{0};
};

verdicts judge(const storm_report& r) {
    verdicts v;
    for (const seen& s : r.calls) {
        v.wrong += s.wrong;
        v.late += s.late > grace + 2 * r.stall;  // an end passes two threads, and each may have stood still
        v.latest = std::max(v.latest, s.late);
        const auto found = r.rows.find(s.token);
        const int rows = found == r.rows.end() ? 0 : found->second;
        const auto [least, most] = rows_due(s);
        v.untrue += rows < least || rows > most;
        v.torn += s.what == errand::transaction && rows == 1;
    }
    return v;
}

void print(const storm_plan& plan, const storm_report& r, const verdicts& v) {
    std::map<std::string, int> endings;
    std::vector<kedge::nanoseconds> took;
    for (const seen& s : r.calls) {
        ++endings[s.ec ? s.ec.message() : "done"];
        if (!s.ec) took.push_back(s.took);
    }
    std::ranges::sort(took);
    const auto at = [&](std::size_t percent) { return kedge::to_string(took.empty() ? 0ns : took[took.size() * percent / 100]); };
    fmt::print("{} users, {} connections, {} threads, {}, a restart every {}: {} restarts\n", plan.users, plan.connections,
               plan.threads, kedge::to_string(plan.length), kedge::to_string(plan.restart_every), r.restarts);
    fmt::print("{:>9}  calls; of those done half took {}, 99 % {}\n", r.calls.size(), at(50), at(99));
    for (const auto& [what, count] : endings) fmt::print("{:>9}  {}\n", count, what);
    fmt::print("{:>9}  latest end after a deadline; the machine stood still for {}\n", kedge::to_string(v.latest),
               kedge::to_string(r.stall));
    fmt::print("{:>9}  ended more than 100 ms late\n{:>9}  wrong rows\n", v.late, v.wrong);
    fmt::print("{:>9}  callers told what the table does not say\n{:>9}  half transactions\n", v.untrue, v.torn);
    fmt::print("{:>9}  backends at most, of {} allowed, in {} samples\n", r.most_backends, plan.connections, r.samples);
}

void check_storm(const storm_plan& plan, bool show) {
    postgres_server& server = postgres_server::shared();
    server.sql("select 1");  // its own connection is there already
    const auto files = open_files();
    const storm_report r = play_storm(plan, server);
    const verdicts v = judge(r);
    server.sql("select 1");
    if (show) print(plan, r, v);
    CHECK(r.calls.size() > 100);
    CHECK(std::ranges::count(r.calls, end::done, &seen::how) > 50);
    CHECK(r.users_left == 0);
    CHECK(r.used_at_end == 0);
    CHECK(r.backends_gone);
    CHECK(r.most_backends <= plan.connections);
    CHECK(v.wrong == 0);
    CHECK(v.late == 0);
    CHECK(v.untrue == 0);
    CHECK(v.torn == 0);
    CHECK(open_files() == files);
    if (show) fmt::print("{:>9}  files open before, {} after; {} MB of memory\n", files, open_files(), resident() >> 20);
}

}  // namespace

TEST_CASE("under restarts and cancellations nothing leaks, no row is wrong, every call ends in time") {
    check_storm({.length = 6s, .restart_every = 1s}, false);
}

TEST_CASE("a minute under load, with a restart every two seconds", "[.soak]") {
    check_storm({.length = 60s, .restart_every = 2s}, true);
}

TEST_CASE("a hundred restarts under load", "[.restarts]") {
    check_storm({.length = 50s, .restart_every = 100ms}, true);
}

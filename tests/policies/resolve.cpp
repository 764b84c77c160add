// SPDX-License-Identifier: BSL-1.0
// Names whose look-up hangs. No network: the system's resolver is replaced by gates.
#include "../support/catch.hpp"

#include <kedge/detail/resolve.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::error_code;
using kedge::detail::endpoints;

namespace {

/// Answers at once, but for names that begin with "hang": those wait for the gate. Outlives its context's threads.
struct gated_names {
    std::promise<void> gate;
    std::shared_future<void> open = gate.get_future().share();
    std::atomic<int> begun{0}, ended{0};

    error_code look_up(const std::string& host, endpoints& found) {
        ++begun;
        if (host.starts_with("hang")) open.wait();
        found.emplace_back(asio::ip::address_v4::loopback(), 80);
        ++ended;
        return {};
    }
};

struct bench {
    std::shared_ptr<gated_names> names = std::make_shared<gated_names>();
    std::optional<asio::io_context> io{std::in_place};
    std::map<std::string, std::vector<error_code>> answers;

    bench() {
        const auto f = [n = names](const std::string& host, const std::string&, endpoints& found) {
            return n->look_up(host, found);
        };
        asio::use_service<kedge::detail::lookup_service>(*io).lookups()->use(f);
    }
    ~bench() {
        if (io) names->gate.set_value();
    }

    void ask(const std::string& host, asio::cancellation_slot slot = {}) {
        const auto store = [this, host](error_code ec, const endpoints& found) {
            CHECK(found.empty() == bool(ec));
            answers[host].push_back(ec);
        };
        kedge::runtime::of(io->get_executor()).async_resolve(host, "80", asio::bind_cancellation_slot(slot, store));
    }
    kedge::lookup_snapshot lookups() { return kedge::lookups(io->get_executor()); }

    /// Other threads decide when; a test that fails here has hung.
    template <class F> void until(F reached) {
        io->restart();
        for (int i = 0; i < 10'000 && !reached(); ++i) io->run_one_for(1ms), io->restart();
        REQUIRE(reached());
    }
    void hang_on_all_threads() {
        for (std::size_t i = 0; i < kedge::detail::name_lookups::max_threads; ++i) ask("hang" + std::to_string(i));
        until([&] { return lookups().running == static_cast<int>(kedge::detail::name_lookups::max_threads); });
    }
};

}  // namespace

TEST_CASE("callers of one name share its look-up", "[resolve][tsan]") {
    bench b;
    for (int i = 0; i < 5; ++i) b.ask("hang");
    b.until([&] { return b.lookups().running == 1; });
    b.ask("hang");
    CHECK(b.lookups().callers == 6);
    CHECK(b.lookups().shared == 5);
    b.names->gate.set_value();
    b.names->gate = {};
    b.until([&] { return b.answers["hang"].size() == 6; });
    CHECK(b.answers["hang"] == std::vector<error_code>(6));
    CHECK(b.names->begun == 1);
    CHECK(b.lookups().callers == 0);
    CHECK(b.lookups().running == 0);
}

TEST_CASE("a name that hangs costs its callers their patience and others nothing", "[resolve][tsan]") {
    bench b;
    for (int round = 0; round < 20; ++round) {
        asio::cancellation_signal deadline;
        b.ask("hang", deadline.slot());
        b.ask("fine" + std::to_string(round));
        b.until([&] { return b.answers["fine" + std::to_string(round)].size() == 1; });
        CHECK(b.answers["hang"].size() == static_cast<std::size_t>(round));
        deadline.emit(asio::cancellation_type::terminal);
        b.until([&] { return b.answers["hang"].size() == static_cast<std::size_t>(round) + 1; });
        CHECK(b.answers["hang"].back() == asio::error::operation_aborted);
    }
    const auto s = b.lookups();
    CHECK(s.running == 1);
    CHECK(s.callers == 0);  // nothing of those who left is kept
    CHECK(s.abandoned == 20);
    CHECK(s.asked == 21);
}

TEST_CASE("with a hanging name on every thread others wait, leave, and go ahead when one ends", "[resolve][tsan]") {
    bench b;
    b.hang_on_all_threads();
    asio::cancellation_signal deadline;
    b.ask("left", deadline.slot());
    b.ask("fine");
    CHECK(b.lookups().queued == 2);
    deadline.emit(asio::cancellation_type::terminal);
    CHECK(b.lookups().queued == 1);
    b.ask("127.0.0.1");
    std::promise<void> worked;
    kedge::runtime::of(b.io->get_executor()).run_blocking([&] { worked.set_value(); });
    CHECK(worked.get_future().wait_for(10s) == std::future_status::ready);
    b.until([&] { return b.answers["left"].size() + b.answers["127.0.0.1"].size() == 2; });
    CHECK(b.answers["left"].front() == asio::error::operation_aborted);
    CHECK_FALSE(b.answers["127.0.0.1"].front());
    CHECK(b.answers["fine"].empty());
    b.names->gate.set_value();
    b.names->gate = {};
    b.until([&] { return b.answers["fine"].size() == 1; });
    CHECK(b.names->begun == static_cast<int>(kedge::detail::name_lookups::max_threads) + 1);  // nobody asked for "left"
}

TEST_CASE("a context ends although look-ups hang, and destroys who waits for them", "[resolve][tsan]") {
    const auto held = std::make_shared<int>(0);
    bench b;
    const auto names = b.names;
    b.hang_on_all_threads();
    b.ask("fine");
    auto& rt = kedge::runtime::of(b.io->get_executor());
    rt.async_resolve("hang0", "80", [held](error_code, const endpoints&) { FAIL("the context is gone"); });
    CHECK(held.use_count() == 2);
    b.io.reset();
    CHECK(held.use_count() == 1);
    CHECK(names->ended == 0);
    names->gate.set_value();
    while (names->ended < static_cast<int>(kedge::detail::name_lookups::max_threads)) std::this_thread::yield();
    CHECK(b.answers.empty());
}

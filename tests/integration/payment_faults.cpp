// SPDX-License-Identifier: BSL-1.0
// Every answer of the table to a charge, through real TLS: what the payment comes to if it is the first one, and if it is all
// there ever is.
#include "http/fault_table.hpp"
#include "http/user.hpp"

#include <kedge/payment/http_exchange.hpp>
#include <kedge/payment_client.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

using namespace http_test;
using namespace std::chrono_literals;

namespace {

const kedge::idempotency_key key{"order-4711-2025-10-26"};

std::string succeeded() {
    const std::string body = R"({"id":"ch_1","status":"succeeded","amount":"19.90","currency":"EUR","idempotency_key":")" +
                             std::string(key.text()) + R"("})";
    return ok + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Answers `times` charges as the row says, then executes them.
class provider {
public:
    provider(const fault& f, int times) : server([this, &f, times](peer& p) { serve(p, f, times); }) {}

    std::vector<std::string> charges() const {
        const std::lock_guard lock(mutex_);
        return charges_;
    }

private:
    void serve(peer& p, const fault& f, int times) {
        for (std::string text = p.read_request(); !text.empty(); text = p.read_request()) {
            if (note(text) > times) {
                p.write(succeeded());
                continue;
            }
            f.play(p);
            if (f.after != then::stay) return;
        }
    }
    int note(const std::string& text) {
        const std::lock_guard lock(mutex_);
        if (text.starts_with("POST /v1/charges ")) charges_.push_back(text);
        return static_cast<int>(charges_.size());
    }

    mutable std::mutex mutex_;
    std::vector<std::string> charges_;

public:
    scripted_server server;
};

outcome charge(const provider& at, const fault& f) {
    asio::io_context io;
    user::hurry(io);
    auto http = options_for(at.server);
    http.max_body = fault_body_limit;
    const auto over = std::make_shared<kedge::payment::http_exchange>(kedge::http::client(io, http));
    // in a hurry: half a second for what never ends
    kedge::payment_options o{.attempt_timeout = f.ec == kedge::errc::timed_out ? 50s : 2000s, .total_timeout = 20'000s};
    kedge::payment_client payments(io, o, std::make_shared<kedge::payment::memory_journal>(), over);
    std::optional<outcome> out;
    kedge::charge_request bill(kedge::money::parse("19.90", "EUR"), kedge::card_token("tok_visa"));
    payments.async_charge(std::move(bill).key(key), [&](const kedge::payment_result& r) {
        out = r.outcome();
        io.stop();
    });
    io.run();
    REQUIRE(out.has_value());
    return *out;
}

/// An answer that says nothing of our payment, or cannot be read, is asked for once more; one that was lost as often as allowed.
std::size_t attempts_at_most(const fault& f) {
    if (!f.again) return 1;
    const bool lost = f.ec && f.ec.category() != kedge::http::category();
    return lost ? 4 : 2;
}

}  // namespace

TEST_CASE("a faulty answer to a charge is no answer: it is sent once more, with the same key and the same bytes") {
    for (const fault& f : all_faults()) {
        CAPTURE(f.name);
        const provider once(f, 1);
        CHECK(charge(once, f) == (f.again ? outcome::succeeded : f.paid));
        const auto sent = once.charges();
        CHECK(sent.size() == (f.again ? 2 : 1));
        CHECK(std::ranges::all_of(sent, [&](const std::string& text) { return text == sent.front(); }));
    }
}

TEST_CASE("a charge that gets nothing but faulty answers stays unknown") {
    for (const fault& f : all_faults()) {
        CAPTURE(f.name);
        const provider always(f, 1000);
        CHECK(charge(always, f) == f.paid);
        CHECK(always.charges().size() == attempts_at_most(f));
    }
}

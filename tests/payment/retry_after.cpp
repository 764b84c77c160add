// SPDX-License-Identifier: BSL-1.0
// How long a provider asks to wait: what is read, and what a charge makes of it.
#include "../support/property.hpp"
#include "shop.hpp"

#include <kedge/payment/provider.hpp>

#include <array>
#include <chrono>
#include <string_view>

using namespace payment_test;

namespace {

using wall = http::wall_time;

enum class form : std::uint8_t { fixed, obsolete, asctime };

std::string two(std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); }

/// RFC 9110, 5.6.7.
std::string format(wall at, form as) {
    using namespace std::chrono;
    constexpr std::array days{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
    constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto midnight = floor<std::chrono::days>(at);
    const year_month_day date(midnight);
    const hh_mm_ss time(floor<seconds>(at - midnight));
    const std::string day = days[weekday(midnight).c_encoding()], month = months[unsigned(date.month()) - 1];
    const std::string clock =
        two(time.hours().count()) + ":" + two(time.minutes().count()) + ":" + two(time.seconds().count());
    const std::string year = std::to_string(int(date.year())), number = two(unsigned(date.day()));
    switch (as) {
    case form::fixed: return day.substr(0, 3) + ", " + number + " " + month + " " + year + " " + clock + " GMT";
    case form::obsolete: return day + ", " + number + "-" + month + "-" + year.substr(2) + " " + clock + " GMT";
    case form::asctime: break;
    }
    const std::string padded = number[0] == '0' ? " " + number.substr(1) : number;
    return day.substr(0, 3) + " " + month + " " + padded + " " + clock + " " + year;
}

/// As the judgement has it, of an answer that came at `now`.
nanoseconds wait_of(std::vector<payment::header> fields, wall now) {
    const idempotency_key key("order-4711-2025-10-26");
    const payment::response said{503, std::move(fields), {}};
    return payment::judge({}, said, {}, payment::send_phase::response_done, {key}, now).judged.retry_after;
}
nanoseconds wait_of(std::string field, wall now) { return wait_of({{"Retry-After", std::move(field)}}, now); }

wall some_time() { return wall(std::chrono::seconds(*rc::gen::inRange<std::int64_t>(0, 4'000'000'000))); }

std::string blank() { return *rc::gen::container<std::string>(rc::gen::element(' ', '\t')); }

}  // namespace

TEST_CASE("a wait is read back as it was written, in each form", "[payment]") {
    kedge_test::holds("seconds", [] {
        const auto seconds = *rc::gen::inRange<std::int64_t>(0, 10'000'000'000);
        RC_ASSERT(wait_of(blank() + std::to_string(seconds) + blank(), some_time()) ==
                  std::chrono::seconds(std::min<std::int64_t>(seconds, 3600)));
    });
    kedge_test::holds("dates", [] {
        const wall now = some_time();
        const auto seconds = *rc::gen::inRange<std::int64_t>(-86'400, 2 * 3600);
        const auto as = *rc::gen::element(form::fixed, form::obsolete, form::asctime);
        const std::string field = format(now + std::chrono::seconds(seconds), as);
        RC_ASSERT(wait_of(blank() + field + blank(), now) == std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, 3600)));
    });
    kedge_test::holds("several fields", [] {
        const auto waits = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 5000));
        const wall now = some_time();
        std::vector<payment::header> fields{{"retry-after", "soon"}};
        int longest = 0;
        for (const int w : waits) {
            const bool date = *rc::gen::arbitrary<bool>();
            fields.push_back({"Retry-After", date ? format(now + std::chrono::seconds(w), form::fixed) : std::to_string(w)});
            longest = std::max(longest, std::min(w, 3600));
        }
        RC_ASSERT(wait_of(fields, now) == std::chrono::seconds(longest));
    });
}

TEST_CASE("whatever a field holds, a wait is between nothing and an hour, and only what is valid is one", "[payment]") {
    kedge_test::holds("any bytes", [] {
        const auto wait = wait_of(*rc::gen::arbitrary<std::string>(), some_time());
        RC_ASSERT(wait >= 0s);
        RC_ASSERT(wait <= 1h);
    });
    kedge_test::holds("a valid one with a character too much", [] {
        const wall now = some_time();
        const auto as = *rc::gen::element(form::fixed, form::obsolete, form::asctime);
        std::string field = *rc::gen::arbitrary<bool>() ? "60" : format(now + 60s, as);
        const char more = *rc::gen::element('+', '-', '.', ',', ';', 'x', '\0', '"', 'Z');
        field.insert(*rc::gen::element(std::size_t{0}, field.size()), 1, more);
        RC_ASSERT(wait_of(field, now) == 0s);
    });
    const wall now(784'111'777s);
    for (const char* bad : {"", " ", "-1", "+1", "1.5", "1e3", "0x10", "soon", "12345678901", "7 8", "7,8", "Sun, 06 Nov 1994",
                            "Sun, 06 Nov 1994 08:50:37 UTC", "Sun, 31 Feb 1994 08:50:37 GMT", "Sun, 06 Nov 1994 24:50:37 GMT",
                            "sun, 06 nov 1994 08:50:37 gmt", "Sun Nov 06 08:50:37 94", "Sun, 06-Nov-94 08:50:37 GMT"}) {
        INFO(bad);
        CHECK(wait_of(bad, now) == 0s);
    }
    CHECK(wait_of("9999999999", now) == 1h);
}

TEST_CASE("an answer's own date counts before our clock, so that no clocks must agree", "[payment]") {
    const wall ours(1'761'492'406s), theirs = ours + 9min;
    CHECK(wait_of({{"Date", format(theirs, form::fixed)}, {"Retry-After", format(theirs + 30s, form::fixed)}}, ours) == 30s);
    CHECK(wait_of({{"Date", "garbage"}, {"Retry-After", format(ours + 30s, form::fixed)}}, ours) == 30s);
}

TEST_CASE("a wait is obeyed, and lengthened by a tenth at most", "[payment]") {
    const int status = GENERATE(503, 429, 409, 425, 408);
    const nanoseconds wait = GENERATE(2s, 8s);
    nanoseconds shortest = nanoseconds::max(), longest{0};
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        testing::simulation sim(seed);
        auto provider = std::make_shared<testing::scripted_exchange>(sim);
        provider->latency(1ns).answers(status, {}, {{"Retry-After", std::to_string(wait / 1s)}});
        payment_client payments(sim, {}, std::make_shared<payment::memory_journal>(), provider);
        std::optional<outcome> end;
        payments.async_charge(charge_request(money::parse("1.00", "EUR"), card_token("tok_visa")),
                              [&](payment_result r) { end = r.outcome(); });
        sim.run();
        CHECK(end == outcome::succeeded);
        shortest = std::min(shortest, sim.elapsed());
        longest = std::max(longest, sim.elapsed());
    }
    CHECK(shortest >= wait);
    CHECK(longest <= wait + std::min<nanoseconds>(wait / 10, 1s) + 1us);
    CHECK(longest - shortest >= wait / 20);  // it is spread
}

TEST_CASE_METHOD(shop, "a wait that does not fit in the time left ends the call at once, and is told", "[payment]") {
    auto payments = client();
    const int wait = GENERATE(20, 26, 27, 40, 3600);
    provider->answers(429, {}, {{"Retry-After", std::to_string(wait)}});
    const auto r = charge(payments);
    if (wait <= 20) {
        CHECK(r.outcome() == outcome::succeeded);
        CHECK(sim.elapsed() >= std::chrono::seconds(wait));
        return;
    }
    if (wait == 26 && r.outcome() == outcome::succeeded) return;  // fits or not, as chance has it
    CHECK(r.outcome() == outcome::rejected);
    CHECK(r.error() == payment::errc::throttled);
    CHECK(r.report().retry_after == std::chrono::seconds(wait));
    CHECK(r.retry_with_same_key());
    CHECK(sim.elapsed() < 1s);
}

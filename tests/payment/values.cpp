// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/detail/json.hpp>
#include <kedge/payment/charge_request.hpp>
#include <kedge/payment/journal.hpp>
#include <kedge/payment/provider.hpp>
#include <kedge/payment/refund_request.hpp>

#include <kedge/payment/impl/sha256.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

using namespace kedge;
using namespace std::chrono_literals;
using payment::outcome;
using payment::proof;

namespace {

std::string message_of(auto&& make) {
    try {
        make();
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return "nothing thrown";
}

}  // namespace

TEST_CASE("amounts are read exactly, by the decimals of their currency") {
    struct row {
        const char *text, *code;
        std::int64_t minor;
        const char* printed;
    };
    const row rows[] = {
        {"19.90", "EUR", 1990, "19.90 EUR"},
        {"19.9", "EUR", 1990, "19.90 EUR"},
        {"0", "EUR", 0, "0.00 EUR"},
        {"0.05", "USD", 5, "0.05 USD"},
        {"-0.05", "USD", -5, "-0.05 USD"},
        {"007.10", "EUR", 710, "7.10 EUR"},
        {"1990", "JPY", 1990, "1990 JPY"},
        {"1.234", "BHD", 1234, "1.234 BHD"},
        {"1.2345", "CLF", 12345, "1.2345 CLF"},
        {"92233720368547758.07", "EUR", std::numeric_limits<std::int64_t>::max(), "92233720368547758.07 EUR"},
        {"-92233720368547758.08", "EUR", std::numeric_limits<std::int64_t>::min(), "-92233720368547758.08 EUR"},
    };
    for (const row& r : rows) {
        CAPTURE(r.text, r.code);
        const money m = money::parse(r.text, r.code);
        CHECK(m.minor() == r.minor);
        CHECK(to_string(m) == r.printed);
        CHECK(money::parse(decimal(m), r.code) == m);
    }
}

TEST_CASE("anything else is refused, with the value and the accepted form") {
    struct row {
        const char *text, *code;
        money_error why;
    };
    const row rows[] = {
        {"", "EUR", money_error::malformed},          {"-", "EUR", money_error::malformed},
        {"+1", "EUR", money_error::malformed},        {" 1", "EUR", money_error::malformed},
        {"1.", "EUR", money_error::malformed},        {".5", "EUR", money_error::malformed},
        {"1,50", "EUR", money_error::malformed},      {"1.000,00", "EUR", money_error::malformed},
        {"1e3", "EUR", money_error::malformed},       {"NaN", "EUR", money_error::malformed},
        {"1.2.3", "EUR", money_error::malformed},     {"--1", "EUR", money_error::malformed},
        {"19.901", "EUR", money_error::too_precise},  {"1.0", "JPY", money_error::too_precise},
        {"92233720368547758.08", "EUR", money_error::out_of_range},
        {"99999999999999999999", "JPY", money_error::out_of_range},
        {"1", "eur", money_error::unknown_currency},  {"1", "EU", money_error::unknown_currency},
        {"1", "URU", money_error::unknown_currency},  {"1", "XXX", money_error::unknown_currency},
    };
    for (const row& r : rows) {
        CAPTURE(r.text, r.code);
        const auto m = money::try_parse(r.text, r.code);
        REQUIRE_FALSE(m.has_value());
        CHECK(m.error() == r.why);
        CHECK_THROWS_AS(money::parse(r.text, r.code), std::invalid_argument);
    }
    CHECK(message_of([] { return money::parse("1,50", "EUR"); }) ==
          "amount \"1,50\" in EUR: not of the form 19.90: digits, a point and decimals, nothing else; accepted: digits, "
          "e.g. 19.00");
    CHECK(message_of([] { return money::parse("1", "eur"); }).find("\"eur\"") != std::string::npos);
}

TEST_CASE("arithmetic is checked") {
    const money ten = money::parse("10.00", "EUR");
    const money most = money::from_minor(std::numeric_limits<std::int64_t>::max(), ten.in());
    CHECK(ten.plus(ten)->minor() == 2000);
    CHECK(ten.minus(ten)->minor() == 0);
    CHECK(ten.times(-3)->minor() == -3000);
    CHECK(most.plus(ten).error() == money_error::out_of_range);
    CHECK(money::from_minor(-2, ten.in()).minus(most).error() == money_error::out_of_range);
    CHECK(most.times(2).error() == money_error::out_of_range);
    const money yen = money::parse("10", "JPY");
    CHECK(ten.plus(yen).error() == money_error::different_currencies);
    CHECK(ten.compare(yen).error() == money_error::different_currencies);
    CHECK(*ten.compare(most) == std::strong_ordering::less);
    const currency odd = currency::of("ISK").with_exponent(2);
    CHECK(to_string(money::parse("19.90", odd)) == "19.90 ISK");
    CHECK(money::parse("19.00", odd) != money::parse("1900", "ISK"));
    CHECK_THROWS_AS(currency::of("EUR").with_exponent(5), std::invalid_argument);
    static_assert(!std::is_constructible_v<money, double, currency>);
}

TEST_CASE("keys: a UUID of version 4, or 16 to 64 harmless characters") {
    std::array<std::byte, 16> bits{};
    bits.fill(std::byte{0xff});
    CHECK(idempotency_key::from_random(bits).text() == "ffffffff-ffff-4fff-bfff-ffffffffffff");
    bits.fill(std::byte{0});
    CHECK(idempotency_key::from_random(bits).text() == "00000000-0000-4000-8000-000000000000");
    CHECK(idempotency_key::is_valid("order-4711_abcdEF"));
    for (const char* bad : {"", "short", "order 4711 2025 10", "order-4711\r\nHost: x", "order/4711/2025/10",
                            "ordér-4711-2025-10"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(idempotency_key(bad), std::invalid_argument);
    }
    CHECK_THROWS_AS(idempotency_key(std::string(65, 'a')), std::invalid_argument);
    CHECK_NOTHROW(idempotency_key(std::string(64, 'a')));
}

TEST_CASE("a card number is not a token, and is not repeated in the error") {
    for (const char* number : {"4242424242424242", "4242 4242 4242 4242", "3782-822463-10005"}) {
        const std::string said = message_of([&] { return card_token(number); });
        CHECK(said.find("card number") != std::string::npos);
        CHECK(said.find("4242") == std::string::npos);
    }
    CHECK_NOTHROW(card_token("4242424242424243"));  // no check digit: some provider's token
    CHECK_NOTHROW(card_token("tok_visa"));
    for (const char* bad : {"", "tok visa", "tok\nvisa"}) CHECK_THROWS_AS(card_token(bad), std::invalid_argument);
}

TEST_CASE("the join of outcomes, over every sequence of three findings") {
    const payment::finding all[] = {{proof::not_sent, outcome::not_sent},
                                    {proof::non_settling, outcome::rejected},
                                    {proof::ambiguous, outcome::unknown},
                                    {proof::settling, outcome::succeeded},
                                    {proof::settling, outcome::declined},
                                    {proof::settling, outcome::pending}};
    int sequences = 0;
    for (const bool before : {false, true})
        for (const auto& a : all)
            for (const auto& b : all)
                for (const auto& c : all) {
                    payment::outcome_join join(before);
                    bool doubt = before, settled = false, final = false;
                    outcome expected = before ? outcome::unknown : outcome::not_sent;
                    for (const auto& f : {a, b, c}) {
                        join.add(f);
                        doubt = doubt || f.proves == proof::ambiguous;
                        if (final) continue;
                        if (f.proves == proof::settling) {
                            expected = f.says;
                            settled = true;
                            final = f.says != outcome::pending;
                        } else if (!settled) {
                            expected = doubt ? outcome::unknown : f.says;
                        }
                    }
                    CHECK(join.value() == expected);
                    ++sequences;
                }
    CHECK(sequences == 2 * 6 * 6 * 6);
}

TEST_CASE("how the end of an attempt is judged") {
    const idempotency_key key("order-4711-2025-10-26");
    const payment::expectation ours{key, money::parse("19.90", "EUR")};
    const payment::generic_provider provider;
    const auto judged = [&](int status, std::string body = {}, std::string wait = {}) {
        payment::response r{status, {}, std::move(body)};
        if (!wait.empty()) r.headers.push_back({"retry-after", wait});
        return payment::judge({}, r, provider.read(r), payment::send_phase::response_done, ours);
    };
    struct row {
        int status;
        proof proves;
        outcome says;
        kind judged;
        replay again;
    };
    const auto never = replay::never, may = replay::if_idempotent;
    const row rows[] = {
        {100, proof::ambiguous, outcome::unknown, kind::failure, may},
        {200, proof::ambiguous, outcome::unknown, kind::failure, may},  // without a body it says nothing
        {204, proof::ambiguous, outcome::unknown, kind::failure, may},
        {301, proof::non_settling, outcome::rejected, kind::success, never},
        {303, proof::ambiguous, outcome::unknown, kind::failure, never},
        {400, proof::non_settling, outcome::rejected, kind::success, never},
        {401, proof::non_settling, outcome::rejected, kind::success, never},
        {402, proof::non_settling, outcome::declined, kind::success, never},
        {408, proof::non_settling, outcome::rejected, kind::failure, may},
        {409, proof::ambiguous, outcome::unknown, kind::neutral, may},
        {422, proof::non_settling, outcome::rejected, kind::success, never},
        {429, proof::non_settling, outcome::rejected, kind::neutral, may},
        {500, proof::ambiguous, outcome::unknown, kind::failure, may},
        {501, proof::non_settling, outcome::rejected, kind::failure, never},
        {503, proof::ambiguous, outcome::unknown, kind::failure, may},
        {504, proof::ambiguous, outcome::unknown, kind::failure, may},
        {599, proof::ambiguous, outcome::unknown, kind::failure, may},
        {999, proof::ambiguous, outcome::unknown, kind::failure, may},
    };
    for (const row& r : rows) {
        CAPTURE(r.status);
        const auto j = judged(r.status);
        CHECK(j.found.proves == r.proves);
        CHECK(j.found.says == r.says);
        CHECK(j.judged.judged == r.judged);
        CHECK(j.judged.again == r.again);
        CHECK(j.error);
    }
    CHECK(judged(503, {}, "7").judged == verdict{kind::overload, replay::if_idempotent, 7s});
    CHECK(judged(409, R"({"error":{"code":"idempotency_key_reused"}})").error == payment::errc::key_conflict);
    CHECK(judged(402, R"({"idempotency_key":"order-4711-2025-10-26"})").found.proves == proof::settling);
}

TEST_CASE("a loss is judged by whether a byte left") {
    const idempotency_key key("order-4711-2025-10-26");
    namespace net = boost::asio::error;
    for (int p = 0; p <= static_cast<int>(payment::send_phase::response_head); ++p) {
        const auto phase = static_cast<payment::send_phase>(p);
        const auto j = payment::judge(net::connection_reset, {}, {}, phase, {key});
        const bool left = phase >= payment::send_phase::partial;
        CHECK(j.found.proves == (left ? proof::ambiguous : proof::not_sent));
        CHECK(j.judged.again == (left ? replay::if_idempotent : replay::always));
    }
}

TEST_CASE("the wait that an answer asks for, in whatever form, goes into the verdict") {
    const idempotency_key key("order-4711-2025-10-26");
    const http::wall_time received(std::chrono::seconds(784'111'777));  // 1994-11-06T08:49:37
    const auto wait = [&](const char* field) {
        const payment::response r{503, {{"Retry-After", field}}, {}};
        return payment::judge({}, r, {}, payment::send_phase::response_done, {key}, received).judged;
    };
    CHECK(wait("7") == verdict{kind::overload, replay::if_idempotent, 7s});
    CHECK(wait("Sun, 06 Nov 1994 08:49:44 GMT") == verdict{kind::overload, replay::if_idempotent, 7s});
    CHECK(wait("Sunday, 06-Nov-94 08:49:44 GMT") == verdict{kind::overload, replay::if_idempotent, 7s});
    CHECK(wait("Sun Nov  6 08:49:44 1994") == verdict{kind::overload, replay::if_idempotent, 7s});
    CHECK(wait("Sun, 06 Nov 1994 08:49:30 GMT") == verdict{kind::failure, replay::if_idempotent});  // past
    CHECK(wait("9999999999").retry_after == 1h);
    for (const char* bad : {"", "-1", "+1", "1.5", "soon", "99999999999", "7 8"}) CHECK(wait(bad).retry_after == 0s);
}

TEST_CASE("a request is completed in place, or bound to a name, without losing what it had") {
    const idempotency_key key("order-4711-2025-10-26");
    charge_request what = charge_request(money::parse("19.90", "EUR"), card_token("tok_visa")).reference("order 4711, of today");
    what = std::move(what).key(key);
    CHECK(what.reference() == "order 4711, of today");
    CHECK(what.token().reveal() == "tok_visa");
    CHECK(what.key() == key);
    auto&& named = refund_request::of_key(key).reference("refund of order 4711");
    CHECK(named.charge() == key.text());
    CHECK(named.reference() == "refund of order 4711");
}

TEST_CASE("the journal in memory") {
    payment::memory_journal journal(2);
    const auto intent = [](const std::string& name, const std::string& content) {
        return payment::intent{idempotency_key("key-of-intent-" + name), content, money::parse("1.00", "EUR"), {}, {}};
    };
    const auto begin = [&](const payment::intent& i) {
        std::pair<error_code, payment::standing> out;
        journal.begin(i, [&](error_code ec, payment::standing s) { out = {ec, std::move(s)}; });
        return out;
    };
    const auto settle = [&](const payment::intent& i, outcome o) { journal.settle({i.key, o, "id"}, [](error_code) {}); };
    const auto a = intent("aa", "1"), b = intent("bb", "1"), c = intent("cc", "1");

    CHECK_FALSE(begin(b).second.seen);
    CHECK_FALSE(begin(a).second.seen);
    CHECK(begin(a).second.outcome == outcome::unknown);  // nobody said how it ended
    CHECK(begin(intent("aa", "2")).first == payment::errc::key_conflict);
    REQUIRE(journal.open_intents().size() == 2);
    CHECK(journal.open_intents()[0].key == b.key);  // oldest first, not by name

    settle(a, outcome::pending);
    CHECK(journal.open_intents().size() == 2);
    settle(a, outcome::succeeded);
    CHECK(journal.open_intents().size() == 1);
    CHECK(begin(a).second.provider_id == "id");
    CHECK(journal.open_intents().size() == 1);

    settle(b, outcome::not_sent);
    CHECK(begin(b).second.outcome == outcome::not_sent);
    CHECK(journal.open_intents().size() == 1);  // open again: it may be sent now
    CHECK(begin(b).second.outcome == outcome::unknown);

    (void)begin(c);
    settle(b, outcome::declined);
    settle(c, outcome::declined);
    CHECK_FALSE(begin(a).second.seen);  // two are kept
}

TEST_CASE("JSON of providers: strict, flat, bounded") {
    using kedge::detail::json_reader;
    const auto ok = json_reader::read(R"( {"a":{"b":"x\u00e9\ud83d\ude00\n"},"c":[1,{"d":[]}],"e":-1.5e+3,"f":null} )");
    REQUIRE(ok);
    CHECK(ok->at("a.b") == "x\xc3\xa9\xf0\x9f\x98\x80\n");
    CHECK(ok->at("e") == "-1.5e+3");
    CHECK(ok->at("f") == "null");
    CHECK(ok->size() == 3);
    for (const char* bad : {"", "[]", "1", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1}x", "{\"a\":01}", "{\"a\":1.}",
                            "{\"a\":\"\x01\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\ud800\"}", "{\"a\":1,\"a\":2}", "{'a':1}",
                            "{\"a\":tru}", "{\"a\":\"", "{\"a\":[1,]}", "{\"a\":-}"}) {
        CAPTURE(bad);
        CHECK_FALSE(json_reader::read(bad));
    }
    std::string deep = "{\"a\":";
    for (int i = 0; i < 100'000; ++i) deep += '[';
    CHECK_FALSE(json_reader::read(deep));
    std::string wide = "{\"a\":1,\"" + std::string(100'000, 'n') + "\":{\"0\":0";
    for (int i = 1; i < 1000; ++i) wide += ",\"" + std::to_string(i) + "\":0";
    const auto left = json_reader::read(wide + "}}");  // its names would be 100 MB
    REQUIRE(left);
    CHECK(left->size() == 1);
    CHECK(json_reader::read(std::string("{\"a\":") + kedge::detail::json_string("\"\\\n\x01") + "}")->at("a") == "\"\\\n\x01");
}

TEST_CASE("SHA-256 agrees with FIPS 180-4") {
    CHECK(kedge::detail::sha256::hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(kedge::detail::sha256::hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(kedge::detail::sha256::hex(std::string(119, 'a')) ==
          "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb");
}

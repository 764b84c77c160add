// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/payment/exchange.hpp>
#include <kedge/payment/impl/json.hpp>
#include <kedge/payment/money.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kedge::testing {

/// Money that a provider took. `key` is empty if the request named none, `reference` is the merchant's own.
struct movement {
    std::string key, reference, id;
    money amount;
    time_point at;
};

namespace detail {

/// An answer of the generic provider about one payment.
inline std::string payment_body(std::string_view id, std::string_view status, std::string_view amount,
                                std::string_view currency, std::string_view key) {
    using kedge::detail::json_string;
    return "{\"id\":" + json_string(id) + ",\"status\":" + json_string(status) + ",\"amount\":" + json_string(amount) +
           ",\"currency\":" + json_string(currency) + ",\"idempotency_key\":" + json_string(key) + "}";
}

/// An error of the generic provider. Without a key it proves nothing about a payment.
inline std::string error_body(std::string_view code, std::string_view message, std::string_view key = {}) {
    using kedge::detail::json_string;
    std::string body = "{\"error\":{\"code\":" + json_string(code) + ",\"message\":" + json_string(message) + "}";
    if (!key.empty()) body += ",\"idempotency_key\":" + json_string(key);
    return body + "}";
}

/// What a provider keeps on disk: which keys it has seen with what content, how each ended, and where the money went.
/// A key is claimed, and later its payment executed and its answer stored, each in one transaction.
class provider_books {
public:
    enum class claim : std::uint8_t { fresh, busy, stored, conflict, invalid };
    enum class state : std::uint8_t { working, pending, succeeded, declined };

    /// How long a key is remembered.
    nanoseconds window = std::chrono::hours(24);

    claim begin(const std::string& key, const std::string& body, time_point now) {
        if (const auto at = accounts_.find(key); at != accounts_.end() && now - at->second.since >= window) accounts_.erase(at);
        if (const auto at = accounts_.find(key); at != accounts_.end() && !key.empty()) return standing(at->second, body, now);
        auto fields = kedge::detail::json_reader::read(body).value_or(kedge::detail::json_reader::fields{});
        const auto in = currency::try_of(fields["currency"]);
        if (!in || !money::try_parse(fields["amount"], *in)) return claim::invalid;
        account a{.body = body, .token = fields["token"], .reference = fields["reference"]};
        a.amount = money::parse(fields["amount"], *in);
        a.since = now;
        a.id = "ch_" + std::to_string(++number_);
        accounts_.insert_or_assign(key, std::move(a));
        return claim::fresh;
    }

    /// The money moves, unless the card is one that is declined.
    void execute(const std::string& key, time_point now) {
        account& a = accounts_.at(key);
        if (a.token.starts_with("tok_declined")) return void(a.is = state::declined);
        a.is = state::succeeded;
        ledger_.push_back({key, a.reference, a.id, *a.amount, now});
    }

    /// It will move later.
    void postpone(const std::string& key) { accounts_.at(key).is = state::pending; }

    /// Neither repeated nor looked up until `when`, though it may be executed: a recovery, or a replica that lags behind.
    void recover_until(const std::string& key, time_point when) { accounts_.at(key).ready = when; }
    void hide_until(const std::string& key, time_point when) { accounts_.at(key).visible = when; }

    /// What was claimed and not executed when the process crashed is free again.
    void forget_unfinished() {
        std::erase_if(accounts_, [](const auto& entry) { return entry.second.is == state::working; });
    }

    /// What the first request with this key was answered, or would be now.
    payment::response answer(const std::string& key, bool first) const {
        const account& a = accounts_.at(key);
        if (a.is == state::declined) return {402, {}, error_body("card_declined", "no money", key)};
        return {a.is == state::pending ? 202 : first ? 201 : 200, {}, body_of(key, a)};
    }

    payment::response look_up(const std::string& key, time_point now) const {
        const auto at = accounts_.find(key);
        const bool seen = at != accounts_.end() && at->second.is != state::working && now >= at->second.visible &&
                          now >= at->second.ready && now - at->second.since < window;
        if (!seen) return {404, {}, error_body("not_found", "no such key")};
        return {200, {}, body_of(key, at->second)};
    }

    /// The payment of some other key, for answers that go astray.
    std::optional<std::string> another(const std::string& than, std::uint64_t random) const {
        std::vector<std::string> others;
        for (const auto& [key, a] : accounts_)
            if (key != than && !key.empty()) others.push_back(body_of(key, a));
        if (others.empty()) return {};
        return others[random % others.size()];
    }

    const std::vector<movement>& ledger() const noexcept { return ledger_; }

private:
    struct account {
        std::string body, token, reference, id{};
        std::optional<money> amount{};
        time_point since{}, visible{}, ready{};
        state is = state::working;
    };

    static claim standing(const account& a, const std::string& body, time_point now) {
        if (a.body != body) return claim::conflict;
        return a.is == state::working || now < a.ready ? claim::busy : claim::stored;
    }

    static std::string body_of(const std::string& key, const account& a) {
        const char* const status = a.is == state::succeeded ? "succeeded" : a.is == state::declined ? "declined" : "pending";
        return payment_body(a.id, status, decimal(*a.amount), a.amount->in().code(), key);
    }

    std::map<std::string, account, std::less<>> accounts_;
    std::vector<movement> ledger_;
    int number_ = 0;
};

}  // namespace detail
}  // namespace kedge::testing

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/json.hpp>
#include <kedge/payment/exchange.hpp>
#include <kedge/payment/money.hpp>
#include <kedge/testing/detail/provider_answers.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kedge::testing {

/// Money that a provider took, or gave back. `key` is empty if the request named none, `reference` is the merchant's own.
struct movement {
    std::string key, reference, id;
    money amount;
    time_point at;
    bool refund = false;
};

namespace detail {

/// What a provider keeps on disk: which keys it has seen with what content, how each ended, and where the money went.
/// A key is claimed, and later its payment executed and its answer stored, each in one transaction.
class provider_books {
public:
    enum class claim : std::uint8_t { fresh, busy, stored, conflict, invalid };
    enum class state : std::uint8_t { working, pending, succeeded, declined, refused };

    /// How long a key is remembered.
    nanoseconds window = std::chrono::hours(24);

    claim begin(const std::string& key, const payment::request& what, time_point now) {
        if (const auto at = accounts_.find(key); at != accounts_.end() && now - at->second.since >= window) accounts_.erase(at);
        if (const auto at = accounts_.find(key); at != accounts_.end() && !key.empty()) return standing(at->second, what, now);
        auto fields = kedge::detail::json_reader::read(what.body).value_or(kedge::detail::json_reader::fields{});
        account a{.content = what.target + what.body, .token = fields["token"], .reference = fields["reference"]};
        a.refund = what.target.starts_with("/v1/refunds");
        a.of = fields["charge_key"] + fields["charge"];
        a.since = now;
        if (const auto in = currency::try_of(fields["currency"]))
            if (const auto m = money::try_parse(fields["amount"], *in)) a.amount = *m;
        if (!a.amount && (!a.refund || fields.contains("amount"))) return claim::invalid;
        a.id = (a.refund ? "re_" : "ch_") + std::to_string(++number_);
        accounts_.insert_or_assign(key, std::move(a));
        return claim::fresh;
    }

    /// The money moves, unless the card is one that is declined, or there is not so much to give back.
    void execute(const std::string& key, time_point now) {
        account& a = accounts_.at(key);
        if (a.refund && a.is == state::working && !take_off_the_charge(a)) a.is = state::refused;
        if (a.is == state::refused) return;
        if (a.token.starts_with("tok_declined")) return void(a.is = state::declined);
        a.is = state::succeeded;
        ledger_.push_back({key, a.reference, a.id, *a.amount, now, a.refund});
    }

    /// It will move later.
    void postpone(const std::string& key) {
        account& a = accounts_.at(key);
        a.is = a.refund && !take_off_the_charge(a) ? state::refused : state::pending;
    }

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
        if (a.is == state::refused) return {422, {}, error_body("not_refundable", "no such charge, or nothing left of it", key)};
        return {a.is == state::pending ? 202 : first ? 201 : 200, {}, body_of(key, a)};
    }

    /// @param target  "/v1/charges?idempotency_key=…", or the same of refunds
    payment::response look_up(const std::string& target, time_point now) const {
        const std::string key = target.substr(target.find('=') + 1);
        const auto at = accounts_.find(key);
        if (at == accounts_.end() || !shows(at->second, target.starts_with("/v1/refunds"), now))
            return {404, {}, error_body("not_found", "no such key")};
        return {200, {}, body_of(key, at->second)};
    }

    /// The payment of some other key, for answers that go astray.
    std::optional<std::string> another(const std::string& than, std::uint64_t random) const {
        std::vector<std::string> others;
        for (const auto& [key, a] : accounts_)
            if (key != than && !key.empty() && a.amount) others.push_back(body_of(key, a));
        if (others.empty()) return {};
        return others[random % others.size()];
    }

    const std::vector<movement>& ledger() const noexcept { return ledger_; }

private:
    struct account {
        std::string content, token, reference, id{}, of{};
        std::optional<money> amount{};
        time_point since{}, visible{}, ready{};
        bool refund = false;
        state is = state::working;
        std::int64_t given_back = 0;  // in minor units
    };

    static claim standing(const account& a, const payment::request& what, time_point now) {
        if (a.content != what.target + what.body) return claim::conflict;
        return a.is == state::working || now < a.ready ? claim::busy : claim::stored;
    }

    bool shows(const account& a, bool refund, time_point now) const {
        return a.refund == refund && a.is != state::working && a.is != state::refused && a.amount && now >= a.visible &&
               now >= a.ready && now - a.since < window;
    }

    /// Takes it off the charge. Without an amount it is all that is left.
    bool take_off_the_charge(account& refund) {
        for (auto& [key, charge] : accounts_) {
            if (charge.refund || charge.is != state::succeeded || (key != refund.of && charge.id != refund.of)) continue;
            const std::int64_t left = charge.amount->minor() - charge.given_back;
            const money part = refund.amount.value_or(money::from_minor(left, charge.amount->in()));
            if (part.in() != charge.amount->in() || !part.positive() || part.minor() > left) return false;
            charge.given_back += part.minor();
            refund.amount = part;
            return true;
        }
        return false;
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

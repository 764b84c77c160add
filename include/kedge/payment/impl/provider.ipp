// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/detail/json.hpp>
#include <kedge/payment/provider.hpp>

namespace kedge::payment {

KEDGE_DECL request generic_provider::charge(const charge_request& what, const idempotency_key& key) const {
    using kedge::detail::json_string;
    request r{"POST", "/v1/charges", {{"Content-Type", "application/json"}, {"Idempotency-Key", key.text()}}, {}};
    r.body = "{\"amount\":\"" + decimal(what.amount()) + "\",\"currency\":\"" + std::string(what.amount().in().code()) +
             "\",\"token\":" + json_string(what.token().reveal()) + ",\"reference\":" + json_string(what.reference()) + "}";
    return r;
}

KEDGE_DECL request generic_provider::refund(const refund_request& what, const idempotency_key& key) const {
    using kedge::detail::json_string;
    request r{"POST", "/v1/refunds", {{"Content-Type", "application/json"}, {"Idempotency-Key", key.text()}}, {}};
    r.body = std::string(what.by_key() ? "{\"charge_key\":" : "{\"charge\":") + json_string(what.charge());
    if (const auto& part = what.amount())
        r.body += ",\"amount\":\"" + decimal(*part) + "\",\"currency\":\"" + std::string(part->in().code()) + '"';
    r.body += ",\"reference\":" + json_string(what.reference()) + "}";
    return r;
}

KEDGE_DECL request generic_provider::status(const idempotency_key& key, action of) const {
    return {"GET", (of == action::refund ? "/v1/refunds" : "/v1/charges") + ("?idempotency_key=" + key.text()), {}, {}};
}

KEDGE_DECL request generic_provider::health() const { return {"GET", "/health", {}, {}}; }

KEDGE_DECL answer generic_provider::read(const response& from) const {
    using kedge::http::detail::same_name;
    answer a;
    a.replayed = same_name(from["Idempotent-Replayed"], "true");
    if (const auto opinion = from["Should-Retry"]; same_name(opinion, "true")) a.should_retry = true;
    else if (same_name(opinion, "false")) a.should_retry = false;
    a.request_id = from["Request-Id"];
    const auto fields = kedge::detail::json_reader::read(from.body);
    if (!fields) return a;
    const auto field = [&](std::string_view name) {
        const auto at = fields->find(name);
        return at == fields->end() ? std::string() : at->second;
    };
    const std::string status = field("status");
    if (status == "succeeded") a.state = outcome::succeeded;
    else if (status == "pending" || status == "processing") a.state = outcome::pending;
    else if (status == "declined") a.state = outcome::declined;
    if (const auto in = currency::try_of(field("currency")))
        if (const auto m = money::try_parse(field("amount"), *in)) a.amount = *m;
    a.key = field("idempotency_key");
    a.id = field("id");
    a.code = field("error.code");
    a.message = field("error.message");
    a.in_flight = a.code == "idempotency_key_in_use";
    a.conflict = a.code == "idempotency_key_reused";
    a.absent = from.status == 404 && a.code == "not_found";
    a.understood = a.state && a.amount && !a.key.empty();
    return a;
}

}  // namespace kedge::payment

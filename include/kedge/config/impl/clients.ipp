// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/clients.hpp>
#include <kedge/config/impl/checks.hpp>

#include <utility>

namespace kedge::config {

namespace detail {

[[noreturn]] inline void refuse_to_build(const configuration& c, std::string_view name, std::string why) {
    const row& r = *find_row(name);
    throw bad_settings({problem_with(c, r, shown(r, c.values), std::move(why), source_of(c, r))});
}

}  // namespace detail

KEDGE_DECL kedge::payment_options payment_options(const configuration& c) {
    if (c.values.payment.url.empty())
        detail::refuse_to_build(c, "PAYMENT_SERVICE_URL", "not set; the payment client needs it");
    return c.values.payment;
}

KEDGE_DECL kedge::payment_options payment_options(std::shared_ptr<const live> settings) {
    kedge::payment_options o = payment_options(*settings->current());
    o.fresh_api_key = [settings = std::move(settings)] { return settings->current()->values.payment.api_key; };
    return o;
}

KEDGE_DECL kedge::database_options database_options(const configuration& c) {
    const std::string& url = c.values.database.url;
    if (url.empty()) detail::refuse_to_build(c, "DATABASE_SERVICE_URL", "not set; the database client needs it");
    if (adapter_of(url) == database_adapter::none)
        detail::refuse_to_build(c, "DATABASE_SERVICE_URL", "no database client speaks this scheme");
    return c.values.database;
}

}  // namespace kedge::config

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/impl/checks.hpp>
#include <kedge/config/impl/duration.hpp>

#include <utility>

namespace kedge::config::detail {

/// The settings of one check: none of it, if one of them has a problem already.
class together {
public:
    explicit together(loading& l) : l_(l) {}

    const settings& values() const { return l_.out.values; }
    std::string name(std::string_view of) const { return l_.out.prefix + std::string(of); }

    bool sound(std::initializer_list<std::string_view> rows) const {
        return std::ranges::none_of(rows, [this](std::string_view r) { return std::ranges::count(l_.failed, r) > 0; });
    }
    std::string with_value(std::string_view of) const {
        const row& r = *find_row(of);
        return name(of) + " = " + shown(r, l_.out.values) + " (" + source_of(l_.out, r) + ")";
    }
    void refuse(std::string_view of, std::string why) {
        const row& r = *find_row(of);
        l_.problems.push_back(problem_with(l_.out, r, shown(r, l_.out.values), std::move(why), source_of(l_.out, r)));
    }
    void note(std::string text) { l_.note(std::move(text)); }

    /// One attempt has to end before the call does.
    void attempt_in_total(std::string_view attempt, nanoseconds of_attempt, std::string_view total, nanoseconds of_total) {
        if (sound({attempt, total}) && of_attempt >= of_total) refuse(attempt, "must be less than " + with_value(total));
    }

private:
    loading& l_;
};

inline void check_payment(together& t) {
    const kedge::payment_options& o = t.values().payment;
    t.attempt_in_total("PAYMENT_TIMEOUT", o.attempt_timeout, "PAYMENT_TOTAL_TIMEOUT", o.total_timeout);
    if (!t.sound({"PAYMENT_TIMEOUT", "PAYMENT_RETRY_ATTEMPTS", "PAYMENT_TOTAL_TIMEOUT"})) return;
    if (o.attempt_timeout < o.total_timeout && o.attempt_timeout > o.total_timeout / (o.max_retries + 1))
        t.note(t.with_value("PAYMENT_TOTAL_TIMEOUT") + " has no time for all " + std::to_string(o.max_retries + 1) +
               " attempts of " + t.with_value("PAYMENT_TIMEOUT") + "; what does not fit is not tried");
}

inline void check_database(together& t) {
    const kedge::database_options& o = t.values().database;
    t.attempt_in_total("DB_QUERY_TIMEOUT", o.query_timeout, "DB_TOTAL_TIMEOUT", o.total_timeout);
    if (t.sound({"DB_CONNECTION_TIMEOUT", "DB_QUERY_TIMEOUT"}) && o.acquire_timeout > o.query_timeout)
        t.note(t.with_value("DB_CONNECTION_TIMEOUT") + " is longer than " + t.with_value("DB_QUERY_TIMEOUT") +
               ", which ends the wait for a connection before");
    if (t.sound({"DATABASE_SERVICE_URL"}) && !o.url.empty() && adapter_of(o.url) == database_adapter::none)
        t.note(t.with_value("DATABASE_SERVICE_URL") + " is the service's address; no database client can be made of it");
}

/// An endpoint of one's own is the one it is: it cannot be made another by a switch, and must not seem to be.
inline void check_endpoint(together& t) {
    const aws_options& o = t.values().aws;
    if (!t.values().log.cloudwatch || o.endpoint.empty() || !t.sound({"CLOUDWATCH_ENDPOINT"})) return;
    for (const auto& [on, name] :
         {std::pair(o.fips, "AWS_USE_FIPS_ENDPOINT"), std::pair(o.dual_stack, "AWS_USE_DUALSTACK_ENDPOINT")})
        if (on) t.refuse("CLOUDWATCH_ENDPOINT", "an endpoint of your own excludes " + t.with_value(name));
}

inline void check_aws(together& t) {
    const aws_options& o = t.values().aws;
    const bool id = !o.access_key_id.reveal().empty(), key = !o.secret_access_key.reveal().empty();
    if (t.sound({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})) {
        if (id != key) {
            t.refuse(id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID",
                     "missing; it belongs to " + t.with_value(id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY"));
        } else if (!id && !o.session_token.reveal().empty()) {
            t.refuse("AWS_ACCESS_KEY_ID", "missing; it belongs to " + t.with_value("AWS_SESSION_TOKEN"));
        }
    }
    check_endpoint(t);
    if (t.sound({"LOG_SINKS", "CLOUDWATCH_GROUP"}) && t.values().log.cloudwatch && o.log_group.empty())
        t.refuse("CLOUDWATCH_GROUP", "missing; needed by " + t.with_value("LOG_SINKS"));
}

KEDGE_DECL void check_together(loading& l) {
    together t(l);
    check_payment(t);
    check_database(t);
    check_aws(t);
}

}  // namespace kedge::config::detail

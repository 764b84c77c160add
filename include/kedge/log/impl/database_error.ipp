// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/log/database_error.hpp>
#include <kedge/log/detail/field_list.hpp>

#include <exception>
#include <string>

namespace kedge::log {

namespace detail {

inline void add_report(field_list& to, const call_report& report) noexcept {
    to.add("attempts", std::int64_t{report.attempts});
    if (report.pool.max > 0) {
        to.add("pool_used", std::int64_t{report.pool.used});
        to.add("pool_max", std::int64_t{report.pool.max});
        to.add("pool_waiting", std::int64_t{report.pool.waiting});
        to.add("pool_dialing", std::int64_t{report.pool.dialing});
    }
    if (!report.said.code().empty()) to.add("server_code", report.said.code());
    if (!report.said.text().empty()) to.add("server_message", report.said.text());
}

}  // namespace detail

KEDGE_DECL void database_error(sink& to, const database_failure& what) noexcept {
    if (!to.should_log(level::error)) return;
    record r;
    r.time = what.time;
    r.severity = level::error;
    r.logger = "kedge.database";
    r.message = "Database query failed";
    r.place = what.place;
    r.error = what.error;
    detail::field_list fields;
    if (what.report) detail::add_report(fields, *what.report);
    r.fields = fields.view();
    std::string message;
    try {
        message = "Database query failed: " + what.error.message();
        r.message = message;
    } catch (const std::exception&) {  // no memory: the short message has to do
    }
    submit(to, r);
}

}  // namespace kedge::log

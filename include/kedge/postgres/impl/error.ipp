// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/postgres/error.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>

namespace kedge::postgres {

namespace detail {

constexpr int class_of(int value) noexcept { return value / (36 * 36 * 36); }
constexpr int class_value(const char (&two)[3]) noexcept {
    return class_of(sqlstate_value(std::string_view{std::array{two[0], two[1], '0', '0', '0'}.data(), 5}));
}

inline std::string five_characters(int value) {
    std::string text(5, '0');
    for (std::size_t i = text.size(); i-- > 0; value /= 36)
        text[i] = static_cast<char>(value % 36 < 10 ? '0' + value % 36 : 'A' + value % 36 - 10);
    return text;
}

struct condition_name {
    errc code;
    const char* text;
};

inline constexpr condition_name condition_names[] = {
    {errc::cannot_connect, "cannot connect"},
    {errc::connection_rejected, "connection rejected"},
    {errc::connection_failure, "connection failure"},
    {errc::protocol_violation, "protocol violation"},
    {errc::feature_not_supported, "feature not supported"},
    {errc::string_too_long, "string data right truncation"},
    {errc::numeric_out_of_range, "numeric value out of range"},
    {errc::division_by_zero, "division by zero"},
    {errc::invalid_text_representation, "invalid text representation"},
    {errc::not_null_violation, "not null violation"},
    {errc::foreign_key_violation, "foreign key violation"},
    {errc::unique_violation, "unique violation"},
    {errc::check_violation, "check violation"},
    {errc::exclusion_violation, "exclusion violation"},
    {errc::read_only_transaction, "read only SQL transaction"},
    {errc::in_failed_transaction, "in failed SQL transaction"},
    {errc::idle_in_transaction_timeout, "idle in transaction session timeout"},
    {errc::no_such_prepared_statement, "invalid SQL statement name"},
    {errc::invalid_authorization, "invalid authorization specification"},
    {errc::invalid_password, "invalid password"},
    {errc::no_such_database, "invalid catalog name"},
    {errc::serialization_failure, "serialization failure"},
    {errc::deadlock_detected, "deadlock detected"},
    {errc::insufficient_privilege, "insufficient privilege"},
    {errc::syntax_error, "syntax error"},
    {errc::undefined_column, "undefined column"},
    {errc::undefined_function, "undefined function"},
    {errc::undefined_table, "undefined table"},
    {errc::duplicate_prepared_statement, "duplicate prepared statement"},
    {errc::duplicate_table, "duplicate table"},
    {errc::disk_full, "disk full"},
    {errc::too_many_connections, "too many connections"},
    {errc::object_in_use, "object in use"},
    {errc::lock_not_available, "lock not available"},
    {errc::query_canceled, "query canceled"},
    {errc::admin_shutdown, "admin shutdown"},
    {errc::crash_shutdown, "crash shutdown"},
    {errc::cannot_connect_now, "cannot connect now"},
    {errc::idle_session_timeout, "idle session timeout"},
    {errc::raise_exception, "raise exception"},
    {errc::internal_error, "internal error"},
    {errc::plan_changed, "a prepared plan no longer fits"},
    {errc::not_verified, "TLS: the server could not be verified"},
    {errc::not_primary, "the server is not the primary"},
};

constexpr const char* name_of(int value) noexcept {
    for (const condition_name& one : condition_names)
        if (static_cast<int>(one.code) == value) return one.text;
    return nullptr;
}

/// By class, for what has no case of its own in @ref judge.
constexpr verdict judge_class(int value) noexcept {
    const int two = class_of(value);
    if (two == class_value("53")) return {kind::overload, replay::always};
    if (two == class_value("28") || two == class_value("3D")) return {kind::failure, replay::never};
    if (two == class_value("08")) return {kind::failure, replay::if_idempotent};
    if (two == class_value("58") || two == class_value("F0") || two == class_value("XX")) return {kind::failure, replay::never};
    return {kind::success, replay::never};
}

constexpr verdict judge(int value) noexcept {
    switch (static_cast<errc>(value)) {
    case errc::serialization_failure:
    case errc::deadlock_detected:
    case errc::plan_changed: return {kind::neutral, replay::always};
    case errc::cannot_connect:
    case errc::connection_rejected:
    case errc::cannot_connect_now:
    case errc::not_primary:
    case errc::idle_session_timeout:
    case errc::admin_shutdown: return {kind::failure, replay::always};
    case errc::crash_shutdown:  // the server stopped anywhere, perhaps between the commit and its answer
    case errc::query_canceled: return {kind::failure, replay::if_idempotent};
    case errc::not_verified:
    case errc::protocol_violation: return {kind::failure, replay::never};
    default: break;
    }
    constexpr int unknown_outcome = sqlstate_value("08007"), unknown_completion = sqlstate_value("40003"),
                  database_dropped = sqlstate_value("57P04");
    if (value == unknown_outcome || value == unknown_completion || value == database_dropped)
        return {kind::failure, replay::never};
    return judge_class(value);
}

/// Nothing but somebody's work on the server or on the url ends it. Each attempt is one more on the way to a locked account.
constexpr bool is_permanent(int value) noexcept {
    const int two = class_of(value);
    return two == class_value("28") || two == class_value("3D") || static_cast<errc>(value) == errc::not_verified ||
           static_cast<errc>(value) == errc::insufficient_privilege;
}

class state_category final : public boost::system::error_category {
public:
    constexpr state_category() noexcept : boost::system::error_category(0x6b65'6467'655f'7067) {}
    const char* name() const noexcept override { return "postgres"; }
    std::string message(int value) const override {
        const char* const known = name_of(value);
        return known != nullptr ? std::string(known) + " (SQLSTATE " + five_characters(value) + ")"
                                : "SQLSTATE " + five_characters(value);
    }

    boost::system::error_condition default_error_condition(int value) const noexcept override {
        const bool standby = static_cast<errc>(value) == errc::not_primary;
        return {standby ? static_cast<int>(errc::read_only_transaction) : value, *this};
    }
    bool equivalent(int value, const boost::system::error_condition& wanted) const noexcept override {
        if (wanted == condition::overload) return judge(value).judged == kind::overload;
        if (wanted == condition::timeout) return static_cast<errc>(value) == errc::query_canceled;
        if (wanted == condition::transient) return judge(value).again != replay::never;
        if (wanted == condition::permanent) return is_permanent(value);
        if (wanted.category() != *this) return false;
        return value == wanted.value() || default_error_condition(value) == wanted;
    }
};

inline constexpr state_category category_instance{};

}  // namespace detail

KEDGE_DECL const boost::system::error_category& category() noexcept { return detail::category_instance; }

KEDGE_DECL error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), category()}; }

KEDGE_DECL error_code make_error_code(std::string_view five) noexcept {
    const int value = sqlstate_value(five);
    return {value != 0 ? value : static_cast<int>(errc::internal_error), category()};
}

KEDGE_DECL boost::system::error_condition make_error_condition(errc code) noexcept {
    return {static_cast<int>(code), category()};
}

KEDGE_DECL std::string sqlstate(const error_code& ec) {
    return ec.category() == category() ? detail::five_characters(ec.value()) : std::string();
}

KEDGE_DECL verdict classify(const error_code& ec) noexcept {
    return ec.category() == category() ? detail::judge(ec.value()) : classify_sql(ec);
}

KEDGE_DECL fate fate_of(const error_code& ec) noexcept {
    using detail::class_value;
    if (!ec || ec.category() == kedge::detail::sql_category_instance || ec == boost::asio::error::operation_aborted)
        return fate::keep;
    if (ec.category() != category()) return fate::evict;
    switch (static_cast<errc>(ec.value())) {
    case errc::admin_shutdown:
    case errc::crash_shutdown:
    case errc::cannot_connect_now:
    case errc::idle_session_timeout:
    case errc::idle_in_transaction_timeout:
    case errc::not_verified:
    case errc::not_primary: return fate::evict;
    default: break;
    }
    constexpr std::array closed{sqlstate_value("25P04"), sqlstate_value("57P04")};
    if (std::find(closed.begin(), closed.end(), ec.value()) != closed.end()) return fate::evict;
    constexpr std::array bad{class_value("08"), class_value("28"), class_value("3D"), class_value("58"), class_value("F0"),
                             class_value("XX")};
    return std::find(bad.begin(), bad.end(), detail::class_of(ec.value())) != bad.end() ? fate::evict : fate::keep;
}

KEDGE_DECL bool condemns(const error_code& ec) noexcept {
    if (ec.category() != category()) return false;
    const auto code = static_cast<errc>(ec.value());
    return code == errc::admin_shutdown || code == errc::crash_shutdown || code == errc::not_primary;
}

}  // namespace kedge::postgres

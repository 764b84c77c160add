// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/sql/batches.hpp>
#include <kedge/sql/rows_builder.hpp>
#include <kedge/sqlite/error.hpp>
#include <kedge/sqlite/impl/session.hpp>

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kedge::sqlite::detail {

/// How many prepared statements a connection keeps; the least recently used one goes first.
inline constexpr std::size_t statement_cache_size = 32;

/// One open database with its prepared statements. Blocking, for one thread at a time, except @ref interrupt.
class handles {
public:
    handles() = default;
    handles(const handles&) = delete;
    handles& operator=(const handles&) = delete;
    ~handles() {
        if (db_ != nullptr) sqlite3_progress_handler(db_, 0, nullptr, nullptr);  // its session may be gone
        abandon();
        for (const prepared& one : statements_) sqlite3_finalize(one.statement);
        sqlite3_close_v2(db_);
    }

    outcome open(const location&, int (*on_progress)(void*), void* self);
    /// @param in_batches  may end as unfinished, with the first rows; @ref go_on then has more, and `params` have to live
    outcome execute(const sql_text&, const params&, bool in_batches);
    outcome go_on();
    /// Ends an unfinished statement as an interrupt does: what it wrote is rolled back, where a mere reset would commit.
    void abandon() noexcept;
    outcome reset();

    bool is_open() const noexcept { return db_ != nullptr; }
    bool in_transaction() const noexcept { return db_ != nullptr && sqlite3_get_autocommit(db_) == 0; }
    bool altered() const noexcept { return altered_; }
    void interrupt() noexcept {
        if (db_ != nullptr) sqlite3_interrupt(db_);
    }

private:
    struct prepared {
        std::string text;
        sqlite3_stmt* statement;
    };

    /// Leaves a cached statement without values and without a read lock, whatever happens while it runs.
    struct running {
        running(sqlite3_stmt* one, bool pieces, bool begins, std::int64_t changes) noexcept
            : statement(one), in_batches(pieces), begins_read_only(begins), changes_before(changes) {}
        running(const running&) = delete;
        running& operator=(const running&) = delete;
        ~running() {
            sqlite3_reset(statement);
            sqlite3_clear_bindings(statement);
        }
        sqlite3_stmt* const statement;
        const bool in_batches, begins_read_only;
        const std::int64_t changes_before;
    };

    outcome failed(int code) const { return {make_error_code(code), {}, db_ != nullptr ? sqlite3_errmsg(db_) : ""}; }
    outcome run_script(const char* text);
    bool has_moved() const noexcept;
    sqlite3_stmt* prepare(std::string_view text, outcome& failure);
    static int watch(void* self, int action, const char*, const char* argument, const char*, const char*) noexcept;

    sqlite3* db_ = nullptr;
    std::list<prepared> statements_;  // most recently used first
    std::optional<running> running_;  // the current statement
    bool read_only_ = false;          // the open transaction is
    bool altered_ = false;            // settings, attached files or temporary tables that the next borrower would see
};

/// The number in `$12`; other names (`?`, `:name`) count by position.
inline int place_of(sqlite3_stmt* statement, int index) noexcept {
    const char* name = sqlite3_bind_parameter_name(statement, index);
    if (name == nullptr || name[0] != '$') return index;
    int number = 0;
    for (const char* digit = name + 1; *digit != '\0'; ++digit) {
        if (*digit < '0' || *digit > '9' || number > 99'999) return index;
        number = number * 10 + (*digit - '0');
    }
    return number > 0 ? number : index;
}

inline int bind_value(sqlite3_stmt* to, int index, const sql_value& value) {
    struct binder {
        sqlite3_stmt* to;
        int index;
        int operator()(std::monostate) const noexcept { return sqlite3_bind_null(to, index); }
        int operator()(bool v) const noexcept { return sqlite3_bind_int(to, index, v ? 1 : 0); }
        int operator()(std::int64_t v) const noexcept { return sqlite3_bind_int64(to, index, v); }
        int operator()(double v) const noexcept { return sqlite3_bind_double(to, index, v); }
        int operator()(const std::string& v) const noexcept {
            return sqlite3_bind_text64(to, index, v.data(), v.size(), SQLITE_STATIC, SQLITE_UTF8);
        }
        int operator()(const blob& v) const noexcept {
            if (v.empty()) return sqlite3_bind_zeroblob(to, index, 0);  // a null pointer would bind NULL
            return sqlite3_bind_blob64(to, index, v.data(), v.size(), SQLITE_STATIC);
        }
        int operator()(timestamp v) const { return copied(kedge::detail::to_text(v)); }
        int operator()(const uuid& v) const { return copied(kedge::detail::to_text(v)); }
        int operator()(const integer_array&) const noexcept { return SQLITE_MISMATCH; }
        int operator()(const text_array&) const noexcept { return SQLITE_MISMATCH; }

        int copied(const std::string& v) const noexcept {
            return sqlite3_bind_text64(to, index, v.data(), v.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
        }
    };
    return std::visit(binder{to, index}, value);
}

inline void read_row(sqlite3_stmt* from, int columns, rows_builder& to) {
    for (int i = 0; i < columns; ++i) {
        const auto size = [&] { return static_cast<std::size_t>(sqlite3_column_bytes(from, i)); };
        switch (sqlite3_column_type(from, i)) {
        case SQLITE_INTEGER: to.integer(sqlite3_column_int64(from, i)); break;
        case SQLITE_FLOAT: to.real(sqlite3_column_double(from, i)); break;
        case SQLITE_TEXT: {
            const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(from, i));
            to.text(std::string_view(text, size()));
            break;
        }
        case SQLITE_BLOB: {
            const void* bytes = sqlite3_column_blob(from, i);
            to.bytes(bytes, size());
            break;
        }
        default: to.null();
        }
    }
}

inline error_code bind_all(sqlite3_stmt* statement, const params& values, std::string& message) {
    const int places = sqlite3_bind_parameter_count(statement);
    int wanted = 0;
    for (int i = 1; i <= places; ++i) wanted = std::max(wanted, place_of(statement, i));
    if (static_cast<std::size_t>(wanted) != values.size()) {
        message = "the statement has " + std::to_string(wanted) + " parameters, " + std::to_string(values.size()) + " given";
        return sql_errc::parameter_count;
    }
    for (int i = 1; i <= places; ++i) {
        const int place = place_of(statement, i);
        const int code = bind_value(statement, i, values[static_cast<std::size_t>(place - 1)]);
        if (code == SQLITE_MISMATCH) {
            message = "parameter " + std::to_string(place) + " is an array, which SQLite does not have";
            return sql_errc::no_such_type;
        }
        if (code != SQLITE_OK) return make_error_code(code);
    }
    return {};
}

KEDGE_DECL int handles::watch(void* self, int action, const char*, const char* argument, const char*, const char*) noexcept {
    switch (action) {
    case SQLITE_PRAGMA:
        if (argument == nullptr) break;  // only asks for a setting
        [[fallthrough]];
    case SQLITE_ATTACH:
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW: static_cast<handles*>(self)->altered_ = true; break;
    default: break;
    }
    return SQLITE_OK;
}

KEDGE_DECL outcome handles::run_script(const char* text) {
    const int code = sqlite3_exec(db_, text, nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? outcome{} : failed(code);
}

/// May be called again after it failed because of a lock.
KEDGE_DECL outcome handles::open(const location& where, int (*on_progress)(void*), void* self) {
    if (db_ == nullptr) {
        const int access_flags = where.mode == access::read_only    ? SQLITE_OPEN_READONLY
                                 : where.mode == access::read_write ? SQLITE_OPEN_READWRITE
                                                                    : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
        const char* vfs = where.in_memory ? "memdb" : nullptr;
        const int flags = access_flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
        if (const int code = sqlite3_open_v2(where.path.c_str(), &db_, flags, vfs); code != SQLITE_OK) {
            outcome failure = failed(code);
            sqlite3_close_v2(std::exchange(db_, nullptr));
            return failure;
        }
        if (where.mode != access::read_only && sqlite3_db_readonly(db_, "main") == 1)  // SQLite opens it for reading then
            return {make_error_code(SQLITE_READONLY), {}, "the file cannot be written; ?mode=ro opens it for reading"};
        sqlite3_progress_handler(db_, 1000, on_progress, self);
    }
    // WAL lets readers and one writer work side by side. Either statement reads the file, so that one which is not a
    // database is seen now.
    const bool may_switch = !where.in_memory && where.mode != access::read_only;
    if (outcome first = run_script(may_switch ? "pragma journal_mode = wal" : "pragma schema_version"); first.ec) return first;
    sqlite3_set_authorizer(db_, &handles::watch, this);
    return {};
}

KEDGE_DECL sqlite3_stmt* handles::prepare(std::string_view text, outcome& failure) {
    const auto known = std::find_if(statements_.begin(), statements_.end(), [&](const prepared& p) { return p.text == text; });
    if (known != statements_.end()) {
        statements_.splice(statements_.begin(), statements_, known);
        return known->statement;
    }
    sqlite3_stmt* made = nullptr;
    const char* tail = nullptr;
    const int length = static_cast<int>(std::min<std::size_t>(text.size(), INT32_MAX));
    const int code = sqlite3_prepare_v3(db_, text.data(), length, SQLITE_PREPARE_PERSISTENT, &made, &tail);
    if (code != SQLITE_OK) {
        failure = failed(code);
        return nullptr;
    }
    if (made == nullptr) {
        failure = {sql_errc::empty_statement, {}, {}};
        return nullptr;
    }
    sqlite3_stmt* second = nullptr;
    const int rest = sqlite3_prepare_v2(db_, tail, length - static_cast<int>(tail - text.data()), &second, nullptr);
    sqlite3_finalize(second);
    if (rest != SQLITE_OK || second != nullptr) {
        sqlite3_finalize(made);
        failure = {sql_errc::several_statements, {}, {}};
        return nullptr;
    }
    statements_.push_front({std::string(text), made});
    if (statements_.size() > statement_cache_size) {
        sqlite3_finalize(statements_.back().statement);
        statements_.pop_back();
    }
    return made;
}

/// Somebody deleted, moved or replaced the file: what is written here would be lost with its last reader.
KEDGE_DECL bool handles::has_moved() const noexcept {
    int moved = 0;
    return sqlite3_file_control(db_, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0;
}

KEDGE_DECL outcome handles::execute(const sql_text& text, const params& values, bool in_batches) {
    if (has_moved()) return {make_error_code(SQLITE_READONLY_DBMOVED), {}, "the file is gone from its path"};
    outcome failure;
    sqlite3_stmt* statement = prepare(text.view(), failure);
    if (statement == nullptr) return failure;
    if (read_only_ && in_transaction() && sqlite3_stmt_readonly(statement) == 0)
        return {make_error_code(SQLITE_READONLY), {}, "the transaction is read only"};
    running_.emplace(statement, in_batches, text.view() == begin_read_only, sqlite3_total_changes64(db_));
    std::string message;
    if (const error_code ec = bind_all(statement, values, message)) {
        running_.reset();
        return {ec, {}, message};
    }
    return go_on();
}

KEDGE_DECL outcome handles::go_on() {
    if (!running_) return {};  // the last batch was the end
    sqlite3_stmt* const statement = running_->statement;
    const int columns = sqlite3_column_count(statement);
    std::vector<std::string> names;
    for (int i = 0; i < columns; ++i) names.emplace_back(sqlite3_column_name(statement, i));
    rows_builder result(std::move(names));
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        read_row(statement, columns, result);
        if (running_->in_batches && kedge::detail::fills_batch(result)) return {{}, std::move(result).take(), {}, true};
        if (result.memory() > result_limit) {
            abandon();
            return {sql_errc::result_too_large, {}, kedge::detail::beyond_result_limit()};
        }
    }
    if (code != SQLITE_DONE) {
        outcome failure = failed(code);
        running_.reset();
        return failure;
    }
    read_only_ = in_transaction() && (read_only_ || running_->begins_read_only);
    // Statements that change no row leave the previous statement's count behind.
    if (sqlite3_total_changes64(db_) != running_->changes_before) result.affected(sqlite3_changes64(db_));
    const bool last_batch = running_->in_batches && result.size() != 0;
    running_.reset();
    return {{}, std::move(result).take(), {}, last_batch};
}

KEDGE_DECL void handles::abandon() noexcept {
    if (!running_) return;
    if (sqlite3_stmt_busy(running_->statement) != 0) {  // else a step would begin it
        sqlite3_interrupt(db_);
        sqlite3_step(running_->statement);
    }
    running_.reset();
}

KEDGE_DECL outcome handles::reset() {
    // Who was interrupted, or has left a transaction open, may have altered the session before.
    if (altered_) return {make_error_code(SQLITE_ERROR), {}, "the session was altered"};
    read_only_ = false;
    return in_transaction() ? run_script("rollback") : outcome{};
}

}  // namespace kedge::sqlite::detail

// SPDX-License-Identifier: BSL-1.0
// The shop's database in a PostgreSQL that somebody runs.

#include "shop_database.hpp"

#include <libpq-fe.h>

#include <stdexcept>
#include <utility>

namespace incident::real {

namespace {

/// A connection as a program without kedge has it: it neither waits for a lock nor connects again.
class plain_connection {
public:
    explicit plain_connection(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
        if (PQstatus(connection_) == CONNECTION_OK) return;
        const std::string why = PQerrorMessage(connection_);
        PQfinish(connection_);
        throw std::runtime_error("cannot connect to PostgreSQL: " + why);
    }
    ~plain_connection() { PQfinish(connection_); }
    plain_connection(const plain_connection&) = delete;
    plain_connection& operator=(const plain_connection&) = delete;

    bool try_execute(const std::string& statement) {
        PGresult* const result = PQexec(connection_, statement.c_str());
        const bool good = PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
        if (good && PQntuples(result) > 0) answer_ = PQgetvalue(result, 0, 0);
        PQclear(result);
        return good;
    }
    void execute(const std::string& statement) {
        if (!try_execute(statement)) throw std::runtime_error(statement + ": " + PQerrorMessage(connection_));
    }

    /// The first value of the last answer.
    const std::string& answer() const noexcept { return answer_; }

private:
    PGconn* connection_;
    std::string answer_;
};

class server final : public shop_database {
public:
    server(const std::string& url, std::string table)
        : table_(std::move(table)), url_(url + (url.find('?') == url.npos ? '?' : '&') + "application_name=" + table_),
          other_(url), plain_(url_) {
        other_.execute("set client_min_messages = warning");
        other_.execute("drop table if exists " + table_);
        other_.execute("create table " + table_ + " (number integer primary key, total text)");
        other_.execute("show server_version");
        version_ = other_.answer().substr(0, other_.answer().find(' '));
        plain_.execute("set lock_timeout = '1ms'");
    }
    ~server() override { (void)other_.try_execute("drop table " + table_); }

    std::string url() const override { return url_; }
    std::string name() const override { return "PostgreSQL " + version_; }
    bool store_plainly(int number) override {
        return plain_.try_execute("insert into " + table_ + " values (" + std::to_string(-1 - number) + ", '19.90')");
    }
    bool lock() override {
        other_.execute("begin");
        other_.execute("lock table " + table_ + " in access exclusive mode");
        return true;
    }
    void unlock() override { other_.execute("commit"); }
    /// Kedge's and that of the program without it, which are of one role: so anybody may.
    bool drop_connections() override {
        other_.execute("select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = '" + table_ + "'");
        return true;
    }
    int stored() override {
        other_.execute("select count(*) from " + table_ + " where number >= 0");
        return std::stoi(other_.answer());
    }

private:
    std::string table_, url_, version_;
    plain_connection other_, plain_;
};

}  // namespace

std::unique_ptr<shop_database> open_postgres(const std::string& url, const std::string& table) {
    return std::make_unique<server>(url, table);
}

}  // namespace incident::real

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

struct sqlite3;

namespace incident::real {

/// A connection as a program without kedge has it: it does not wait for a lock.
class plain_connection {
public:
    explicit plain_connection(const std::string& path);
    ~plain_connection();
    plain_connection(const plain_connection&) = delete;
    plain_connection& operator=(const plain_connection&) = delete;

    /// Runs one statement; false if the database is locked. @throws std::runtime_error for anything else
    bool execute(const std::string& statement);

    /// The first number of the last answer.
    int answer() const noexcept { return answer_; }

private:
    sqlite3* database_ = nullptr;
    int answer_ = 0;
};

/// An SQLite database in a temporary folder, with a table of orders.
class database_file {
public:
    database_file();
    ~database_file();
    database_file(const database_file&) = delete;
    database_file& operator=(const database_file&) = delete;

    std::string path() const { return folder_ + "/shop.db"; }
    std::string url() const { return "sqlite:" + path(); }

private:
    std::string folder_;
};

}  // namespace incident::real

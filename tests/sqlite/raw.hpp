// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/catch.hpp"

#include <sqlite3.h>

#include <filesystem>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

// Somebody else at the same database, who does not use kedge.

namespace test {

/// A connection of SQLite's own; what it left open ends with it.
class raw_database {
public:
    explicit raw_database(const std::filesystem::path& file, bool create = false) {
        const int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
        REQUIRE(sqlite3_open_v2(file.c_str(), &db_, flags, nullptr) == SQLITE_OK);
    }
    raw_database(const raw_database&) = delete;
    raw_database& operator=(const raw_database&) = delete;
    ~raw_database() { sqlite3_close_v2(db_); }

    void must(const char* text) {
        INFO(text);
        REQUIRE(sqlite3_exec(db_, text, nullptr, nullptr, nullptr) == SQLITE_OK);
    }

    int number(const char* query) {
        sqlite3_stmt* statement = nullptr;
        REQUIRE(sqlite3_prepare_v2(db_, query, -1, &statement, nullptr) == SQLITE_OK);
        REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
        const int result = sqlite3_column_int(statement, 0);
        sqlite3_finalize(statement);
        return result;
    }

private:
    sqlite3* db_ = nullptr;
};

/// Another process that holds the lock of the writers until it is told to end.
class locking_process {
public:
    explicit locking_process(const std::filesystem::path& file) {
        int ready[2], hold[2];
        REQUIRE(::pipe(ready) == 0);
        REQUIRE(::pipe(hold) == 0);
        child_ = ::fork();
        REQUIRE(child_ >= 0);
        char byte = 0;
        if (child_ == 0) {
            ::close(hold[1]);
            sqlite3* db = nullptr;
            const bool locked = sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK &&
                                sqlite3_exec(db, "begin immediate", nullptr, nullptr, nullptr) == SQLITE_OK;
            byte = locked ? 'y' : 'n';
            if (::write(ready[1], &byte, 1) == 1) (void)!::read(hold[0], &byte, 1);  // until the parent closes its end
            ::_exit(0);
        }
        ::close(hold[0]), ::close(ready[1]);
        hold_ = hold[1];
        const bool heard = ::read(ready[0], &byte, 1) == 1;
        ::close(ready[0]);
        REQUIRE(heard);
        REQUIRE(byte == 'y');
    }
    locking_process(const locking_process&) = delete;
    locking_process& operator=(const locking_process&) = delete;
    ~locking_process() {
        ::close(hold_);
        ::waitpid(child_, nullptr, 0);
    }

private:
    ::pid_t child_ = -1;
    int hold_ = -1;
};

}  // namespace test

// SPDX-License-Identifier: BSL-1.0
// The shop's database as an SQLite file.

#include "shop_database.hpp"

#include <sqlite3.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <stdlib.h>

namespace incident::real {

namespace {

/// A connection as a program without kedge has it: it does not wait for a lock.
class plain_connection {
public:
    explicit plain_connection(const std::string& path) {
        if (sqlite3_open(path.c_str(), &database_) == SQLITE_OK) return;
        sqlite3_close(database_);
        throw std::runtime_error("cannot open " + path);
    }
    ~plain_connection() { sqlite3_close(database_); }
    plain_connection(const plain_connection&) = delete;
    plain_connection& operator=(const plain_connection&) = delete;

    /// Runs one statement; false if the database is locked. @throws std::runtime_error for anything else
    bool execute(const std::string& statement) {
        sqlite3_stmt* prepared = nullptr;
        int result = sqlite3_prepare_v2(database_, statement.c_str(), -1, &prepared, nullptr);
        if (result == SQLITE_OK) result = sqlite3_step(prepared);
        if (result == SQLITE_ROW) answer_ = sqlite3_column_int(prepared, 0);
        sqlite3_finalize(prepared);
        if (result == SQLITE_BUSY) return false;
        if (result == SQLITE_ROW || result == SQLITE_DONE) return true;
        throw std::runtime_error(statement + ": " + sqlite3_errmsg(database_));
    }

    /// The first number of the last answer.
    int answer() const noexcept { return answer_; }

private:
    sqlite3* database_ = nullptr;
    int answer_ = 0;
};

/// For the time of its life.
class temporary_folder {
public:
    temporary_folder() : path_((std::filesystem::temp_directory_path() / "kedge-incident-XXXXXX").string()) {
        if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder " + path_);
    }
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

class file final : public shop_database {
public:
    explicit file(std::string table)
        : table_(std::move(table)), path_(folder_.path() + "/shop.db"), other_(path_), plain_(path_) {
        other_.execute("pragma journal_mode = wal");
        other_.execute("create table " + table_ + " (number integer primary key, total text)");
    }

    std::string url() const override { return "sqlite:" + path_; }
    std::string name() const override { return std::string("SQLite ") + sqlite3_libversion(); }
    bool store_plainly(int number) override {
        return plain_.execute("insert into " + table_ + " values (" + std::to_string(-1 - number) + ", '19.90')");
    }
    bool lock() override { return other_.execute("begin exclusive"); }
    void unlock() override { other_.execute("commit"); }
    bool drop_connections() override { return false; }
    int stored() override {
        other_.execute("select count(*) from " + table_ + " where number >= 0");
        return other_.answer();
    }

private:
    std::string table_;
    temporary_folder folder_;
    std::string path_;
    plain_connection other_, plain_;
};

}  // namespace

std::unique_ptr<shop_database> open_file(const std::string& table) { return std::make_unique<file>(table); }

}  // namespace incident::real

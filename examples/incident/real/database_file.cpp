// SPDX-License-Identifier: BSL-1.0

#include "database_file.hpp"

#include <sqlite3.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>

#include <stdlib.h>

namespace incident::real {

plain_connection::plain_connection(const std::string& path) {
    if (sqlite3_open(path.c_str(), &database_) == SQLITE_OK) return;
    sqlite3_close(database_);
    throw std::runtime_error("cannot open " + path);
}

plain_connection::~plain_connection() { sqlite3_close(database_); }

bool plain_connection::execute(const std::string& statement) {
    sqlite3_stmt* prepared = nullptr;
    int result = sqlite3_prepare_v2(database_, statement.c_str(), -1, &prepared, nullptr);
    if (result == SQLITE_OK) result = sqlite3_step(prepared);
    if (result == SQLITE_ROW) answer_ = sqlite3_column_int(prepared, 0);
    sqlite3_finalize(prepared);
    if (result == SQLITE_BUSY) return false;
    if (result == SQLITE_ROW || result == SQLITE_DONE) return true;
    throw std::runtime_error(statement + ": " + sqlite3_errmsg(database_));
}

database_file::database_file() : folder_((std::filesystem::temp_directory_path() / "kedge-incident-XXXXXX").string()) {
    if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder " + folder_);
    plain_connection made(path());
    made.execute("pragma journal_mode = wal");
    made.execute("create table orders (number integer, total text)");
}

database_file::~database_file() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

}  // namespace incident::real

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/catch.hpp"

#include <kedge/detail/handlers.hpp>
#include <kedge/sqlite/connection.hpp>

#include <boost/asio/io_context.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <unistd.h>

namespace test {

/// A path for a database in a folder of its own, gone afterwards. To be made before the context: its blocking threads close the
/// file, and the context joins them.
struct database_file {
    database_file() : folder(make_folder()), path(folder / "test.db") {}
    ~database_file() { std::filesystem::remove_all(folder); }
    database_file(const database_file&) = delete;
    database_file& operator=(const database_file&) = delete;

    std::string url() const { return "sqlite:" + path.string(); }

    static std::filesystem::path make_folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "kedge-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        return pattern;
    }

    const std::filesystem::path folder, path;
};

struct answer {
    kedge::error_code ec{};
    kedge::rows result{};
    kedge::call_report report{};
};

/// Runs until `done`; other operations may be under way.
template <class Done> void until(boost::asio::io_context& io, const Done& done) {
    io.restart();
    while (!done()) REQUIRE(io.run_one() == 1);
}

inline kedge::error_code connect(boost::asio::io_context& io, kedge::sqlite::connector& to, kedge::sqlite::connection& c) {
    bool done = false;
    kedge::error_code ended;
    to.async_connect(c, [&](kedge::error_code ec) { done = true, ended = ec; });
    until(io, [&] { return done; });
    return ended;
}

inline kedge::error_code reset(boost::asio::io_context& io, kedge::sqlite::connection& c) {
    bool done = false;
    kedge::error_code ended;
    c.async_reset([&](kedge::error_code ec) { done = true, ended = ec; });
    until(io, [&] { return done; });
    return ended;
}

inline std::unique_ptr<kedge::sqlite::connection> opened(boost::asio::io_context& io, kedge::sqlite::connector& to) {
    auto c = to.create(io.get_executor());
    const kedge::error_code ec = connect(io, to, *c);
    INFO(ec.message());
    REQUIRE_FALSE(ec);
    return c;
}

inline answer run(boost::asio::io_context& io, kedge::sqlite::connection& c, kedge::sql_text text, kedge::params values = {}) {
    answer got;
    bool done = false;
    auto handler = [&](kedge::error_code ec, kedge::rows result) { done = true, got.ec = ec, got.result = std::move(result); };
    kedge::attempt of;
    of.report = &got.report;
    c.async_query(std::move(text), std::move(values), kedge::detail::attempt_handler<decltype(handler)>(handler, of));
    until(io, [&] { return done; });
    return got;
}

}  // namespace test

// SPDX-License-Identifier: BSL-1.0
// Connecting: to whom, with what, and why not.
#include "session.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace kedge;
using namespace std::chrono_literals;
using test::opened;
using test::postgres_server;

namespace {

std::string at(const std::string& host, const std::string& rest = "/shop",
               const std::string& user = "clerk:pass%3Aword%2F%C3%A4") {
    return "postgresql://" + user + "@" + host + rest;
}

std::string port() { return std::to_string(postgres_server::shared().port()); }

std::size_t open_files() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

/// A port on loopback where nobody listens.
std::string closed_port() {
    boost::asio::io_context io;
    boost::asio::ip::tcp::acceptor taken(io, {boost::asio::ip::address_v4::loopback(), 0});
    return std::to_string(taken.local_endpoint().port());
}

struct environment {
    environment(const char* n, const std::string& value) : name(n) { ::setenv(n, value.c_str(), 1); }
    ~environment() { ::unsetenv(name); }
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;
    const char* const name;
};

error_code code_of(const std::string& url, std::string* said = nullptr) {
    test::session c("", url);
    const error_code ec = c.connect();
    if (said != nullptr) *said = std::string(c.report.said.code()) + ' ' + std::string(c.report.said.text());
    CHECK((c->state() == reuse::clean) == !ec);
    return ec;
}

}  // namespace

TEST_CASE("a connection says who it is") {
    const auto c = opened();
    CHECK(c->value<std::string>("show application_name") == "kedge");
    CHECK(c->value<std::string>("select current_user::text") == "clerk");
    CHECK(c->value<std::string>("select current_database()::text") == "shop");
    CHECK(c->value<std::string>("show client_encoding") == "UTF8");
    CHECK((*c)->state() == reuse::clean);
}

TEST_CASE("why it does not connect, as a code and in words without the password") {
    postgres_server::shared();
    std::string said;
    CHECK(code_of(at("localhost:" + port(), "/shop", "clerk:s3cret"), &said) == postgres::errc::invalid_password);
    CHECK(said == "28P01 password authentication failed for user \"clerk\"");
    CHECK(code_of(at("localhost:" + port(), "/nowhere"), &said) == postgres::errc::no_such_database);
    CHECK(said == "3D000 database \"nowhere\" does not exist");
    CHECK(code_of(at("127.0.0.1:" + closed_port())) == boost::asio::error::connection_refused);
    CHECK(code_of(at("", "/shop?host=/no/such/folder")) == boost::asio::error::connection_refused);
    CHECK(code_of(at("no-such-host.invalid", "/shop?sslmode=disable")) == boost::asio::error::host_not_found);
    const error_code standby = code_of(at("localhost:" + port(), "/shop?target_session_attrs=standby"), &said);
    CHECK(standby == postgres::errc::cannot_connect);
    CHECK(said.find("s3cret") == std::string::npos);
}

TEST_CASE("TLS: a certificate that does not fit is refused, and never tried again") {
    auto& server = postgres_server::shared();
    std::string said;
    CHECK(code_of(server.url("sslmode=verify-full&sslrootcert=" + server.ca_file()), &said) == error_code());
    const error_code unknown = code_of(server.url("sslmode=verify-full"), &said);
    INFO(said);
    CHECK(unknown == postgres::errc::not_verified);
    CHECK(postgres::classify(unknown) == verdict{kind::failure, replay::never});
    // The name is verified, not the address that it is reached at.
    const std::string other = "/shop?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=" + server.ca_file();
    CHECK(code_of(at("db.example.com:" + port(), other), &said) == postgres::errc::not_verified);
    CAPTURE(said);
    CHECK(said.find("db.example.com") != std::string::npos);
}

TEST_CASE("over a Unix socket") {
    const std::string folder = postgres_server::shared().socket_folder();
    CHECK(code_of(at("", "/shop?host=" + folder + "&port=" + port())) == error_code());
}

TEST_CASE("several servers are tried in turn, and one that is not there costs no time") {
    postgres_server::shared();
    test::session c("", at("127.0.0.1:" + closed_port() + ",127.0.0.1:" + closed_port() + ",localhost:" + port()));
    REQUIRE(c.connect() == error_code());
    CHECK(c.value<int>("select 1") == 1);
    CHECK(code_of(at("127.0.0.1:" + closed_port() + ",localhost:" + port(), "/nowhere")) == postgres::errc::no_such_database);
    CHECK(code_of(at("localhost:" + port() + ",127.0.0.1:" + closed_port(), "/nowhere")) == postgres::errc::no_such_database);
}

TEST_CASE("an address that swallows packets leaves time for the next one") {
    postgres_server::shared();
    boost::asio::io_context io;
    boost::asio::ip::tcp::acceptor silent(io, {boost::asio::ip::address_v4::loopback(), 0});  // accepts, and says nothing
    const auto began = now();
    CHECK(code_of(at("127.0.0.1:" + std::to_string(silent.local_endpoint().port()) + ",localhost:" + port())) == error_code());
    CHECK(now() - began >= postgres::detail::address_patience);
}

TEST_CASE("a connection is one open file, and none when it is closed or was refused") {
    auto& server = postgres_server::shared();
    test::session c;
    c.connect();
    const std::size_t one = open_files();
    std::vector<std::unique_ptr<test::session>> more;
    for (int i = 0; i < 3; ++i) more.push_back(opened());
    const std::size_t three = open_files() - one;
    more.clear();
    CHECK(open_files() == one);
    boost::asio::io_context idle;
    const boost::asio::ip::tcp::socket unused(idle);
    const std::size_t with_context = open_files() - one;  // what a context itself has open
    CHECK(three == 3 * (with_context + 1));
    for (int i = 0; i < 3; ++i) {
        CHECK(code_of(server.url("sslmode=verify-full")));
        CHECK(code_of(at("localhost:" + port(), "/nowhere")));
    }
    CHECK(open_files() == one + with_context);
}

TEST_CASE("nothing is taken from the environment") {
    const std::string url = postgres_server::shared().url("sslmode=disable");
    const auto folder = std::filesystem::temp_directory_path() / "kedge-hostile";
    std::filesystem::create_directory(folder);
    std::ofstream(folder / "pg_service.conf") << "[evil]\nsslmode=require\nhost=192.0.2.1\noptions=-c work_mem=1MB\n";
    std::ofstream(folder / "pgpass") << "*:*:*:*:stolen\n";
    const environment all[] = {
        {"PGSERVICE", "evil"}, {"PGSERVICEFILE", (folder / "pg_service.conf").string()},
        {"PGPASSFILE", (folder / "pgpass").string()}, {"PGHOST", "192.0.2.1"}, {"PGHOSTADDR", "192.0.2.1"},
        {"PGPORT", "1"}, {"PGUSER", "mallory"}, {"PGPASSWORD", "stolen"},
        {"PGDATABASE", "elsewhere"}, {"PGSSLMODE", "require"}, {"PGAPPNAME", "mallory"}, {"PGCLIENTENCODING", "LATIN1"},
        {"PGOPTIONS", "-c work_mem=1MB"}, {"PGDATESTYLE", "German"}, {"PGTZ", "Asia/Tokyo"}, {"PGTARGETSESSIONATTRS", "standby"},
        {"PGCHANNELBINDING", "require"}, {"PGGSSENCMODE", "require"}, {"PGREQUIREPEER", "mallory"}, {"PGCONNECT_TIMEOUT", "junk"},
        {"PGSSLCERT", "/no/such"}, {"PGSSLROOTCERT", "/no/such"}, {"PGSSLMINPROTOCOLVERSION", "junk"}};
    test::session c("", url);
    const error_code ec = c.connect();
    INFO(ec.message() << ": " << c.report.said.text());
    REQUIRE_FALSE(ec);
    CHECK(c.value<std::string>("select current_user::text || current_database()") == "clerkshop");
    CHECK(c.value<std::string>("show application_name") == "kedge");
    CHECK(c.value<std::string>("show work_mem") == "4MB");
    CHECK(c.value<std::string>("show timezone") == "UTC");
    CHECK(c.value<std::string>("select 'é'") == "é");
    CHECK(c.value<std::string>("select '2026-01-02'::date") == "2026-01-02");
    c.run("set DateStyle = 'German'");
    CHECK(c.reset() == error_code());
    CHECK(c.value<std::string>("show DateStyle").starts_with("ISO"));
    CHECK(c.value<std::string>("show timezone") == "UTC");
    std::filesystem::remove_all(folder);
}

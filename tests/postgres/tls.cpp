// SPDX-License-Identifier: BSL-1.0
// Whom the client talks to, and that neither a server nor the environment of the process talks it out of that.
#include "calls.hpp"
#include "proxy.hpp"

#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

using namespace test;
namespace asio = boost::asio;
using kedge::testing::certificate_kind;

namespace {

using variables = std::vector<std::pair<std::string, std::string>>;

/// Sets variables of the environment, and puts back what was there.
class environment {
public:
    explicit environment(const variables& values) {
        for (const auto& [name, value] : values) {
            const char* const old = std::getenv(name.c_str());
            before_.emplace_back(name, old ? std::optional<std::string>(old) : std::nullopt);
            ::setenv(name.c_str(), value.c_str(), 1);
        }
    }
    ~environment() {
        for (const auto& [name, value] : before_)
            if (value) ::setenv(name.c_str(), value->c_str(), 1);
            else ::unsetenv(name.c_str());
    }
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;

private:
    std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

/// The connect error of a client with these parameters; it must not get as far as to send anything that tells who it is.
error_code refused(const std::string& parameters, const std::string& host = "localhost") {
    fault_proxy proxy(postgres_server::shared().port());
    asio::io_context io;
    client db(io, {.url = postgres_server::url_at(proxy.port(), parameters, host), .max_connections = 1});
    const asked_ptr call = ask(io, db, "select 'confidential'", {}, within(3s));
    CHECK(call->ec);
    const std::string said = proxy.requests();
    for (const std::string& secret : {postgres_server::user(), postgres_server::database(), postgres_server::password(),
                                      std::string("confidential")})
        CHECK(said.find(secret) == std::string::npos);
    CHECK(proxy.connections() >= 1);
    CHECK(proxy.connections() <= 2);
    const error_code why = db.snapshot().pool.last_connect_error;
    shut_down(io, db);
    return why;
}

std::string trusting(const std::string& ca) { return "sslmode=verify-full&sslrootcert=" + ca; }

}  // namespace

TEST_CASE("with verify-full a client connects to the server that it trusts, and says nothing in clear") {
    postgres_server& server = postgres_server::shared();
    fault_proxy proxy(server.port());
    asio::io_context io;
    client db(io, {.url = postgres_server::url_at(proxy.port(), trusting(server.ca_file())), .max_connections = 1});
    CHECK(must(io, db, "select ssl from pg_stat_ssl where pid = pg_backend_pid()")->value<bool>());
    must(io, db, "select 'confidential'");
    const std::string said = proxy.requests();
    CHECK(said.size() > 500);
    for (const std::string& secret : {postgres_server::user(), postgres_server::password(), std::string("confidential")})
        CHECK(said.find(secret) == std::string::npos);
    shut_down(io, db);
}

TEST_CASE("a server that another authority vouches for, or that has another name, is refused") {
    postgres_server& server = postgres_server::shared();
    const std::string other_ca = server.socket_folder() + "/other-ca.pem";
    std::ofstream(other_ca) << kedge::testing::detail::make_identity(certificate_kind::good).ca;
    CHECK(refused(trusting(other_ca)) == pg::errc::not_verified);
    for (const certificate_kind kind : {certificate_kind::wrong_host, certificate_kind::expired, certificate_kind::unknown_ca}) {
        INFO(static_cast<int>(kind));
        server.use_certificate(kind);
        server.restart();
        CHECK(refused(trusting(server.ca_file())) == pg::errc::not_verified);
    }
    server.use_certificate(certificate_kind::name_only);
    server.restart();
    CHECK(refused(trusting(server.ca_file()), "127.0.0.1") == pg::errc::not_verified);
    server.use_certificate(certificate_kind::good);
    server.restart();
}

/// HTTPS refuses that; libpq falls back to what certificates had before they had alternative names.
TEST_CASE("a certificate without alternative names is judged by its common name") {
    postgres_server& server = postgres_server::shared();
    server.use_certificate(certificate_kind::no_san);
    server.restart();
    {
        asio::io_context io;
        client db(io, {.url = postgres_server::url_at(server.port(), trusting(server.ca_file())), .max_connections = 1});
        must(io, db, "select 1");
        shut_down(io, db);
    }
    CHECK(refused(trusting(server.ca_file()), "127.0.0.1") == pg::errc::not_verified);
    server.use_certificate(certificate_kind::good);
    server.restart();
}

TEST_CASE("a server without TLS is refused where TLS is wanted") {
    postgres_server& server = postgres_server::shared();
    server.restart({"ssl=off"});
    CHECK(refused(trusting(server.ca_file())) == pg::errc::not_verified);
    server.restart();
}

TEST_CASE("a hostile environment changes nothing") {
    postgres_server& server = postgres_server::shared();
    const std::string services = server.socket_folder() + "/services.conf", passwords = server.socket_folder() + "/passwords";
    std::ofstream(services) << "[elsewhere]\nhost=192.0.2.1\nport=1\nuser=mallory\nsslmode=disable\n";
    std::ofstream(passwords) << "*:*:*:*:wrong\n";
    const environment hostile(variables{
        {"PGSSLMODE", "disable"}, {"PGHOST", "192.0.2.1"}, {"PGHOSTADDR", "192.0.2.1"}, {"PGPORT", "1"},
        {"PGUSER", "mallory"}, {"PGDATABASE", "postgres"}, {"PGPASSWORD", "wrong"}, {"PGPASSFILE", passwords},
        {"PGSERVICE", "elsewhere"}, {"PGSERVICEFILE", services}, {"PGSSLROOTCERT", "/dev/null"}, {"PGSSLCERT", "/dev/null"},
        {"PGSSLKEY", "/dev/null"}, {"PGSSLCRL", "/dev/null"}, {"PGOPTIONS", "-c search_path=evil"},
        {"PGAPPNAME", "mallory"}, {"PGCLIENTENCODING", "LATIN1"}, {"PGDATESTYLE", "German"}, {"PGTZ", "Asia/Kabul"},
        {"PGTARGETSESSIONATTRS", "read-only"}, {"PGREQUIREPEER", "nobody"}, {"PGGSSENCMODE", "require"},
        {"PGCHANNELBINDING", "disable"}, {"PGCONNECT_TIMEOUT", "1"}, {"PGREQUIRESSL", "0"},
        {"PGSSLMAXPROTOCOLVERSION", "TLSv1"}});
    fault_proxy proxy(server.port());
    asio::io_context io;
    client db(io, {.url = postgres_server::url_at(proxy.port(), trusting(server.ca_file()) + "&application_name=calm"),
                   .max_connections = 1});
    const asked_ptr call = must(io, db, "select current_user::text, current_database()::text, "
                                        "current_setting('application_name'), current_setting('search_path'), "
                                        "current_setting('client_encoding'), current_setting('DateStyle'), "
                                        "(select ssl from pg_stat_ssl where pid = pg_backend_pid())");
    using text = std::string;
    const auto [who, where, name, path, encoding, dates, tls] =
        call->got.as<text, text, text, text, text, text, bool>().front();
    CHECK(who == postgres_server::user());
    CHECK(where == postgres_server::database());
    CHECK(name == "calm");
    CHECK(path == "\"$user\", public");
    CHECK(encoding == "UTF8");
    CHECK(dates.starts_with("ISO"));
    CHECK(tls);
    must(io, db, "create temp table writable(n int)");
    shut_down(io, db);
}

TEST_CASE("a hostile environment does not change how queries are planned, either, but the URL may") {
    asio::io_context io;
    const auto planned = [&](const std::string& parameters) {
        client db(io, {.url = postgres_server::shared().url(parameters), .max_connections = 1});
        std::string said;
        for (int i = 0; i < 2; ++i) {  // and after a reset
            must(io, db, "set work_mem = '1MB'");
            said += must(io, db, "show geqo")->value<std::string>() + ' ';
        }
        shut_down(io, db);
        return said;
    };
    {
        const environment hostile(variables{{"PGGEQO", "off"}});
        CHECK(planned("") == "on on ");
    }
    CHECK(planned("options=-c%20geqo%3Doff") == "off off ");
}

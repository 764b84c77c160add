// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/testing/detail/certificates.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <libpq-fe.h>
#include <sys/types.h>

namespace test {

/** A PostgreSQL 15 of the test program's own, from Debian's package: a data folder, a port on 127.0.0.1 and a Unix socket
 *  of its own, TLS with a certificate that an authority made for it has signed, passwords by SCRAM. It has a database
 *  "shop" with an owner "clerk", who is no superuser. Never runs as root: as user postgres then.
 *
 *  It and its folder are gone when the program ends, however it ends.
 *  @par Thread safety  None.
 */
class postgres_server {
public:
    static constexpr int max_connections = 30;  // three of them for superusers only

    /// Made for the first test that needs it, since that takes a second; one for all tests of a program.
    /// @throws std::runtime_error says what is missing, or why it did not start
    static postgres_server& shared();

    postgres_server();
    ~postgres_server();
    postgres_server(const postgres_server&) = delete;
    postgres_server& operator=(const postgres_server&) = delete;

    /// Is there a server to start? For who would rather do without.
    static bool installed();

    /// Returns when it accepts connections. @param settings  "name=value" each, for this time only
    void start(const std::vector<std::string>& settings = {});
    /// The same in two parts: returns at once, it accepts connections some 0.1 s later.
    void launch(const std::vector<std::string>& settings = {});
    bool accepts() const;
    /// Up, and refuses everybody (57P03), until it is stopped.
    void start_in_recovery();
    /// Without a word to anybody: all connections break. Returns when it is down.
    void stop();
    void restart(const std::vector<std::string>& settings = {}) { stop(), start(settings); }
    /// Shown from its next start on.
    void use_certificate(kedge::testing::certificate_kind);

    std::uint16_t port() const noexcept { return port_; }
    /// What a client has to trust.
    std::string ca_file() const { return (folder_ / "ca.pem").string(); }
    /// Of its Unix socket.
    std::string socket_folder() const { return folder_.string(); }
    static std::string user() { return "clerk"; }
    static std::string password() { return "pass:word/ä"; }
    static std::string database() { return "shop"; }
    /// "postgresql://clerk:…@localhost:port/shop?parameters"
    std::string url(const std::string& parameters = "") const { return url_at(port_, parameters); }
    /// For a proxy.
    static std::string url_at(std::uint16_t port, const std::string& parameters = "", const std::string& host = "localhost");

    /// Executes as superuser. @return the first value of the first row. @throws std::runtime_error repeats the server's words
    std::string sql(const std::string& text);
    int count(const std::string& text) { return std::stoi(sql(text)); }
    /// Connections of clients with this name.
    int backends(const std::string& application_name);
    /// Of all clients but the fixture itself.
    int backends();
    /// As an administrator does; 57P01.
    void terminate(int pid);
    /// As the kernel does when memory is short: the server restarts all of itself.
    void kill(int pid);

private:
    struct finish {
        void operator()(PGconn* c) const noexcept { PQfinish(c); }
    };

    void make_cluster();
    void find_port();
    void write(const std::string& name, const std::string& text, int mode) const;
    void leave_a_keeper();
    pid_t spawn(const std::vector<std::string>& command, const std::string& log) const;
    void run(const std::vector<std::string>& command) const;
    std::string log_tail(const std::string& log) const;
    std::unique_ptr<PGconn, finish> connect(const std::string& database) const;

    uid_t uid_ = 0;
    gid_t gid_ = 0;
    std::filesystem::path folder_;
    std::string ca_;
    std::uint16_t port_ = 0;
    pid_t pid_ = -1;
    int keeper_ = -1;  // held open: its end tells the keeper to clean up
    std::unique_ptr<PGconn, finish> admin_;
};

}  // namespace test

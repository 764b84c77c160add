// SPDX-License-Identifier: BSL-1.0
#include "server.hpp"

#include "wait.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

namespace {

const std::filesystem::path programs = "/usr/lib/postgresql/15/bin";  // Debian's

std::string quoted(const std::string& value) {
    std::string made = "'";
    for (const char c : value) made += c == '\'' ? std::string("''") : std::string(1, c);
    return made + "'";
}

std::string percent_encoded(const std::string& text) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string made;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte)) made += c;
        else made += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return made;
}

/// Does what `exec` leaves: the child of a program with threads may do nothing else.
[[noreturn]] void become(char* const* command, int log, uid_t uid, gid_t gid) {
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    const bool lowered = ::getuid() == uid || (::setgroups(0, nullptr) == 0 && ::setgid(gid) == 0 && ::setuid(uid) == 0);
    if (lowered) ::execv(command[0], command);
    ::_exit(127);
}

std::vector<char*> pointers(const std::vector<std::string>& command) {
    std::vector<char*> made;
    for (const std::string& word : command) made.push_back(const_cast<char*>(word.c_str()));
    made.push_back(nullptr);
    return made;
}

}  // namespace

bool postgres_server::installed() { return std::filesystem::exists(programs / "initdb"); }

postgres_server& postgres_server::shared() {
    static postgres_server one;
    return one;
}

postgres_server::postgres_server() : uid_(::getuid()), gid_(::getgid()) {
    if (!installed())
        throw std::runtime_error("PostgreSQL's server is not here: no " + (programs / "initdb").string() +
                                 "; it comes with Debian's package postgresql-15");
    if (uid_ == 0) {
        const passwd* const other = ::getpwnam("postgres");
        if (!other) throw std::runtime_error("PostgreSQL refuses to run as root, and there is no user postgres to run it as");
        uid_ = other->pw_uid, gid_ = other->pw_gid;
    }
    std::string pattern = (std::filesystem::temp_directory_path() / "kedge-postgres-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("cannot make a folder " + pattern);
    folder_ = pattern;
    if (::chmod(folder_.c_str(), 0755) != 0 || ::chown(folder_.c_str(), uid_, gid_) != 0)
        throw std::runtime_error("cannot give " + pattern + " to the server's user");
    leave_a_keeper();
    make_cluster();
    find_port();
    start();
    sql("create role clerk login password " + quoted(password()));
    sql("create database shop owner clerk");
    admin_ = nullptr;  // from now on in that database
}

postgres_server::~postgres_server() {
    admin_ = nullptr;
    if (pid_ > 0) stop();
    ::close(keeper_);
}

/// Waits in a session of its own for the end of this program, also by SIGKILL.
void postgres_server::leave_a_keeper() {
    const std::string script = "read _; kill -QUIT $(head -n 1 \"$0/data/postmaster.pid\"); "
                               "for try in 1 2 3 4 5 6 7 8 9; do rm -rf \"$0\" && exit; sleep 0.3; done";
    const std::vector<std::string> command{"/usr/bin/setsid", "--fork", "/bin/sh", "-c", script, folder_.string()};
    const auto arguments = pointers(command);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[0], STDIN_FILENO);
        become(arguments.data(), nowhere, ::getuid(), ::getgid());
    }
    ::close(nowhere);
    ::close(ends[0]);
    keeper_ = ends[1];
    ::waitpid(child, nullptr, 0);
}

pid_t postgres_server::spawn(const std::vector<std::string>& command, const std::string& log) const {
    const auto arguments = pointers(command);
    const int out = ::open((folder_ / log).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const pid_t child = ::fork();
    if (child == 0) become(arguments.data(), out, uid_, gid_);
    ::close(out);
    if (child < 0) throw std::runtime_error("cannot start " + command.front());
    return child;
}

void postgres_server::run(const std::vector<std::string>& command) const {
    int status = 0;
    ::waitpid(spawn(command, "setup.log"), &status, 0);
    if (status != 0) throw std::runtime_error(command.front() + " failed:\n" + log_tail("setup.log"));
}

std::string postgres_server::log_tail(const std::string& log) const {
    std::ifstream in(folder_ / log);
    const std::string all{std::istreambuf_iterator<char>(in), {}};
    return all.size() > 2000 ? all.substr(all.size() - 2000) : all;
}

void postgres_server::write(const std::string& name, const std::string& text, int mode) const {
    const std::filesystem::path path = folder_ / name;
    std::ofstream(path) << text;
    if (::chown(path.c_str(), uid_, gid_) != 0 || ::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0)
        throw std::runtime_error("cannot write " + path.string());
}

void postgres_server::use_certificate(kedge::testing::certificate_kind kind) {
    const kedge::testing::detail::identity made = kedge::testing::detail::make_identity(kind);
    write("ca.pem", made.ca, 0644);
    write("server.crt", made.certificate, 0644);
    write("server.key", made.key, 0600);
}

void postgres_server::make_cluster() {
    run({(programs / "initdb").string(), "--pgdata=" + (folder_ / "data").string(), "--username=postgres", "--encoding=UTF8",
         "--locale=C", "--auth=scram-sha-256", "--auth-local=trust", "--no-sync"});
    use_certificate(kedge::testing::certificate_kind::good);
    write("data/pg_hba.conf",
          "local all postgres trust\n"
          "local all all scram-sha-256\n"
          "host all all 127.0.0.1/32 scram-sha-256\n", 0600);
    const std::string where = folder_.string();
    std::ofstream(folder_ / "data/postgresql.conf", std::ios::app)
        << "listen_addresses = '127.0.0.1'\nunix_socket_directories = '" << where << "'\n"
        << "max_connections = " << max_connections << "\n"
        << "ssl = on\nssl_cert_file = '" << where << "/server.crt'\nssl_key_file = '" << where << "/server.key'\n"
        << "fsync = off\nfull_page_writes = off\nshared_buffers = 16MB\nmax_wal_senders = 0\n";
}

/// Below the ports that the kernel gives to others while this server is down for a while.
void postgres_server::find_port() {
    for (int tried = 0; tried < 1000; ++tried) {
        const int port = 20'000 + (::getpid() * 7 + tried) % 10'000;
        const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const bool free = ::bind(s, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        ::close(s);
        if (free) {
            port_ = static_cast<std::uint16_t>(port);
            return;
        }
    }
    throw std::runtime_error("no free port for PostgreSQL");
}

void postgres_server::launch(const std::vector<std::string>& settings) {
    std::vector<std::string> command{(programs / "postgres").string(), "-D", (folder_ / "data").string(),
                                     "-p", std::to_string(port_)};
    for (const std::string& one : settings) command.insert(command.end(), {"-c", one});
    pid_ = spawn(command, "server.log");
}

bool postgres_server::accepts() const { return connect("postgres") != nullptr; }

void postgres_server::start(const std::vector<std::string>& settings) {
    launch(settings);
    const bool up = wait_until([this] { return accepts() || ::waitpid(pid_, nullptr, WNOHANG) != 0; });
    if (!up || !accepts()) throw std::runtime_error("PostgreSQL did not start:\n" + log_tail("server.log"));
}

void postgres_server::start_in_recovery() {
    write("data/standby.signal", "", 0600);
    const auto before = static_cast<std::streamoff>(std::filesystem::file_size(folder_ / "server.log"));
    launch({"hot_standby=off", "restore_command=/bin/false"});
    const bool up = wait_until([&] {  // it refuses everybody before it has read the signal, too
        std::ifstream log(folder_ / "server.log");
        log.seekg(before);
        const std::string said{std::istreambuf_iterator<char>(log), {}};
        const std::string where = "host='" + folder_.string() + "' port=" + std::to_string(port_);
        return said.find("entering standby mode") != std::string::npos && PQping(where.c_str()) == PQPING_REJECT;
    });
    std::filesystem::remove(folder_ / "data/standby.signal");
    if (!up) throw std::runtime_error("PostgreSQL did not start to recover:\n" + log_tail("server.log"));
}

void postgres_server::stop() {
    admin_ = nullptr;
    ::kill(pid_, SIGQUIT);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

std::string postgres_server::url_at(std::uint16_t port, const std::string& parameters, const std::string& host) {
    return "postgresql://" + user() + ':' + percent_encoded(password()) + '@' + host + ':' + std::to_string(port) + '/' +
           database() + (parameters.empty() ? "" : '?' + parameters);
}

std::unique_ptr<PGconn, postgres_server::finish> postgres_server::connect(const std::string& database) const {
    const std::string where = "host='" + folder_.string() + "' port=" + std::to_string(port_) + " user=postgres dbname=" +
                              database + " application_name=fixture sslmode=disable client_encoding=UTF8";
    std::unique_ptr<PGconn, finish> made(PQconnectdb(where.c_str()));
    if (PQstatus(made.get()) != CONNECTION_OK) return nullptr;
    PQsetNoticeProcessor(made.get(), [](void*, const char*) {}, nullptr);
    return made;
}

std::string postgres_server::sql(const std::string& text) {
    if (admin_ && (PQconsumeInput(admin_.get()) == 0 || PQstatus(admin_.get()) != CONNECTION_OK)) admin_ = nullptr;
    if (!admin_) admin_ = connect(database());
    if (!admin_) admin_ = connect("postgres");
    if (!admin_) throw std::runtime_error("cannot connect to the PostgreSQL of the tests");
    const auto clear = [](PGresult* r) { PQclear(r); };
    const std::unique_ptr<PGresult, decltype(clear)> result(PQexec(admin_.get(), text.c_str()), clear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        throw std::runtime_error(text + ": " + PQerrorMessage(admin_.get()));
    return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

int postgres_server::backends(const std::string& application_name) {
    return count("select count(*) from pg_stat_activity where application_name = " + quoted(application_name));
}

int postgres_server::backends() {
    return count("select count(*) from pg_stat_activity where backend_type = 'client backend' and "
                 "application_name <> 'fixture'");
}

void postgres_server::terminate(int pid) { sql("select pg_terminate_backend(" + std::to_string(pid) + ")"); }

void postgres_server::kill(int pid) { ::kill(pid, SIGKILL); }

}  // namespace test

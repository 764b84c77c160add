// SPDX-License-Identifier: BSL-1.0
// Runs a command that talks to PostgreSQL, on a server of its own: the server's URL becomes its last argument.
//   with_postgres COMMAND [ARGUMENT...]

#include "../postgres/server.hpp"

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) try {
    if (argc < 2) return std::fprintf(stderr, "usage: %s COMMAND [ARGUMENT...]\n", argv[0]), 2;
    auto& server = test::postgres_server::shared();
    server.restart({"max_connections=60"});
    std::string url = server.url();
    std::vector<char*> arguments(argv + 1, argv + argc);
    arguments.push_back(url.data());
    arguments.push_back(nullptr);
    pid_t child = 0;
    if (posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0)
        return std::fprintf(stderr, "cannot run %s\n", arguments[0]), 2;
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
} catch (const std::exception& e) {
    return std::fprintf(stderr, "%s\n", e.what()), 1;
}

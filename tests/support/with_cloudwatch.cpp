// SPDX-License-Identifier: BSL-1.0
// Runs a command that logs to CloudWatch, with variables that lead to a service of its own; then says what that has.
//   with_cloudwatch up|down COMMAND [ARGUMENT...]      down: nobody listens there

#include "../aws/cloudwatch_service.hpp"

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
    if (argc < 3) return std::fprintf(stderr, "usage: %s up|down COMMAND [ARGUMENT...]\n", argv[0]), 2;
    const aws_test::service_keys keys;
    aws_test::cloudwatch_service service(keys);
    std::vector<std::string> words = {"env", "KEDGE_LOG_SINKS=cloudwatch", "KEDGE_CLOUDWATCH_GROUP=shop",
                                      "KEDGE_CLOUDWATCH_STREAM=till", "AWS_ENDPOINT_URL=" + service.url(),
                                      "AWS_REGION=" + service.region(), "AWS_ACCESS_KEY_ID=" + keys.id,
                                      "AWS_SECRET_ACCESS_KEY=" + keys.secret};
    if (std::string_view(argv[1]) == "down") service.down();
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.insert(arguments.end(), argv + 2, argv + argc);
    arguments.push_back(nullptr);
    pid_t child = 0;
    if (posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0)
        return std::fprintf(stderr, "cannot run %s\n", arguments[0]), 2;
    int status = 0;
    ::waitpid(child, &status, 0);
    for (const auto& event : service.stored("shop", "till")) std::printf("the service has %s\n", event.text.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

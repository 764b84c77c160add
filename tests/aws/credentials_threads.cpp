// SPDX-License-Identifier: BSL-1.0
// Keys asked for from several threads at once, and contexts that go away while a source is looked at.
#include "../support/catch.hpp"

#include <kedge/aws/credentials_chain.hpp>
#include <kedge/aws/detail/elsewhere.hpp>
#include <kedge/aws/detail/key_cache_shell.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace kedge;
using namespace kedge::aws;
using namespace kedge::aws::detail;

namespace {

/// Answers from a thread for blocking work.
class distant_source final : public key_source {
public:
    explicit distant_source(boost::asio::io_context& io) : io_(io) {}

    std::string_view name() const noexcept override { return "distant"; }
    void look(found_handler done) override {
        ++looks;
        runtime::of(io_.get_executor()).run_blocking([done = std::move(done)]() mutable {
            done(found({"AKIA", std::string("k")}));
        });
    }

    static inline std::atomic<int> looks = 0;

private:
    boost::asio::io_context& io_;
};

struct pair_of_threads {
    boost::asio::io_context io;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
    std::thread first{[this] { io.run(); }}, second{[this] { io.run(); }};

    ~pair_of_threads() {
        work.reset();
        first.join();
        second.join();
    }
};

}  // namespace

TEST_CASE("four threads ask for keys, and each question has one answer", "[aws][credentials][tsan]") {
    constexpr int rounds = 50, each = 20;
    std::atomic<int> told = 0, keys = 0;
    distant_source::looks = 0;
    {
        pair_of_threads runners;
        for (int round = 0; round < rounds; ++round) {
            const auto shell = std::make_shared<key_cache_shell>(runners.io.get_executor(),
                                                                 std::make_unique<distant_source>(runners.io));
            const auto count = [&](credentials_answer a) { ++told, keys += a.keys != nullptr; };
            std::vector<std::thread> askers;
            for (int t = 0; t < 4; ++t)
                askers.emplace_back([&, t] {
                    for (int i = 0; i < each; ++i) t % 2 == 0 ? shell->get(count) : shell->refresh(count), (void)shell->read();
                });
            for (std::thread& one : askers) one.join();
        }
    }
    CHECK((told == rounds * 4 * each && keys == told));
    CHECK(distant_source::looks == rounds);
}

TEST_CASE("a context that goes away forgets who waits, at whatever step", "[aws][credentials]") {
    for (int steps = 0; steps < 6; ++steps) {
        const auto told = std::make_shared<std::atomic<int>>(0);
        {
            std::optional<boost::asio::io_context> io(std::in_place);
            const config::environment variables{{"HOME", "/nonexistent"},
                                                {"AWS_EC2_METADATA_DISABLED", "true"},
                                                {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"}};
            {
                credentials_chain chain(*io, {.process = variables});
                for (int i = 0; i < 2; ++i) chain.get([told](credentials_answer) { ++*told; });
            }
            for (int i = 0; i < steps; ++i) io->run_one();
        }
        CHECK((told.use_count() == 1 && *told == 0));
    }
}

// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <kedge/core/retry_budget.hpp>

#include <atomic>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using kedge::time_point;
using kedge::core::retry_budget;

namespace {

constexpr time_point start{1h};

int withdraw_all(retry_budget& budget, time_point now) {
    int taken = 0;
    while (budget.withdraw(now)) ++taken;
    return taken;
}

}  // namespace

TEST_CASE("budget: starts full and ends at zero", "[retry_budget]") {
    retry_budget budget(100);
    CHECK(budget.tokens(start) == 100.);
    CHECK(withdraw_all(budget, start) == 100);
    CHECK(budget.tokens(start) == 0.);
}

TEST_CASE("budget: a token a second comes back, up to the cap", "[retry_budget]") {
    retry_budget budget(3);
    withdraw_all(budget, start);
    CHECK_FALSE(budget.withdraw(start + 1s - 1ns));
    CHECK(budget.withdraw(start + 1s));
    CHECK_FALSE(budget.withdraw(start + 1s));
    CHECK(withdraw_all(budget, start + 1h) == 3);
}

TEST_CASE("budget: ten successes pay for one retry", "[retry_budget]") {
    retry_budget budget(5);
    withdraw_all(budget, start);
    for (int i = 0; i < 9; ++i) budget.deposit(start);
    CHECK_FALSE(budget.withdraw(start));
    budget.deposit(start);
    CHECK(budget.withdraw(start));
    for (int i = 0; i < 1000; ++i) budget.deposit(start);
    CHECK(budget.tokens(start) == 5.);
    CHECK(withdraw_all(budget, start) == 5);
}

TEST_CASE("budget: a refund gives the token back, never beyond the cap", "[retry_budget]") {
    retry_budget budget(5);
    budget.refund(start);
    CHECK(budget.tokens(start) == 5.);
    withdraw_all(budget, start);
    budget.refund(start);
    CHECK(withdraw_all(budget, start) == 1);
}

TEST_CASE("budget: time that steps back costs at most as much time", "[retry_budget]") {
    retry_budget budget(10);
    CHECK(budget.withdraw(start));
    CHECK(budget.withdraw(start - 10ms));
    CHECK(budget.tokens(start - 10ms) == Approx(7.99));
}

TEST_CASE("budget: threads take no token twice", "[retry_budget][tsan]") {
    retry_budget budget(1000);
    std::atomic<int> taken{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i) {
                if (budget.withdraw(start)) ++taken;
            }
        });
    for (auto& t : threads) t.join();
    CHECK(taken == 1000);
}

// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/core/waiter_queue.hpp>

#include <array>
#include <vector>

namespace {

struct element : kedge::core::queue_hook<element> {
    int number = 0;
};

struct fixture {
    std::array<element, 4> e;
    kedge::core::waiter_queue<element> queue;

    fixture() {
        for (int i = 0; i < 4; ++i) e[static_cast<std::size_t>(i)].number = i;
    }
    std::vector<int> order() const {
        std::vector<int> numbers;
        for (element* at = queue.front(); at; at = queue.next(*at)) numbers.push_back(at->number);
        return numbers;
    }
};

using numbers = std::vector<int>;

}  // namespace

TEST_CASE_METHOD(fixture, "a queue keeps the order of arrival") {
    for (auto& one : e) queue.push_back(one);
    CHECK(order() == numbers{0, 1, 2, 3});
    CHECK(queue.pop_front() == &e[0]);
    CHECK(queue.back() == &e[3]);
    CHECK(queue.size() == 3);
}

TEST_CASE_METHOD(fixture, "anybody may leave, from the front, the middle and the end") {
    for (auto& one : e) queue.push_back(one);
    queue.remove(e[1]);
    CHECK(order() == numbers{0, 2, 3});
    queue.remove(e[3]);
    CHECK(queue.back() == &e[2]);
    queue.remove(e[0]);
    CHECK(order() == numbers{2});
    queue.remove(e[2]);
    CHECK(queue.empty());
    CHECK(queue.pop_front() == nullptr);
    queue.push_back(e[3]);
    queue.push_front(e[1]);
    CHECK(order() == numbers{1, 3});
}

TEST_CASE_METHOD(fixture, "what is popped from a chain may join another one at once") {
    kedge::core::action_chain<element> todo, later;
    for (auto& one : e) todo.push(one);
    numbers popped;
    while (element* const one = todo.pop()) {
        popped.push_back(one->number);
        later.push(*one);
    }
    CHECK(popped == numbers{0, 1, 2, 3});
    CHECK(todo.empty());
    CHECK(later.front() == &e[0]);
}

// SPDX-License-Identifier: BSL-1.0
// When keys are looked for, and which ones go out meanwhile, in the simulation.
#include "scripted_keys.hpp"

#include <algorithm>
#include <optional>
#include <set>

using namespace kedge_test;

namespace {

/// Each look brings other keys, which live so long.
void issue(asker& a, nanoseconds life) {
    a.source->next = [&a, life] { return lasting("ASIA" + std::to_string(a.looks()), life, a.wall()); };
}

void fail(asker& a) {
    a.source->next = [] { return failed("out of order"); };
}

}  // namespace

TEST_CASE("however many ask, the source is looked at once, and each is told once, later", "[aws][credentials]") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        asker a(seed);
        std::vector<std::shared_ptr<told>> all;
        for (int i = 0; i < 5; ++i) all.push_back(a.get()), all.push_back(a.refresh());
        a.ctx.run_for(10ms);
        for (int i = 0; i < 5; ++i) all.push_back(a.get());
        for (const auto& one : all) CHECK(one->times == 0);
        a.ctx.run();
        CHECK(a.looks() == 1);
        for (const auto& one : all) CHECK((one->times == 1 && one->id == "AKIA"));
        const auto known = a.get();
        CHECK(known->times == 0);
        a.ctx.run();
        CHECK((known->times == 1 && known->id == "AKIA" && a.looks() == 1));
    }
}

TEST_CASE("nothing waits while nobody asks", "[aws][credentials]") {
    asker a;
    issue(a, 1h);
    CHECK(a.got().id == "ASIA1");
    CHECK(a.ctx.elapsed() == 20ms);  // it would be the time of the last timer
    a.ctx.run_for(1h);
    CHECK(a.looks() == 1);
}

TEST_CASE("keys are renewed between 15 and 20 minutes before their end, by whoever asks then", "[aws][credentials]") {
    std::set<nanoseconds> when;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        asker a(seed);
        issue(a, 1h);
        CHECK(a.got().id == "ASIA1");
        while (a.looks() == 1) {
            CHECK(a.got().id == "ASIA1");
            a.ctx.run_for(5s);
        }
        CHECK((a.source->looks[1] >= 40min && a.source->looks[1] <= 45min + 6s));
        CHECK(a.got().id == "ASIA2");
        CHECK(a.looks() == 2);
        when.insert(a.source->looks[1]);
    }
    CHECK(when.size() > 10);  // not all at the same time
}

TEST_CASE("old keys go out without a wait while new ones are looked for", "[aws][credentials]") {
    asker a;
    issue(a, 1h);
    a.got();
    a.ctx.run_for(50min);
    a.source->latency = 3s;
    const auto first = a.get(), second = a.get();
    a.ctx.run_for(1s);
    CHECK((first->id == "ASIA1" && second->id == "ASIA1" && a.looks() == 2));
    CHECK(a.got().id == "ASIA1");
    CHECK(a.got().id == "ASIA2");
}

TEST_CASE("while the source still has the old keys, it is looked at every minute", "[aws][credentials]") {
    asker a;
    const http::wall_time end = a.wall() + 6h;
    a.source->next = [&] {
        found_keys out = found(keys_called(a.wall() < end - 5min ? "ASIA1" : "ASIA2"));
        out.expires = a.wall() < end - 5min ? end : end + 6h;
        return out;
    };
    std::string id;
    for (int i = 0; i < 6 * 3600; i += 10, a.ctx.run_for(10s)) id = a.got().id;
    CHECK(id == "ASIA2");
    CHECK((a.looks() >= 11 && a.looks() <= 17));
    CHECK(a.source->looks.back() <= 6h - 4min);
}

TEST_CASE("keys that live for minutes are renewed in the last third of their life", "[aws][credentials]") {
    asker a;
    issue(a, 12min);
    for (a.got(); a.looks() == 1; a.ctx.run_for(5s)) a.got();
    CHECK((a.source->looks[1] >= 8min && a.source->looks[1] <= 9min + 6s));
}

TEST_CASE("old keys go out for 15 minutes past their end while the source is out of order", "[aws][credentials]") {
    asker a;
    issue(a, 1h);
    a.got();
    fail(a);
    a.ctx.run_for(1h + 14min);
    CHECK(a.got().id == "ASIA1");
    CHECK(a.looks() == 2);
    a.ctx.run_for(2min);
    const told none = a.got();
    CHECK((none.times == 1 && none.id.empty() && none.reason == "out of order"));
    issue(a, 1h);
    a.ctx.run_for(1min);
    CHECK(a.got().id == "ASIA4");
}

TEST_CASE("a source that fails is looked at ever more rarely, and who asks between is told why at once", "[aws][credentials]") {
    asker a;
    fail(a);
    for (int i = 0; i < 600 * 10; ++i) {
        const auto one = a.get();
        a.ctx.run_for(100ms);
        CHECK((one->times == 1 && one->reason == "out of order"));
    }
    const auto& at = a.source->looks;
    REQUIRE(at.size() > 10);
    CHECK(at.size() < 30);
    for (std::size_t i = 1; i < at.size(); ++i) {
        const nanoseconds longest = std::min<nanoseconds>(1min, 1s * (1 << std::min<std::size_t>(i - 1, 6)));
        CAPTURE(i);
        CHECK((at[i] - at[i - 1] >= longest / 2 && at[i] - at[i - 1] <= longest + 200ms));
    }
    issue(a, 1h);
    a.ctx.run_for(1min);
    const std::string id = a.got().id;
    CHECK(id == "ASIA" + std::to_string(at.size()));
}

TEST_CASE("a forced look comes at most every 30 seconds", "[aws][credentials]") {
    asker a;
    issue(a, 6h);
    a.got();
    a.ctx.run_for(29s);
    CHECK(a.refreshed().id == "ASIA1");  // they are new
    CHECK(a.looks() == 1);
    a.ctx.run_for(1s);
    CHECK(a.refreshed().id == "ASIA2");
    CHECK(a.refreshed().id == "ASIA2");
    CHECK(a.looks() == 2);
    fail(a);
    a.ctx.run_for(30s);
    CHECK(a.refreshed().reason == "out of order");
    CHECK(a.refreshed().reason == "out of order");
    CHECK(a.looks() == 3);
    CHECK(a.got().id == "ASIA2");  // for who did not ask for new ones
    std::vector<std::shared_ptr<told>> all;
    a.source->looks.clear();
    for (int i = 0; i < 600; ++i, a.ctx.run_for(1s)) all.push_back(a.refresh());
    CHECK((a.looks() > 15 && a.looks() <= 20));
    for (const auto& one : all) CHECK((one->times == 1 && one->id.empty()));
}

TEST_CASE("keys that are the same after a forced look are no new ones", "[aws][credentials]") {
    asker a;
    CHECK(a.got().id == "AKIA");
    a.ctx.run_for(30s);
    const told same = a.refreshed();
    CHECK((same.id.empty() && same.reason == "the source of the AWS credentials still has the same ones"));
    CHECK(a.got().id == "AKIA");
    a.source->next = [] { return found({std::string("AKIA"), std::string("another"), std::string("token")}); };
    a.ctx.run_for(30s);
    CHECK(a.refreshed().id == "AKIA");
}

TEST_CASE("keys without an end that come from a file are looked for every minute in which they are used", "[aws][credentials]") {
    asker a;
    bool changes = true;
    a.source->next = [&] {
        found_keys out = found(keys_called("AKIA" + std::to_string(a.looks())));
        out.may_change = changes;
        return out;
    };
    for (int i = 0; i < 600; ++i, a.ctx.run_for(1s)) a.got();
    CHECK((a.looks() == 9 || a.looks() == 10));
    a.ctx.run_for(5min);
    a.got();
    const std::string id = a.got().id;
    CHECK(id == "AKIA" + std::to_string(a.looks()));
    a.ctx.run_for(5min);
    changes = false;
    a.got(), a.source->looks.clear();
    for (int i = 0; i < 600; ++i, a.ctx.run_for(1s)) a.got();
    CHECK(a.looks() == 0);
}

TEST_CASE("keys whose end is past by a clock that is wrong go out all the same", "[aws][credentials]") {
    asker a;
    issue(a, -3h);
    for (int i = 0; i < 600; ++i, a.ctx.run_for(1s)) CHECK(a.got().id.starts_with("ASIA"));
    CHECK((a.looks() == 9 || a.looks() == 10));
}

TEST_CASE("who waits is told after 12 seconds, and what comes later is kept", "[aws][credentials]") {
    asker a;
    a.source->is_silent = true;
    const auto first = a.get();
    a.ctx.run_for(11s);
    const auto second = a.refresh();
    CHECK((first->times == 0 && second->times == 0));
    a.ctx.run_for(1s);
    CHECK((first->times == 1 && first->reason == "no source of AWS credentials has answered within 12 s"));
    CHECK(second->times == 1);
    const auto third = a.get();
    a.ctx.run_for(5s);
    CHECK((third->times == 0 && a.looks() == 1));
    a.source->held[0](found(keys_called("AKIA")));
    a.ctx.run();
    CHECK((third->times == 1 && third->id == "AKIA"));
    CHECK((a.got().id == "AKIA" && a.looks() == 1));
}

TEST_CASE("who waits when the context goes away is forgotten", "[aws][credentials]") {
    const auto waiting = std::make_shared<told>(), late = std::make_shared<told>();
    std::shared_ptr<key_cache_shell> outlives;
    {
        std::optional<asker> a(std::in_place);
        a->source->is_silent = true;
        a->shell->get(asker::into(waiting));
        a->ctx.run_for(1s);
        outlives = a->shell;
        a->shell.reset();
        a->source->held.clear();
    }
    outlives->get(asker::into(late));
    CHECK((waiting.use_count() == 1 && waiting->times == 0));
    CHECK((late.use_count() == 1 && late->times == 0));
}

TEST_CASE("whoever waits is told once, also if memory is short in the middle of telling", "[aws][credentials]") {
    for (int memory = 0; memory < 8; ++memory) {
        CAPTURE(memory);
        asker a;
        a.source->is_silent = true;
        std::vector<std::shared_ptr<told>> all;
        for (int i = 0; i < 3; ++i) all.push_back(a.get()), all.push_back(a.refresh());
        a.ctx.run_for(1s);
        REQUIRE(a.source->held.size() == 1);
        a.memory = memory;
        a.source->held[0](found(keys_called("AKIA")));
        a.source->held.clear();
        a.ctx.run_for(1s);
        int heard = 0;
        for (const auto& one : all) heard += one->times;
        CHECK((heard <= memory && (memory < 7 || heard == 6)));  // one function tells the limit that it is over
        a.memory = -1;
        a.ctx.run_for(1s);  // long before their limit
        for (const auto& one : all) CHECK((one->times == 1 && one->id == "AKIA"));
    }
}

TEST_CASE("a look for which there is no memory is no wait", "[aws][credentials]") {
    asker a;
    a.memory = 0;
    const auto first = a.get();
    a.memory = -1;
    a.ctx.run_for(1s);
    CHECK((first->times == 1 && first->id.empty() && first->reason == "std::bad_alloc"));
    CHECK(a.looks() == 0);
    a.ctx.run_for(1min);
    CHECK(a.got().id == "AKIA");
}

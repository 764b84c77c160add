// SPDX-License-Identifier: BSL-1.0

#include "../support/catch.hpp"

#include <kedge/log/log.hpp>
#include <kedge/testing/recording_sink.hpp>

#include <boost/system/system_error.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace kedge::log;
using kedge::testing::recording_sink;

namespace {

record saying(std::string_view message, level severity = level::info) {
    record r;
    r.message = message;
    r.severity = severity;
    return r;
}

std::string content(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

struct temporary_folder {
    std::filesystem::path path;
    temporary_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "kedge_log_XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()));
        path = name;
    }
    ~temporary_folder() { std::filesystem::remove_all(path); }
};

/// Does something else while it writes.
struct talkative_sink final : sink {
    std::function<void()> also;
    int writes = 0;
    void write(const record&) noexcept override {
        ++writes;
        also();
    }
    sink_counters counters() const noexcept override { return {}; }
};

}  // namespace

TEST_CASE("console sink writes whole lines to its stream and counts", "[log]") {
    std::FILE* const stream = std::tmpfile();
    console_sink sink(stream);
    submit(sink, saying("one"));
    submit(sink, saying("two", level::error));
    std::rewind(stream);
    char text[100]{};
    const auto size = std::fread(text, 1, sizeof text, stream);
    CHECK(std::string(text, size) == "[INFO] one\n[ERROR] two\n");
    CHECK(sink.counters().written == 2);
    std::fclose(stream);
}

TEST_CASE("a stream that takes nothing is counted as failed", "[log]") {
    std::FILE* const full = std::fopen("/dev/full", "w");
    REQUIRE(full);
    console_sink sink(full);
    submit(sink, saying("lost"));
    CHECK(sink.counters().failed == 1);
    CHECK(sink.counters().written == 0);
    std::fclose(full);
}

TEST_CASE("file sink appends, and follows its path after a rotation", "[log]") {
    const temporary_folder folder;
    const auto path = folder.path / "app.log";
    std::ofstream(path) << "before\n";
    file_sink sink(path.string(), json_format);
    submit(sink, saying("one"));
    std::filesystem::rename(path, folder.path / "old.log");
    sink.reopen();
    submit(sink, saying("two"));
    const std::string old = content(folder.path / "old.log");
    CHECK(old.starts_with("before\n{\"time\""));
    CHECK(old.ends_with("\"message\":\"one\"}\n"));
    CHECK(content(path).ends_with("\"message\":\"two\"}\n"));
    CHECK(sink.counters().written == 2);
}

TEST_CASE("file sink says which file it cannot open", "[log]") {
    try {
        file_sink sink("/nowhere/at/all.log");
        FAIL("opened");
    } catch (const boost::system::system_error& e) {
        CHECK(std::string(e.what()).find("/nowhere/at/all.log") != std::string::npos);
        CHECK(e.code() == boost::system::errc::no_such_file_or_directory);
    }
}

TEST_CASE("memory sink keeps the last events", "[log]") {
    memory_sink sink(2);
    for (const char* text : {"one", "two", "three"}) submit(sink, saying(text));
    CHECK(sink.events() == std::vector<std::string>{"[INFO] two", "[INFO] three"});
    CHECK_THROWS_AS(memory_sink(0), std::invalid_argument);
}

TEST_CASE("level filter and null sink are asked before a record is made", "[log]") {
    const auto inner = std::make_shared<recording_sink>();
    level_filter filter(level::warning, inner);
    CHECK(!submit(filter, saying("quiet")));
    CHECK(submit(filter, saying("loud", level::warning)));
    filter.write(saying("past the question"));
    CHECK(inner->records().size() == 1);
    filter.least(level::trace);
    CHECK(submit(filter, saying("now heard", level::trace)));
    null_sink none;
    CHECK(!submit(none, saying("x", level::critical)));
    CHECK_THROWS_AS(level_filter(level::info, nullptr), std::invalid_argument);
}

TEST_CASE("tee gives to each what it wants", "[log]") {
    const auto all = std::make_shared<recording_sink>();
    const auto errors = std::make_shared<recording_sink>();
    tee_sink both({all, std::make_shared<level_filter>(level::error, errors)});
    submit(both, saying("info"));
    submit(both, saying("error", level::error));
    CHECK(all->records().size() == 2);
    REQUIRE(errors->records().size() == 1);
    CHECK(errors->records()[0].message == "error");
    CHECK(both.counters().written == 3);
    CHECK(!tee_sink({}).should_log(level::critical));
    CHECK_THROWS_AS(tee_sink({nullptr}), std::invalid_argument);
}

TEST_CASE("fallback writes to the console what the primary loses, and says so once", "[log][seed]") {
    constexpr auto notice = "the log sink loses records; what it loses is written here";
    const auto primary = std::make_shared<recording_sink>();
    const auto console = std::make_shared<recording_sink>();
    fallback_sink sink(primary, console);
    submit(sink, saying("fine"));
    CHECK(console->records().empty());

    primary->lose(2);
    submit(sink, saying("lost 1"));
    submit(sink, saying("lost 2"));
    submit(sink, saying("fine again"));
    REQUIRE(console->records().size() == 3);
    CHECK(console->records()[0].message == notice);
    CHECK(console->records()[1].message == "lost 1");
    CHECK(console->records()[2].message == "lost 2");
    CHECK(primary->count("fine again") == 1);
    CHECK(sink.counters().lost() == 0);

    SECTION("a loss soon after is the same trouble") {
        primary->lose(1);
        submit(sink, saying("lost 3"));
        CHECK(console->count(notice) == 1);
        CHECK(console->count("lost 3") == 1);
    }
    SECTION("after a calm it is said again") {
        for (int i = 0; i < fallback_sink::calm; ++i) submit(sink, saying("fine"));
        primary->lose(1);
        submit(sink, saying("lost 3"));
        CHECK(console->count(notice) == 2);
    }
    SECTION("what was lost between two records shows with the next one") {
        primary->lose(1);
        primary->write(saying("lost by its queue"));
        submit(sink, saying("next"));
        CHECK(primary->count("next") == 1);
        CHECK(console->count("next") == 1);
    }
}

TEST_CASE("what is said again and again is passed on once, with how often", "[log]") {
    using namespace std::chrono_literals;
    const auto to = std::make_shared<memory_sink>(100);
    const auto filter = std::make_unique<repeat_filter>(to, 1min);
    const auto say = [&filter](std::string_view text, int times = 1, wall_time::duration at = 0s, level how = level::info) {
        record r = saying(text, how);
        r.time = wall_time(at);
        while (times-- > 0) submit(*filter, r);
    };
    using texts = std::vector<std::string>;
    auto heard = [&to, seen = std::size_t(0)]() mutable {
        const texts all = to->events();
        return texts(all.begin() + static_cast<std::ptrdiff_t>(std::exchange(seen, all.size())), all.end());
    };
    say("refused", 419);
    CHECK(heard() == texts{"[INFO] refused"});
    say("other");
    CHECK(heard() == texts{"[INFO] repeated 418 times: refused", "[INFO] other"});
    say("refused");
    say("refused", 1, 0s, level::error);
    CHECK(heard() == texts{"[INFO] refused", "[ERROR] refused"});
    say("refused", 2, 59s, level::error);
    CHECK(heard().empty());
    SECTION("a minute has passed") {
        say("refused", 1, 60s, level::error);
        CHECK(heard() == texts{"[ERROR] repeated 3 times: refused"});
        say("refused", 1, 61s, level::error);
        CHECK(heard().empty());
        say("other");
        CHECK(heard() == texts{"[ERROR] repeated 1 time: refused", "[INFO] other"});
        CHECK(filter->held_back() == 418 + 4);
    }
    SECTION("the clock was set back") {
        say("refused", 1, -1h, level::error);
        CHECK(heard() == texts{"[ERROR] repeated 3 times: refused"});
    }
    SECTION("metrics are no repetitions") {
        submit(*filter, {.message = "{}", .formatted = true});
        submit(*filter, {.message = "{}", .formatted = true});
        CHECK(heard() == texts{"{}", "{}"});
    }
    SECTION("flush") {
        filter->flush();
        CHECK(heard() == texts{"[ERROR] repeated 2 times: refused"});
    }
    CHECK_THROWS_AS(repeat_filter(nullptr), std::invalid_argument);
    CHECK_THROWS_WITH(repeat_filter(to, 0s), "kedge::log::repeat_filter: every = 0 ns, but it must be more than 0");
}

TEST_CASE("the last repetitions are told of at the end", "[log]") {
    const auto to = std::make_shared<memory_sink>();
    for (repeat_filter filter(to); const int i : {1, 2, 3}) submit(filter, saying("again")), (void)i;
    CHECK(to->events().back() == "[INFO] repeated 2 times: again");
}

TEST_CASE("a sink cannot log into itself", "[log]") {
    talkative_sink sink;
    sink.also = [&] { submit(sink, saying("again")); };
    CHECK(submit(sink, saying("once")));
    CHECK(sink.writes == 1);
    CHECK(submit(sink, saying("later")));
    CHECK(sink.writes == 2);
}

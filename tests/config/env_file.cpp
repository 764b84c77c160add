// SPDX-License-Identifier: BSL-1.0
#include "../support/property.hpp"

#include <kedge/config/env_file.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace kedge::config;

namespace {

/// "NAME=value" of each entry, "12:5" of each problem.
std::vector<std::string> read(std::string_view text) {
    const env_file file = parse_env(text);
    std::vector<std::string> out;
    for (const env_entry& e : file.entries) out.push_back(e.name + "=" + e.value.reveal());
    for (const env_problem& p : file.problems) out.push_back(std::to_string(p.line) + ":" + std::to_string(p.column));
    return out;
}

struct example {
    std::string_view text;
    std::vector<std::string> read;
};

}  // namespace

TEST_CASE("the grammar of .env files") {
    const example all[] = {
        {"", {}},
        {"\n \r\n# A=1\n  #", {}},
        {"A=1", {"A=1"}},
        {"\xef\xbb\xbf" "A=1\r\nB=2\r\n", {"A=1", "B=2"}},
        {"export A=1\nexport\tB=2\nexport=3", {"A=1", "B=2", "export=3"}},
        {" A = one two \t", {"A=one two"}},
        {"A=\nB=   \nC=''\nD=\"\"", {"A=", "B=", "C=", "D="}},
        {"A=b#c\nB=b #c\nC= # c\nD=#c", {"A=b#c", "B=b", "C=", "D=#c"}},
        {"A=$B ${B} `b` \\n", {"A=$B ${B} `b` \\n"}},
        {"A='$B \\n \" #' # c", {"A=$B \\n \" #"}},
        {R"(A="\n\r\t\\\"\'\$ # $B" # c)", {"A=\n\r\t\\\"'$ # $B"}},
        {"A='1\n2'\nB=\"3\n4\"\nC=5", {"A=1\n2", "B=3\n4", "C=5"}},
        {"A=it's\nB=a=b", {"A=it's", "B=a=b"}},
        {"A=1\nA=2", {"A=1", "A=2"}},
        {"1A=1\nB=2", {"B=2", "1:1"}},
        {"A\nB=2\nexport C\n=1", {"B=2", "1:2", "3:9", "4:1"}},
        {"A-B=1", {"1:2"}},
        {"A='1\nB=2", {"B=2", "1:3"}},
        {"\nA=\"1\\x\"\nB=2", {"B=2", "2:3"}},
        {"A='1'2\nB='1'#\nC='1\n2'3", {"1:6", "2:6", "4:3"}},
        {"A=1\n  export   B", {"A=1", "2:13"}},
        {{"A=1\0002\nB=2", 9}, {"B=2", "1:4"}},
    };
    for (const example& e : all) {
        CAPTURE(std::string(e.text));
        CHECK(read(e.text) == e.read);
    }
}

TEST_CASE("each entry is told by the line where it begins, also behind values that go over several") {
    const env_file file = parse_env("A='1\n2'\nB=3\n\nC=\"4\r\n\n5\" # c\n# d\nD=6\n?\n");
    std::vector<int> lines;
    for (const env_entry& e : file.entries) lines.push_back(e.line);
    CHECK(lines == std::vector{1, 3, 5, 9});
    REQUIRE(file.problems.size() == 1);
    CHECK(file.problems[0].line == 10);
}

TEST_CASE("what is wrong with a line repeats nothing of it") {
    for (const env_problem& p : parse_env("canary\nexport canary\nA='canary\nB=\"\\canary\"\nC='1'canary").problems)
        CHECK(p.why.find("canary") == std::string::npos);
}

TEST_CASE("a value comes back from the line that was written for it, among any others") {
    const int held = kedge_test::holds("round trip", [](const std::vector<std::string>& values) {
        std::string text;
        std::vector<std::string> kept;
        for (std::string value : values) {
            std::erase(value, '\0');
            text += env_line("N" + std::to_string(kept.size()), value) + (kept.size() % 2 ? "\r\n" : "\n");
            kept.push_back(value);
        }
        const env_file file = parse_env(text);
        RC_ASSERT(file.problems.empty());
        RC_ASSERT(file.entries.size() == kept.size());
        for (std::size_t i = 0; i < kept.size(); ++i) {
            RC_ASSERT(file.entries[i].name == "N" + std::to_string(i));
            RC_ASSERT(file.entries[i].value.reveal() == kept[i]);
        }
    });
    CHECK(held > 0);
}

TEST_CASE("no bytes are too strange, and each line is an entry, a problem or nothing") {
    const auto text = rc::gen::container<std::string>(
        rc::gen::oneOf(rc::gen::elementOf(std::string("A=\"'\\\n\r #$ \t")), rc::gen::arbitrary<char>()));
    const int held = kedge_test::holds("any bytes", [&] {
        const std::string bytes = *text;
        const env_file file = parse_env(bytes);
        const auto lines = 1 + std::count(bytes.begin(), bytes.end(), '\n');
        int last = 0;
        for (const env_entry& e : file.entries) {
            RC_ASSERT(e.line > last);
            RC_ASSERT(e.line <= lines);
            last = e.line;
        }
        for (const env_problem& p : file.problems) RC_ASSERT(p.line >= 1 && p.line <= lines && p.column >= 1);
    });
    CHECK(held > 0);
}

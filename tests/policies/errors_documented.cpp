// SPDX-License-Identifier: BSL-1.0

#include "../support/catch.hpp"

#include <kedge/verdict.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using kedge::condition;
using kedge::errc;

namespace {

const std::filesystem::path project = KEDGE_PROJECT_FOLDER;

std::vector<std::string> lines_of(const std::filesystem::path& file) {
    std::ifstream in(project / file);
    INFO(file);
    REQUIRE(in);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

/// The enumerators of `errc` as error.hpp spells them, by value.
std::map<int, std::string> enumerators() {
    std::map<int, std::string> found;
    bool inside = false;
    for (const std::string& line : lines_of("include/kedge/error.hpp")) {
        if (line.starts_with("enum class errc")) inside = true;
        else if (line.starts_with("}")) inside = false;
        std::istringstream words(line);
        std::string name, equals;
        int value = 0;
        if (inside && words >> name >> equals >> value && equals == "=") found[value] = name;
    }
    return found;
}

std::string groups_of(errc code) {
    std::string groups;
    const auto add = [&](condition group, const char* name) {
        if (make_error_code(code) != group) return;
        if (!groups.empty()) groups += ", ";
        groups += name;
    };
    add(condition::transient, "transient");
    add(condition::rejected, "rejected");
    add(condition::timeout, "timeout");
    add(condition::overload, "overload");
    add(condition::cancelled, "cancelled");
    add(condition::permanent, "permanent");
    return groups.empty() ? "–" : groups;
}

/// How the row of a code has to begin.
std::string row_of(int value, const std::string& name) {
    constexpr const char* kinds[] = {"success", "failure", "overload", "neutral"};
    constexpr const char* replays[] = {"never", "if_idempotent", "always"};
    const auto code = static_cast<errc>(value);
    const kedge::verdict judged = kedge::classify(code);
    return "| `" + name + "` | " + std::to_string(value) + " | " + make_error_code(code).message() + " | " + groups_of(code) +
           " | " + kinds[static_cast<int>(judged.judged)] + " | " + replays[static_cast<int>(judged.again)] + " | ";
}

}  // namespace

TEST_CASE("docs/reference/errors.md says of each code what the code says", "[errors]") {
    std::vector<std::string> rows;
    for (const std::string& line : lines_of("docs/reference/errors.md")) {
        if (line.starts_with("## ")) break;
        if (line.starts_with("| `")) rows.push_back(line);
    }
    const auto codes = enumerators();
    CHECK(rows.size() == codes.size());
    REQUIRE(!codes.empty());
    CHECK(make_error_code(static_cast<errc>(codes.rbegin()->first + 1)).message() == "unknown kedge error");
    std::size_t next = 0;
    for (const auto& [value, name] : codes) {
        REQUIRE(next < rows.size());
        const std::string begin = row_of(value, name), row = rows[next++];
        CHECK(row.substr(0, begin.size()) == begin);
        CHECK(row.size() > begin.size() + 20);  // and what to do
    }
}

// SPDX-License-Identifier: BSL-1.0

#include "program.hpp"

#include <kedge/config/table.hpp>
#include <kedge/version.hpp>

#include <boost/version.hpp>

#include <charconv>
#include <cstdio>
#include <string_view>
#include <system_error>

namespace incident {

namespace config = kedge::config;

namespace {

bool read_seed(std::string_view text, options& to) {
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, to.seed);
    return read.ec == std::errc() && read.ptr == end;
}

bool read_format(std::string_view name, config::environment& code) {
    code["LOG_FORMAT"] = name;
    return name == "python" || name == "json";
}

bool read_database(std::string_view url, options& to) {
    to.database = url;
    return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

bool read_scenario(std::string_view number, options& to) {
    if (number.size() != 1 || number < "1" || number > "6") return false;
    to.scenario = number[0] - '0';
    return true;
}

bool read(int argc, char** argv, options& to, config::environment& code) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
        if (option == "--virtual") to.only_virtual = true;
        else if (option == "--seed" && read_seed(value, to)) ++i;
        else if (option == "--log" && read_format(value, code)) ++i;
        else if (option == "--scenario" && read_scenario(value, to)) ++i;
        else if (option == "--database" && read_database(value, to)) ++i;
        else return false;
    }
    return true;
}

std::string compiler() {
#ifdef __clang__
    return "Clang " + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__);
#else
    return "GCC " + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__);
#endif
}

}  // namespace

std::optional<options> parse(int argc, char** argv) {
    options wanted;
    config::environment code;
    if (!read(argc, argv, wanted, code)) {
        std::fprintf(stderr,
                     "usage: %s [--virtual] [--seed N] [--log python|json] [--database postgresql://user@host/database] "
                     "[--scenario 1..6]\n",
                     argv[0]);
        return std::nullopt;
    }
    try {
        wanted.configuration = config::load({.code = code});
        return wanted;
    } catch (const config::bad_settings& refused) {
        std::fprintf(stderr, "%s\n", refused.what());
        return std::nullopt;
    }
}

std::string own_settings(const config::configuration& c) {
    std::string lines;
    for (std::size_t i = 0; i < config::table().size(); ++i) {
        const config::row& r = config::table()[i];
        if (c.sources[i] == "code" || same(r, c.values, config::settings{})) continue;
        lines += "   " + c.prefix + std::string(r.name) + " = " + shown(r, c.values) + " (" + c.sources[i] + ")\n";
    }
    return lines.empty() ? lines : "With settings of yours; the numbers are checked for the defaults:\n" + lines;
}

std::string told(std::string head, std::size_t width, std::string text) {
    constexpr std::size_t columns = 122;
    std::string lines;
    for (std::size_t cut = 0; cut != text.npos; head.clear()) {
        cut = text.size() + width <= columns ? text.npos : text.rfind("; ", columns - width);
        head.resize(width, ' ');
        lines += head + text.substr(0, cut == text.npos ? cut : cut + 1) + '\n';
        if (cut != text.npos) text.erase(0, cut + 2);
    }
    return lines;
}

std::string versions() {
    return "kedge " KEDGE_VERSION_STRING " · " + compiler() + " · Boost " + std::to_string(BOOST_VERSION / 100'000) + "." +
           std::to_string(BOOST_VERSION / 100 % 1000);
}

}  // namespace incident

// SPDX-License-Identifier: BSL-1.0
// `.env.example` and `docs/configuration.md` are made of the table. KEDGE_WRITE_DOCUMENTS=1 writes them, for who changed it.
#include "../support/catch.hpp"
#include "folder.hpp"

#include <kedge/config/documents.hpp>
#include <kedge/config/sinks.hpp>
#include <kedge/log/memory_sink.hpp>

#include <algorithm>
#include <iterator>

using namespace config_test;
namespace config = kedge::config;

namespace {

std::filesystem::path of_project(const char* name) { return std::filesystem::path(KEDGE_PROJECT_FOLDER) / name; }

std::string text_of(const char* name) {
    std::ifstream file(of_project(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void is_up_to_date(const char* name, const std::string& made) {
    if (std::getenv("KEDGE_WRITE_DOCUMENTS")) std::ofstream(of_project(name), std::ios::binary) << made;
    INFO(name << " is not what the table makes; KEDGE_WRITE_DOCUMENTS=1 writes it");
    CHECK(text_of(name) == made);
}

}  // namespace

TEST_CASE("the documents are those of the table") {
    is_up_to_date(".env.example", config::env_example());
    is_up_to_date("docs/configuration.md", config::settings_page());
}

TEST_CASE("what the guides show of a .env file loads as it stands") {
    for (const char* guide : {"docs/guide/configuration.md", "docs/guide/logging.md"}) {
        CAPTURE(guide);
        const std::string text = text_of(guide), fence = "```bash\n";
        const std::size_t from = text.find(fence);
        REQUIRE(from != std::string::npos);
        const std::size_t begin = from + fence.size();
        const folder f;
        f.write(".env", text.substr(begin, text.find("```", begin) - begin));
        CHECK(f.load().notes.empty());
    }
}

TEST_CASE("a copy of .env.example changes nothing, with and without the #") {
    const folder f;
    f.write(".env", config::env_example());
    const configuration commented = f.load();
    CHECK(commented.notes.empty());
    std::string text;
    for (std::size_t from = 0; from < config::env_example().size();) {
        const std::size_t end = config::env_example().find('\n', from) + 1;
        const std::string line = config::env_example().substr(from, end - from);
        text += line.starts_with("#KEDGE_") ? line.substr(1) : line;
        from = end;
    }
    f.write(".env", text);
    load_options options = f.options();
    options.strict = true;
    const configuration live = config::load(options);
    for (const config::row& r : config::table()) {
        CAPTURE(std::string(r.name));
        CHECK(same(r, commented.values, config::settings{}));
        CHECK(source_of(commented, r.name) == "default");
        if (r.example.empty()) CHECK(source_of(live, r.name) != "default");
        if (r.example.empty() || is_secret(r)) CHECK(same(r, live.values, config::settings{}));
    }
}

TEST_CASE("each setting has what a reader needs, and a default within its range or none") {
    for (const config::row& r : config::table()) {
        CAPTURE(std::string(r.name));
        const std::string standard = config::shown(r, config::settings{});
        CHECK(standard.empty() != r.example.empty());
        CHECK_FALSE(accepted(r).empty());
        CHECK(r.description.ends_with('.'));
        config::settings s;
        const auto why = config::set(r, s, standard.empty() ? r.example : standard);
        CHECK(why.value_or("") == "");
        CHECK(config::find_row(r.name) == &r);
    }
}

TEST_CASE("the effective settings have a line for each, with its source") {
    const std::string all =
        config::effective_settings(config::load({.code = {{"PAYMENT_API_KEY", "canary"}, {"LOG_LEVEL", "error"}},
                                                 .process = environment{{"AWS_REGION", "eu-west-1"}},
                                                 .folder = {}}));
    using Catch::Matchers::Contains;
    CHECK_THAT(all, Contains("\nKEDGE_PAYMENT_API_KEY             ***        code\n") && Contains("KEDGE_LOG_LEVEL"));
    CHECK_THAT(all, Contains("\nKEDGE_AWS_REGION                  eu-west-1  environment, AWS_REGION\n") && !Contains("canary"));
    CHECK_THAT(all, Contains("\nKEDGE_CLOUDWATCH_GROUP            (not set)  default\n"));
    CHECK(static_cast<std::size_t>(std::count(all.begin(), all.end(), '\n')) == config::table().size());
}

TEST_CASE("the sink of the log is the one that was asked for") {
    const auto with = [](environment code) {
        code["CLOUDWATCH_GROUP"] = "shop";
        return config::load({.code = std::move(code), .process = environment(), .folder = {}});
    };
    const auto cloudwatch = std::make_shared<kedge::log::memory_sink>(10);
    const auto only = config::log_sink(with({{"LOG_SINKS", "cloudwatch"}, {"LOG_LEVEL", "warning"}}), cloudwatch);
    kedge::log::submit(*only, {.severity = kedge::log::level::info, .message = "no"});
    kedge::log::submit(*only, {.severity = kedge::log::level::error, .message = "yes"});
    CHECK(cloudwatch->counters().written == 1);
    config::write_notes(with({{"PAYMENT_TIMEOUT", "10s"}}), *only);
    CHECK(cloudwatch->counters().written == 2);
    const auto console = config::log_sink(with({{"LOG_LEVEL", "critical"}}), cloudwatch);
    kedge::log::submit(*console, {.severity = kedge::log::level::error, .message = "no"});
    CHECK(console->counters().written == 0);
    CHECK(cloudwatch->counters().written == 2);
    std::FILE* const own = std::tmpfile();
    kedge::log::submit(*config::log_sink(with({{"LOG_FORMAT", "json"}}), nullptr, own), {.message = "here"});
    CHECK(std::ftell(own) > 0);
    std::rewind(own);
    CHECK(std::fgetc(own) == '{');
    std::fclose(own);
}

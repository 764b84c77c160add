// SPDX-License-Identifier: BSL-1.0
//
// The code of docs/guide/configuration.md, as it stands there. The shop's settings are in a folder of their own, its database
// is SQLite in memory, and its provider a scripted one.

#include <kedge/config/config.hpp>
#include <kedge/log/log.hpp>
#include <kedge/payment_client.hpp>
#include <kedge/sqlite/client.hpp>
#include <kedge/testing/scripted_exchange.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "../expect.hpp"

namespace asio = boost::asio;
namespace config = kedge::config;
using example::expect;

namespace {

void write(const std::filesystem::path& folder, const char* text) { std::ofstream(folder / ".env") << text; }

void shop(const std::filesystem::path& folder) {
    const config::configuration c = config::load({.folder = folder});
    const auto sink = config::log_sink(c);
    config::write_notes(c, *sink);

    asio::io_context io;
    auto journal = std::make_shared<kedge::payment::memory_journal>();
    auto exchange = std::make_shared<kedge::testing::scripted_exchange>(io);

    kedge::database_options database = config::database_options(c);
    database.sink = sink;
    kedge::payment_options payment = config::payment_options(c);
    payment.sink = sink;
    kedge::sqlite::client db{io, database};
    kedge::payment_client payments{io, payment, journal, exchange};
    expect(db.snapshot().pool.max == 5, "the pool has the size that the file says");
    expect(c.values.payment.attempt_timeout == std::chrono::seconds(2), "and so has an attempt its time");
}

void reload(const std::filesystem::path& folder) {
    config::live settings({.folder = folder});
    const auto before = settings.current();
    write(folder, "KEDGE_LOG_LEVEL=warning\nKEDGE_DATABASE_SERVICE_URL=sqlite:other.db\n");

    try {
        for (const auto& name : settings.reload().kept) std::printf("%s needs a restart\n", name.c_str());
    } catch (const config::bad_settings& refused) {
        std::printf("%s\n", refused.what());  // nothing has changed
    }
    expect(settings.current()->values.log.least == kedge::log::level::warning, "the new level holds");
    expect(settings.current()->values.database.url == "sqlite::memory:", "the old database does, until the restart");
    expect(before->values.log.least == kedge::log::level::info, "and who has the old snapshot keeps it");

    write(folder, "KEDGE_LOG_LEVEL=warn\n");
    try {
        settings.reload();
    } catch (const config::bad_settings& refused) {
        std::printf("%s\n", refused.what());
    }
    expect(settings.current()->values.log.least == kedge::log::level::warning, "a bad file changes nothing");
}

void seed(const std::filesystem::path& folder) {
    write(folder, "VUE_APP_DATABASE_SERVICE_URL=https://api.database-service.com\n");
    const config::configuration c = config::load({.prefix = "VUE_APP_", .code = {{"PAYMENT_TIMEOUT", "7s"}}, .folder = folder});
    try {
        (void)config::database_options(c);
        expect(false, "no database client speaks https");
    } catch (const config::bad_settings& refused) {
        std::printf("%s\n", refused.what());
    }
    expect(c.values.payment.attempt_timeout == std::chrono::seconds(7), "the code outranks what is outside");
}

}  // namespace

int main() {
    const std::filesystem::path folder = std::filesystem::temp_directory_path() / "kedge-guide-configuration";
    std::filesystem::create_directories(folder);
    write(folder,
          "KEDGE_PAYMENT_SERVICE_URL=https://api.payment-service.com\nKEDGE_PAYMENT_TIMEOUT=2s\n"
          "KEDGE_DATABASE_SERVICE_URL=sqlite::memory:\nKEDGE_DB_MAX_CONNECTIONS=5\n");
    shop(folder);
    reload(folder);
    seed(folder);
    std::filesystem::remove_all(folder);
    return example::as_told ? 0 : 1;
}

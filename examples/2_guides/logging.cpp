// SPDX-License-Identifier: BSL-1.0
//
// The code of docs/guide/logging.md, as it stands there. Nobody listens where CloudWatch is said to be: the console gets all.

#include <kedge/aws/configured_sink.hpp>
#include <kedge/aws/credentials_chain.hpp>
#include <kedge/aws/emf_reporter.hpp>
#include <kedge/aws/https_log_transport.hpp>
#include <kedge/aws/static_credentials.hpp>
#include <kedge/circuit_breaker.hpp>
#include <kedge/config/config.hpp>
#include <kedge/log/log.hpp>
#include <kedge/log/spdlog_sink.hpp>
#include <kedge/sqlite/client.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "../expect.hpp"

namespace asio = boost::asio;
namespace aws = kedge::aws;
namespace config = kedge::config;
using namespace std::chrono_literals;
using example::expect;

/// So much of spdlog that what is shown of it is compiled where there is none.
namespace spdlog {
struct logger {
    enum class level_enum { trace, debug, info, warn, err, critical };
    std::string last{};
    void log(level_enum, std::string_view text) { last = text; }
    bool should_log(level_enum) const { return true; }
    level_enum level() const { return level_enum::trace; }
    void flush() {}
};
}  // namespace spdlog

namespace {

void write(const std::filesystem::path& folder, const std::string& text) { std::ofstream(folder / ".env") << text; }

class bell final : public kedge::log::sink {
public:
    bool should_log(kedge::log::level severity) const noexcept override { return severity >= kedge::log::level::error; }
    void write(const kedge::log::record&) noexcept override { ++rung_; }  // the record is a view: copy what you keep
    kedge::log::sink_counters counters() const noexcept override { return {.written = rung_}; }

private:
    std::atomic<std::uint64_t> rung_{0};
};

void sinks() {
    asio::io_context io;
    auto console = std::make_shared<kedge::log::console_sink>(stderr);
    kedge::circuit_breaker breaker{{.name = "prices", .on_event = kedge::log::event_recorder{io, console}}};
    kedge::sqlite::client db{io, {.url = "sqlite::memory:", .sink = console}};

    const kedge::error_code ec = kedge::errc::timed_out;
    const kedge::call_report report;
    bell loud;
    kedge::log::payment_error(loud, {.error = ec, .limit = 5000ms});
    kedge::log::payment_error(*console, {.error = ec, .limit = 5000ms});
    kedge::log::database_error(*console, {.error = kedge::errc::pool_exhausted, .report = &report});
    expect(loud.counters().written == 1, "a sink of your own hears of an error");
    kedge::log::submit(*console, {.time = kedge::log::wall_now(), .severity = kedge::log::level::warning, .message = "no stock"});
    expect(console->counters().written == 3, "and the console of a record of yours");
}

void to_spdlog() {
    const auto logger = std::make_shared<spdlog::logger>();
    using spdlog_sink = kedge::log::spdlog_sink<spdlog::logger>;
    auto sink = std::make_shared<spdlog_sink>(logger);  // a std::shared_ptr<spdlog::logger>, such as spdlog::default_logger()
    kedge::log::submit(*sink, {.severity = kedge::log::level::error, .message = "no stock"});
    expect(logger->last == "no stock", "spdlog's pattern says the level");
}

void end(asio::io_context& io, const std::shared_ptr<aws::cloudwatch_sink>& cloudwatch) {
    const std::function<asio::awaitable<void>()> last = [&]() -> asio::awaitable<void> {
        const aws::delivery_accounting all = co_await cloudwatch->async_shutdown(kedge::now() + 2s, asio::use_awaitable);
        expect(all.balanced() && all.pending == 0, "every event is stored, refused, dropped or handed back");
        expect(all.leftover == 2, "here they are handed back, to the console");
    };
    asio::co_spawn(io, last(), [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
    });
    io.run();
}

void to_cloudwatch(const std::filesystem::path& folder) {
    asio::io_context io;
    const config::configuration c = config::load({.folder = folder});
    const auto cloudwatch = aws::configured_sink(io, c);  // null if nobody asks for it
    const auto sink = config::log_sink(c, cloudwatch);
    config::write_notes(c, *sink);

    kedge::log::database_error(*sink, {.error = kedge::errc::pool_exhausted});

    aws::emf_reporter metrics{{.application = "checkout"}};
    const auto now = kedge::log::wall_now();
    for (const std::string& line : metrics.report("log", sink->counters(), now))
        kedge::log::submit(*cloudwatch, {.time = now, .message = line, .formatted = true});
    end(io, cloudwatch);
}

void by_hand() {
    asio::io_context io;
    auto console = std::make_shared<kedge::log::console_sink>(stderr);

    aws::cloudwatch_options options{.group = "shop", .stream = "checkout-1", .max_bytes = 1 << 20, .fallback = console};
    auto keys = std::make_shared<aws::credentials_chain>(io);
    auto transport = aws::https_transport(io, {.where = {.region = "eu-central-1"}, .keys = keys});
    auto cloudwatch = std::make_shared<aws::cloudwatch_sink>(io, options, transport);
    expect(cloudwatch->delivery().pending == 0, "nothing is sent where nothing was written");
}

/// Of docs/reference/cloudwatch.md.
void with_keys_of_its_own() {
    asio::io_context io;
    auto console = std::make_shared<kedge::log::console_sink>(stderr);
    const std::string id = "AKIDEXAMPLE", secret_key = "example";

    const auto keys = std::make_shared<aws::static_credentials>(io, aws::credentials{id, kedge::secret<std::string>(secret_key)});
    aws::cloudwatch_sink sink{io,
                              {.group = "shop", .stream = "checkout-1", .fallback = console},
                              aws::https_transport(io, {.where = {.region = "eu-central-1"}, .keys = keys})};
    expect(sink.should_log(kedge::log::level::info), "a sink takes what it is given");
}

void reload(const std::filesystem::path& folder, const std::string& text) {
    asio::io_context io;
    config::live settings({.folder = folder});
    const auto sink = config::log_sink(settings, aws::configured_sink(io, settings));
    write(folder, text + "KEDGE_LOG_LEVEL=error\n");
    settings.reload();  // the level and the keys hold at once
    expect(!sink->should_log(kedge::log::level::info), "the level is that of the reload");
}

}  // namespace

int main() {
    const std::filesystem::path folder = std::filesystem::temp_directory_path() / "kedge-guide-logging";
    const std::string text = "KEDGE_LOG_SINKS=cloudwatch\nKEDGE_CLOUDWATCH_GROUP=shop\nAWS_REGION=eu-central-1\n"
                             "AWS_ACCESS_KEY_ID=AKIDEXAMPLE\nAWS_SECRET_ACCESS_KEY=example\n"
                             "KEDGE_CLOUDWATCH_ENDPOINT=http://127.0.0.1:9\n";
    std::filesystem::create_directories(folder);
    write(folder, text);
    sinks();
    to_spdlog();
    to_cloudwatch(folder);
    by_hand();
    with_keys_of_its_own();
    reload(folder, text);
    std::filesystem::remove_all(folder);
    return example::as_told ? 0 : 1;
}

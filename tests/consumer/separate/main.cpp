// SPDX-License-Identifier: BSL-1.0
// Both clients, in a unit that compiles neither SQLite nor what stands behind the clients.
#include <kedge/payment_client.hpp>
#include <kedge/sqlite/client.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <utility>

namespace asio = boost::asio;


namespace {

/// A provider that nobody reaches.
struct unreachable final : kedge::payment::exchange {
    void start(const kedge::payment::request&, const kedge::attempt&, kedge::payment::exchange_handler handler) override {
        const auto executor = handler.get_executor();
        asio::post(executor, [end = std::move(handler)]() mutable {
            end(asio::error::connection_refused, {}, kedge::payment::send_phase::none);
        });
    }
};

asio::awaitable<void> shop(kedge::sqlite::client db, kedge::payment_client payments) {
    auto order = [](kedge::transaction& t) -> asio::awaitable<std::int64_t> {
        co_await t.async_execute("create table orders(cents integer)", {}, asio::use_awaitable);
        co_await t.async_execute("insert into orders values ($1)", kedge::params(1990), asio::use_awaitable);
        const kedge::rows sum = co_await t.async_query("select sum(cents) from orders", {}, asio::use_awaitable);
        co_return std::get<0>(sum.as<std::int64_t>().front());
    };
    const std::int64_t cents = co_await db.async_transaction(order, {}, asio::use_awaitable);
    kedge::charge_request charge{kedge::money::parse("19.90", "EUR"), kedge::card_token{"tok_visa"}};
    const kedge::call once{.repeating = kedge::repeat::forbidden};
    const kedge::payment_result paid = co_await payments.async_charge(std::move(charge), once, asio::use_awaitable);
    std::printf("%lld cents, charge %s\n", static_cast<long long>(cents), to_string(paid.outcome()));
}

}  // namespace

int main() {
    asio::io_context io;
    kedge::sqlite::client db{io, {.url = "sqlite::memory:"}};
    kedge::payment_client payments{io, {}, std::make_shared<kedge::payment::memory_journal>(), std::make_shared<unreachable>()};
    asio::co_spawn(io, shop(db, payments), asio::detached);
    io.run();
}

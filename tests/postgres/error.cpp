// SPDX-License-Identifier: BSL-1.0
#include "../support/catch.hpp"

#include <kedge/postgres/error.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <iterator>
#include <string_view>

using namespace kedge;
using postgres::fate;
using postgres::make_error_code;

TEST_CASE("an SQLSTATE goes into an error code and comes out of it") {
    for (const std::string_view state : {"23505", "00001", "ZZZZZ", "XX000", "40P01", "KE001"}) {
        const error_code ec = make_error_code(state);
        CHECK(ec.category() == postgres::category());
        CHECK(postgres::sqlstate(ec) == state);
    }
    CHECK(postgres::sqlstate(boost::asio::error::eof).empty());
    CHECK(make_error_code("2350") == postgres::errc::internal_error);
    CHECK(make_error_code("2350a") == postgres::errc::internal_error);
    CHECK(make_error_code("00000") == postgres::errc::internal_error);  // no error code is a success in disguise
}

TEST_CASE("messages name the condition and its SQLSTATE") {
    CHECK(make_error_code("23505").message() == "unique violation (SQLSTATE 23505)");
    CHECK(make_error_code("42ABC").message() == "SQLSTATE 42ABC");
}

namespace {

struct row {
    std::string_view state;
    verdict judged;
    fate then;
    bool condemns = false;
};

constexpr verdict answer{kind::success, replay::never}, again{kind::neutral, replay::always},
    lost{kind::failure, replay::if_idempotent}, not_sent{kind::failure, replay::always}, broken{kind::failure, replay::never},
    overloaded{kind::overload, replay::always};

constexpr row table[] = {
    {"08000", lost, fate::evict},
    {"08003", lost, fate::evict},
    {"08006", lost, fate::evict},
    {"08001", not_sent, fate::evict},
    {"08004", not_sent, fate::evict},
    {"08007", broken, fate::evict},
    {"08P01", broken, fate::evict},
    {"40003", broken, fate::keep},
    {"XX000", broken, fate::evict},
    {"XX001", broken, fate::evict},
    {"57P01", not_sent, fate::evict, true},
    {"57P02", lost, fate::evict, true},
    {"57P03", not_sent, fate::evict},
    {"57P04", broken, fate::evict},
    {"57P05", not_sent, fate::evict},
    {"25P03", answer, fate::evict},
    {"25P04", answer, fate::evict},
    {"57014", lost, fate::keep},
    {"53300", overloaded, fate::keep},
    {"53000", overloaded, fate::keep},
    {"53100", overloaded, fate::keep},
    {"53200", overloaded, fate::keep},
    {"53400", overloaded, fate::keep},
    {"40001", again, fate::keep},
    {"40P01", again, fate::keep},
    {"55P03", answer, fate::keep},
    {"55006", answer, fate::keep},
    {"25006", answer, fate::keep},
    {"KE003", not_sent, fate::evict, true},
    {"0A000", answer, fate::keep},
    {"KE001", again, fate::keep},
    {"26000", answer, fate::keep},
    {"42P05", answer, fate::keep},
    {"28000", broken, fate::evict},
    {"28P01", broken, fate::evict},
    {"3D000", broken, fate::evict},
    {"KE002", broken, fate::evict},
    {"58000", broken, fate::evict},
    {"58P01", broken, fate::evict},
    {"F0001", broken, fate::evict},
    {"22P02", answer, fate::keep},
    {"23505", answer, fate::keep},
    {"42P01", answer, fate::keep},
    {"42501", answer, fate::keep},
    {"25P02", answer, fate::keep},
    {"P0001", answer, fate::keep},
    {"HV00N", answer, fate::keep},
};

}  // namespace

TEST_CASE("what each SQLSTATE means for breaker, retry, connection and pool") {
    for (const row& one : table) {
        CAPTURE(one.state);
        const error_code ec = make_error_code(one.state);
        CHECK(postgres::classify(ec) == one.judged);
        CHECK(postgres::fate_of(ec) == one.then);
        CHECK(postgres::condemns(ec) == one.condemns);
        CHECK((ec == condition::overload) == (one.judged.judged == kind::overload));
        CHECK((ec == condition::transient) == (one.judged.again != replay::never));
        constexpr std::string_view permanent[] = {"28000", "28P01", "3D000", "42501", "KE002"};
        const bool locked_out = std::ranges::find(permanent, one.state) != std::end(permanent);
        CHECK((ec == condition::permanent) == locked_out);
    }
}

TEST_CASE("other categories keep their meaning") {
    CHECK(postgres::classify(boost::asio::error::eof) == lost);
    CHECK(postgres::classify(boost::asio::error::connection_refused) == not_sent);
    CHECK(postgres::classify(sql_errc::parameter_count) == answer);
    CHECK(postgres::fate_of(boost::asio::error::eof) == fate::evict);
    CHECK(postgres::fate_of(sql_errc::parameter_count) == fate::keep);
    CHECK(postgres::fate_of(boost::asio::error::operation_aborted) == fate::keep);
    CHECK_FALSE(postgres::condemns(boost::asio::error::eof));
}

TEST_CASE("a standby in place of the primary is a read only transaction to who matches that, not the other way round") {
    CHECK(make_error_code(postgres::errc::not_primary) == postgres::errc::read_only_transaction);
    CHECK(make_error_code(postgres::errc::not_primary) == postgres::errc::not_primary);
    CHECK_FALSE(make_error_code(postgres::errc::read_only_transaction) == postgres::errc::not_primary);
    CHECK(make_error_code(postgres::errc::query_canceled) == condition::timeout);
}

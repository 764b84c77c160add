// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/resolve.hpp>
#include <kedge/postgres/impl/session.hpp>
#include <kedge/postgres/impl/turn.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>

#include <array>
#include <system_error>

namespace kedge::postgres::detail {

/// "key='value' " as libpq reads it, where an empty value is one that was given, unlike in its arrays of parameters.
inline void append_setting(std::string& to, std::string_view key, std::string_view value) {
    to.append(key).append("='");
    for (const char c : value) {
        if (c == '\'' || c == '\\') to += '\\';
        to += c;
    }
    to += "' ";
}

inline std::string conninfo(const location& where, const server& to, const std::string& address) {
    std::string text;
    append_setting(text, "host", to.host);
    append_setting(text, "hostaddr", address);
    append_setting(text, "port", to.port);
    append_setting(text, "sslmode", to.sslmode);
    for (const auto& [key, value] : where.settings) append_setting(text, key, value);
    return text;
}

/// What kept libpq from connecting. It hands out no code, neither SQLSTATE nor errno, but with verbose messages its text has
/// the one ("FATAL:  28P01: …") and the operating system's words for the other.
struct connect_error {
    error_code ec{};
    std::string message{};
};

inline error_code network_error(std::string_view text) {
    namespace net = boost::asio::error;
    const auto says = [text](int code) { return text.find(std::generic_category().message(code)) != std::string_view::npos; };
    if (says(ECONNREFUSED) || says(ENOENT)) return net::connection_refused;  // no file: the server of that socket is not there
    if (says(EHOSTUNREACH)) return net::host_unreachable;
    if (says(ENETUNREACH)) return net::network_unreachable;
    if (text.find("SSL SYSCALL") != std::string_view::npos) return make_error_code(errc::cannot_connect);
    if (text.find("SSL") != std::string_view::npos || text.find("certificate") != std::string_view::npos)
        return make_error_code(errc::not_verified);
    return make_error_code(errc::cannot_connect);
}

inline connect_error connect_error_of(std::string_view text) {
    constexpr std::string_view mark = ":  ";
    for (auto at = text.rfind(mark); at != std::string_view::npos && at > 0; at = text.rfind(mark, at - 1)) {
        const std::string_view rest = text.substr(at + mark.size());
        if (rest.size() < 7 || rest[5] != ':' || sqlstate_value(rest.substr(0, 5)) == 0) continue;
        const std::string_view words = rest.substr(7);
        return {make_error_code(rest.substr(0, 5)), std::string(words.substr(0, words.find('\n')))};
    }
    while (text.ends_with('\n')) text.remove_suffix(1);
    return {network_error(text), std::string(text)};
}

/// Trying elsewhere would only repeat it, or lock the account.
inline bool is_final(const error_code& ec) noexcept {
    return ec.category() == category() && classify(ec) == verdict{kind::failure, replay::never};
}

KEDGE_DECL void session::dial(turn& now) {
    where_ = first_->where;
    server_ = 0;
    broken_ = false;
    dial_server(now);
}

KEDGE_DECL void session::dial_server(turn& now) {
    const server& to = where_->servers[server_];
    address_ = 0;
    const bool known = !to.address.empty() || to.host.starts_with('/') || to.host.starts_with('@');
    if (known) {
        addresses_ = {to.address};
        return dial_address(now);
    }
    phase_ = phase::looking_up;
    auto found = [self = shared_from_this(), epoch = ++epoch_](const error_code& ec, const kedge::detail::endpoints& all) {
        std::vector<std::string> addresses;
        for (const auto& endpoint : all) addresses.push_back(endpoint.address().to_string());
        self->looked_up(epoch, ec, std::move(addresses));
    };
    runtime_.async_resolve(to.host, to.port, boost::asio::bind_cancellation_slot(stop_lookup_.slot(),
                                                 boost::asio::bind_executor(executor_, std::move(found))));
}

KEDGE_DECL void session::looked_up(unsigned epoch, const error_code& ec, std::vector<std::string> found) {
    turn now(*this, deliver::here);
    if (epoch != epoch_ || phase_ != phase::looking_up) return;
    try {
        addresses_ = std::move(found);
        if (ec || addresses_.empty())
            dial_failed(now, ec ? ec : boost::asio::error::host_not_found, "the host is not known");
        else dial_address(now);
    } catch (const std::exception&) {
        lost(now, make_error_code(boost::system::errc::not_enough_memory));
    }
    now.deliver_all();
}

KEDGE_DECL void session::dial_address(turn& now) {
    phase_ = phase::dialing;
    drop_wire();
    goodbye_ = 0;
    wire_.open(PQconnectStart(conninfo(*where_, where_->servers[server_], addresses_[address_]).c_str()));
    if (!wire_.is_open()) throw std::bad_alloc();
    if (PQstatus(wire_.get()) == CONNECTION_BAD) return dial_failed(now, {}, {});
    PQsetErrorVerbosity(wire_.get(), PQERRORS_VERBOSE);
    PQsetNoticeReceiver(wire_.get(), [](void* self, const PGresult* r) { on_notice(self, r); }, this);
    const bool others = address_ + 1 < addresses_.size() || server_ + 1 < where_->servers.size();
    if (others) arm(address_patience);
    wire_.watch();
    writing_ = true;
    wire_.when_writable([self = shared_from_this(), epoch = epoch_](const error_code& ec) { self->on_ready(epoch, true, ec); });
}

/// libpq may have another socket afterwards, even one with the same number.
KEDGE_DECL void session::poll(turn& now) {
    wire_.let_go();
    ++epoch_;
    reading_ = writing_ = false;
    const PostgresPollingStatusType wanted = PQconnectPoll(wire_.get());
    if (wanted == PGRES_POLLING_FAILED) return dial_failed(now, {}, {});
    wire_.watch();
    if (wanted == PGRES_POLLING_OK) return connected(now);
    const bool to_write = wanted == PGRES_POLLING_WRITING;
    (to_write ? writing_ : reading_) = true;
    auto ready = [self = shared_from_this(), epoch = epoch_, to_write](const error_code& ec) {
        self->on_ready(epoch, to_write, ec);
    };
    if (to_write) wire_.when_writable(std::move(ready));
    else wire_.when_readable(std::move(ready));
}

/// Goes on with the next address or server. @param ec none: what libpq says
KEDGE_DECL void session::dial_failed(turn& now, const error_code& ec, std::string message) {
    disarm();
    connect_error why{ec, std::move(message)};
    if (!ec) why = connect_error_of(PQerrorMessage(wire_.get()));
    // What a server answered tells more than an address where none is.
    const bool answered = first_->result.ec.category() == category() && first_->result.ec != errc::cannot_connect;
    if (!answered || is_final(why.ec)) fail(why.ec, std::move(why.message), sqlstate(why.ec));
    drop_wire();
    if (!is_final(why.ec)) {
        if (++address_ < addresses_.size()) return dial_address(now);
        if (++server_ < where_->servers.size()) return dial_server(now);
    }
    broken_ = true;
    end(now);
    next(now);
}

KEDGE_DECL void session::connected(turn& now) {
    disarm();
    first_->result = {};
    PQsetErrorVerbosity(wire_.get(), PQERRORS_DEFAULT);
    statements_.clear();
    traces_ = {};
    fresh_ = true;
    session_limit_ = limit_ = 0;
    if (PQsetnonblocking(wire_.get(), 1) != 0 || PQenterPipelineMode(wire_.get()) == 0)
        return lost(now, boost::asio::error::eof);
    if (!settings_fit()) return ask(now);
    end(now);
    next(now);
}

/// Whether values will come in the form that they are read in. They do, unless the environment has PGDATESTYLE or PGTZ, which no
/// setting of libpq's overrides, or a proxy has left out what it was asked for.
KEDGE_DECL bool session::settings_fit() const noexcept {
    const auto is = [this](const char* name, std::string_view wanted) {
        const char* const value = PQparameterStatus(wire_.get(), name);
        return value != nullptr && std::string_view(value).starts_with(wanted);
    };
    return is("DateStyle", "ISO") && is("client_encoding", "UTF8") && is("standard_conforming_strings", "on") &&
           (where_->own_time_zone || is("TimeZone", "UTC"));
}

KEDGE_DECL bool session::send_settings() {
    constexpr char all[] = "select pg_catalog.set_config('DateStyle', 'ISO', false), "
                           "pg_catalog.set_config('client_encoding', 'UTF8', false), "
                           "pg_catalog.set_config('standard_conforming_strings', 'on', false)";
    constexpr char zone[] = "select pg_catalog.set_config('TimeZone', 'UTC', false)";
    return send(step::settings, all) && (where_->own_time_zone || send(step::settings, zone));
}

/// The environment's PGGEQO goes to the server with each connection, stronger than `options`, and becomes what RESET ALL returns
/// to. Takes it back, before the first statement and in its round trip; costs the server nothing where it is not set.
KEDGE_DECL bool session::send_planner() {
    constexpr char text[] = "select case when pg_catalog.current_setting('geqo') = 'off' then "
                            "(select pg_catalog.set_config(name, boot_val, false) from pg_catalog.pg_settings "
                            "where name = 'geqo' and source = 'client') end";
    return where_->own_geqo || send(step::planner, text);
}

}  // namespace kedge::postgres::detail

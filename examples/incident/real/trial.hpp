// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/settings.hpp>
#include <kedge/log/memory_sink.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace incident::real {

/// One scenario of the real run: what it has to tell when all have ended, what did not come out as told, and kedge's log.
class trial {
public:
    /// @param log       where its records go as well; may be null
    /// @param database  the URL of a PostgreSQL; empty: SQLite in a temporary folder
    trial(const kedge::config::settings& settings, std::shared_ptr<kedge::log::sink> log, std::string database);

    /// What the clients are made of; a scenario puts in its own servers, and what it has to fix.
    const kedge::config::settings& settings() const noexcept { return settings_; }

    const std::shared_ptr<kedge::log::sink>& log() const noexcept { return log_; }
    /// The last that went there.
    std::vector<std::string> records() const { return kept_->events(); }

    const std::string& database() const noexcept { return database_; }

    void without(const std::string& text) { tell("without", text); }
    void with_kedge(const std::string& text) { tell("kedge", text); }
    void the_price(const std::string& text) { tell("price", text); }
    void check(bool as_told, const std::string& what) {
        if (!as_told) wrong_.push_back(what);
    }

    bool as_told() const noexcept { return wrong_.empty(); }

    /// All that was told, in lines; with kedge's log, if something went wrong.
    std::string text(int number) const;

private:
    void tell(const char* who, const std::string& text) { told_.push_back({who, text}); }

    struct line {
        std::string who, text;
    };
    kedge::config::settings settings_;
    std::shared_ptr<kedge::log::memory_sink> kept_;
    std::shared_ptr<kedge::log::sink> log_;
    std::string database_;
    std::vector<line> told_;
    std::vector<std::string> wrong_;
};

void silent_payment_service(trial&);
void exhausted_pool(trial&);
void reset_connections(trial&);
void three_of_ten(trial&);
void database_restart(trial&);
void lost_reply(trial&);

}  // namespace incident::real

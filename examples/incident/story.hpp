// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/settings.hpp>
#include <kedge/log/sink.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace incident {

/// What the replay tells and checks. Every number that is told is checked; one that is wrong spoils the whole story.
class story {
public:
    story(std::uint64_t seed, kedge::config::settings settings, std::shared_ptr<kedge::log::sink> log)
        : seed_(seed), settings_(std::move(settings)), log_(std::move(log)) {}

    std::uint64_t seed() const noexcept { return seed_; }
    /// What the clients are made of; a scenario puts in its own servers, and what it has to fix.
    const kedge::config::settings& settings() const noexcept { return settings_; }
    const std::shared_ptr<kedge::log::sink>& log() const noexcept { return log_; }

    void title(int number, const std::string& text);
    void without(const std::string& text);
    void with_kedge(const std::string& text);
    void the_price(const std::string& text);

    /// Tells at once what did not come out as expected.
    void check(bool as_told, const std::string& what);
    bool all_as_told() const noexcept { return wrong_ == 0; }

private:
    std::uint64_t seed_;
    kedge::config::settings settings_;
    std::shared_ptr<kedge::log::sink> log_;
    int wrong_ = 0;
};

void silent_payment_service(story&);
void exhausted_pool(story&);
void reset_connections(story&);
void three_of_ten(story&);
void database_restart(story&);
void lost_reply(story&);

}  // namespace incident

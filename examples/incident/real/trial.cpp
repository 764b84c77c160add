// SPDX-License-Identifier: BSL-1.0

#include "trial.hpp"

#include "../program.hpp"

#include <kedge/config/sinks.hpp>
#include <kedge/log/tee_sink.hpp>

namespace incident::real {

trial::trial(const kedge::config::settings& settings, std::shared_ptr<kedge::log::sink> log, std::string database)
    : settings_(settings),
      kept_(std::make_shared<kedge::log::memory_sink>(5, kedge::config::formatter_of(settings.log.format))),
      log_(kept_), database_(std::move(database)) {
    if (log) log_ = std::make_shared<kedge::log::tee_sink>(std::vector{log_, std::move(log)});
}

std::string trial::text(int number) const {
    std::string all, head = "   " + std::to_string(number);
    for (const line& one : told_) {
        head.resize(6, ' ');
        all += told(head + one.who, 16, one.text);
        head.clear();
    }
    for (const std::string& wrong : wrong_) all += "      NOT AS TOLD: " + wrong + '\n';
    if (!wrong_.empty())
        for (const std::string& record : records()) all += record + '\n';
    return all;
}

}  // namespace incident::real

// SPDX-License-Identifier: BSL-1.0

#include "trial.hpp"

#include "../program.hpp"

namespace incident::real {

std::string trial::text(int number) const {
    std::string all, head = "   " + std::to_string(number);
    for (const line& one : told_) {
        head.resize(6, ' ');
        all += told(head + one.who, 16, one.text);
        head.clear();
    }
    for (const std::string& wrong : wrong_) all += "      NOT AS TOLD: " + wrong + '\n';
    if (!wrong_.empty())
        for (const std::string& record : log_->events()) all += record + '\n';
    return all;
}

}  // namespace incident::real

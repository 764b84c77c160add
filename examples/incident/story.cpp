// SPDX-License-Identifier: BSL-1.0

#include "story.hpp"

#include "program.hpp"

#include <cstdio>

namespace incident {

namespace {
void tell(const char* who, const std::string& text) {
    std::fputs(told("   " + std::string(who), 13, text).c_str(), stdout);
}
}  // namespace

void story::title(int number, const std::string& text) { std::printf("\n%d  %s\n", number, text.c_str()); }
void story::without(const std::string& text) { tell("without", text); }
void story::with_kedge(const std::string& text) { tell("kedge", text); }
void story::the_price(const std::string& text) { tell("price", text); }

void story::check(bool as_told, const std::string& what) {
    if (as_told) return;
    ++wrong_;
    std::printf("   NOT AS TOLD: %s\n", what.c_str());
}

}  // namespace incident

// SPDX-License-Identifier: BSL-1.0
#pragma once

// The waits by percentile, as a picture: both axes are logarithmic, so that the tail is seen.

#include "result.hpp"
#include "table.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <string>

namespace pool_contention {

class picture {
public:
    picture(const settings& s, const result& r) : r_(r) {
        low_ = std::floor(std::log10(static_cast<double>(std::max<std::int64_t>(1000, r.waits.at(0).count()))));
        const auto longest = static_cast<double>(std::max<std::int64_t>(1, r.waits.longest().count()));
        high_ = std::max(low_ + 1, std::ceil(std::log10(longest)));
        last_ = std::log10(static_cast<double>(std::max<std::uint64_t>(2, r.waits.count())));
        nines_ = std::max(2., std::ceil(last_));
        begin(title_of(s));
        axes();
        curve();
        text_ += "</svg>\n";
    }

    const std::string& svg() const noexcept { return text_; }

private:
    static constexpr double width = 760, height = 430, left = 76, right = 728, top = 84, bottom = 366;

    double x_of(double nines) const { return left + (right - left) * std::min(nines, nines_) / nines_; }
    double y_of(nanoseconds t) const {
        const double power = std::log10(static_cast<double>(std::max<std::int64_t>(1, t.count())));
        return bottom - (bottom - top) * std::clamp((power - low_) / (high_ - low_), 0., 1.);
    }

    template <class... Values> void put(const char* format, Values... values) {
        char line[320];
        std::snprintf(line, sizeof line, format, values...);
        text_ += line;
    }

    void begin(const std::string& title) {
        put("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" font-family=\"sans-serif\" font-size=\"13\">\n",
            width, height);
        text_ += R"(<style>
.paper { fill: #ffffff } .ink { fill: #1f2328 } .quiet { fill: #59636e } .grid { stroke: #d8dee4 } .mark { fill: #0550ae }
.curve { stroke: #0969da; stroke-width: 2.5; fill: none; stroke-linejoin: round }
@media (prefers-color-scheme: dark) {
.paper { fill: #0d1117 } .ink { fill: #e6edf3 } .quiet { fill: #9198a1 } .grid { stroke: #2f353d } .mark { fill: #79c0ff }
.curve { stroke: #58a6ff } }
</style>
)";
        put("<rect class=\"paper\" width=\"%g\" height=\"%g\"/>\n", width, height);
        put("<text class=\"ink\" x=\"%g\" y=\"30\" font-size=\"17\">How long tasks waited for a connection</text>\n", left);
        put("<text class=\"quiet\" x=\"%g\" y=\"52\">%s</text>\n", left, title.c_str());
    }

    void axes() {
        for (double power = low_; power <= high_; ++power) {
            const nanoseconds t(static_cast<std::int64_t>(std::pow(10., power)));
            const double y = y_of(t);
            put("<line class=\"grid\" x1=\"%g\" x2=\"%g\" y1=\"%.1f\" y2=\"%.1f\"/>\n", left, right, y, y);
            put("<text class=\"quiet\" x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", left - 10, y + 4,
                text_of(t).c_str());
        }
        constexpr const char* shares[] = {"0", "90", "99", "99.9", "99.99", "99.999", "99.9999", "99.99999"};
        for (int n = 0; n <= static_cast<int>(nines_) && n < static_cast<int>(std::size(shares)); ++n) {
            const double x = x_of(n);
            put("<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%g\" y2=\"%g\"/>\n", x, x, top, bottom);
            put("<text class=\"quiet\" x=\"%.1f\" y=\"%g\" text-anchor=\"%s\">%s %%</text>\n", x, bottom + 22,
                x > right - 30 ? "end" : "middle", shares[n]);
        }
        put("<text class=\"quiet\" x=\"%g\" y=\"%g\" text-anchor=\"middle\">so many of the calls waited no longer</text>\n",
            (left + right) / 2, bottom + 48);
    }

    void curve() {
        text_ += "<polyline class=\"curve\" points=\"";
        constexpr int points = 160;
        for (int i = 0; i <= points; ++i) {
            const double nines = last_ * i / points;
            put("%.1f,%.1f ", x_of(nines), y_of(r_.waits.at(1 - std::pow(10., -nines))));
        }
        text_ += "\"/>\n";
        for (const percentile& p : percentiles) {
            const double nines = p.share < 1 ? -std::log10(1 - p.share) : last_;
            if (nines > last_) continue;
            const nanoseconds wait = r_.waits.at(p.share);
            const double x = x_of(nines), y = y_of(wait);
            put("<circle class=\"mark\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", x, y);
            const bool is_first = p.share <= 0.5;  // below the curve, away from the next one
            put("<text class=\"ink\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s %s</text>\n", x - 4, is_first ? y + 22 : y - 11,
                is_first ? "start" : "end", p.name, text_of(wait).c_str());
        }
    }

    const result& r_;
    double low_, high_;     ///< powers of ten, in nanoseconds
    double last_, nines_;  ///< of the longest wait, and where the axis ends
    std::string text_;
};

}  // namespace pool_contention

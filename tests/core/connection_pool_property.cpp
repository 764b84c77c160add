// SPDX-License-Identifier: BSL-1.0
// Long random histories of pools with up to six connections and 24 callers, where the exhaustive explorer
// (connection_pool_explore.cpp) sees all of them, but with two connections and three callers.
#include "../support/property.hpp"
#include "pool_endings.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

namespace pool_property {
namespace {

using weights = std::array<int, kinds>;

class drawer {
public:
    explicit drawer(rc::Random random) : random_(std::move(random)) {}

    history draw() {
        history h;
        for (int r = 0; r < rule_count; ++r) {
            const rule_range& range = rule_ranges[static_cast<std::size_t>(r)];
            const bool off = range.may_be_off && below(2) == 0;
            h.numbers[static_cast<std::size_t>(r)] = off ? 0 : range.least + below(range.most - range.least + 1);
        }
        weights mood;
        for (int k = 0; k < kinds; ++k) mood[static_cast<std::size_t>(k)] = info(static_cast<what>(k)).weight;
        mood[static_cast<std::size_t>(what::acquire)] =
            std::array{15, 60, 200, 600}[static_cast<std::size_t>(below(4))];
        mood[static_cast<std::size_t>(what::dial_fail)] *= below(4) == 0 ? 15 : 1;
        mood[static_cast<std::size_t>(what::shut_down)] *= below(4) == 0 ? 3 : 0;
        const int patience = 2 + below(40), pace = 1 + below(5);
        const int length = 50 + below(351);
        h.events.reserve(static_cast<std::size_t>(length));
        for (int i = 0; i < length; ++i) h.events.push_back(draw(mood, h[rule::callers], patience, pace));
        return h;
    }

private:
    int below(int n) { return static_cast<int>(random_.next() % static_cast<std::uint64_t>(n)); }

    happening draw(const weights& mood, int callers, int patience, int pace) {
        int sum = 0;
        for (const int w : mood) sum += w;
        int left = below(sum), kind = 0;
        while (left >= mood[static_cast<std::size_t>(kind)]) left -= mood[static_cast<std::size_t>(kind++)];
        const auto k = static_cast<what>(kind);
        const int pause = below(10) < 6 ? 0 : below(20) == 0 ? below(40) : below(pace);
        const int who = below(of_a_caller(k) ? callers : most_places);
        return {k, static_cast<std::uint8_t>(who), static_cast<std::uint8_t>(pause),
                static_cast<std::uint8_t>(below(patience))};
    }

    rc::Random random_;
};

/// Simpler histories, the boldest first: without a stretch of events, with a rule switched off, without a pause.
class simpler {
public:
    explicit simpler(history h) : from_(std::move(h)), chunk_(from_.events.size()), end_(chunk_) {}

    rc::Maybe<history> operator()() {
        if (chunk_ > 0) return without_chunk();
        while (rule_ < rule_count * 2) {
            const int number = rule_++, simplest = rule_ranges[static_cast<std::size_t>(number / 2)].simplest;
            history h = from_;
            int& n = h.numbers[static_cast<std::size_t>(number / 2)];
            const int better = number % 2 == 0 ? simplest : (n + simplest) / 2;
            if (std::exchange(n, better) != better) return h;
        }
        while (event_ < from_.events.size() * 3) {
            const std::size_t number = event_++;
            history h = from_;
            happening& e = h.events[number / 3];
            std::uint8_t& n = number % 3 == 0 ? e.after : number % 3 == 1 ? e.number : e.who;
            if (std::exchange(n, std::uint8_t{0}) != 0) return h;
        }
        return rc::Nothing;
    }

private:
    rc::Maybe<history> without_chunk() {
        history h = from_;
        const std::size_t begin = end_ > chunk_ ? end_ - chunk_ : 0;
        const auto first = h.events.begin();
        h.events.erase(first + static_cast<std::ptrdiff_t>(begin), first + static_cast<std::ptrdiff_t>(end_));
        end_ = begin;
        if (end_ == 0) chunk_ /= 2, end_ = from_.events.size();
        return h;
    }

    history from_;
    std::size_t chunk_, end_, event_ = 0;
    int rule_ = 0;
};

std::array<int, kinds> happened{};  ///< in all histories together

/// Plays it to its end, and from there on in every way. What it broke, if anything.
std::optional<finding> play(const history& h, std::string* story) {
    static model m{pool_rules{}};
    m = model(h.rules());
    m.start();
    m.story.write_to(story);
    player p(m);
    for (const happening& e : h.events) {
        happened[static_cast<std::size_t>(e.kind)] += p.play(e);
        if (m.broken) return m.broken;
    }
    const model here = m;
    for (const ending& how : endings) {
        m = here;
        fair_run(m, how).play();
        if (m.broken) break;
    }
    return m.broken;
}

}  // namespace

/// Found by rapidcheck beside the type.
void showValue(const history& h, std::ostream& out) {
    for (std::size_t r = 0; r < rule_ranges.size(); ++r)
        out << (r == 0 ? "" : ", ") << rule_ranges[r].name << " " << h.numbers[r];
    std::string story;
    play(h, &story);
    out << story;
}

}  // namespace pool_property

namespace rc {
template <> struct Arbitrary<pool_property::history> {
    static Gen<pool_property::history> arbitrary() {
        return [](const Random& random, int) {
            return shrinkable::shrinkRecur(pool_property::drawer(random).draw(), [](const pool_property::history& h) {
                return makeSeq<pool_property::simpler>(h);
            });
        };
    }
};
}  // namespace rc

TEST_CASE("no long history breaks a promise of the pool", "[property]") {
    const int histories = kedge_test::holds("pool", [](const pool_property::history& h) {
        const auto found = pool_property::play(h, nullptr);
        if (found) RC_FAIL(std::string(pool_world::text_of(found->broken)) + "; here: " + found->detail);
    });
    if (histories < 1000) return;  // somebody looks at a few
    for (std::size_t k = 0; k < pool_property::kinds; ++k) {
        INFO(pool_property::kind_infos[k].name);
        CHECK(pool_property::happened[k] > 20);
    }
}

// SPDX-License-Identifier: BSL-1.0
#include "../support/property.hpp"
#include "emf_rules.hpp"

#include <kedge/aws/emf.hpp>
#include <kedge/log/detail/escape.hpp>

#include <boost/json/src.hpp>

#include <chrono>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

using namespace kedge;
using namespace aws_test;
using aws::emf_builder, aws::metric_unit, aws::metric_resolution;
using namespace std::chrono_literals;

namespace {

const log::wall_time incident{1'761'492'406'789ms};
constexpr double infinity = std::numeric_limits<double>::infinity(),
                 not_a_number = std::numeric_limits<double>::quiet_NaN();

std::string refusal(auto&& make) {
    try {
        make();
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return "accepted";
}

void check_rules(const std::vector<std::string>& documents, std::size_t max_bytes = aws::largest_event) {
    for (const std::string& one : documents) CHECK(emf_rules::broken(one, max_bytes) == "");
}

json::object parsed(const std::string& text) { return json::parse(text).as_object(); }

std::size_t metrics_in(const std::string& document) {
    return parsed(document)["_aws"].at("CloudWatchMetrics").at(0).at("Metrics").as_array().size();
}

std::string numbered(std::string name, int n) { return name + std::to_string(n); }

}  // namespace

TEST_CASE("a document, byte for byte", "[aws]") {
    emf_builder emf("shop/orders", incident);
    emf.dimension("service", "checkout").dimension("zone", "a").metric("orders", 3, metric_unit::count);
    emf.metric("a.b", 0.5).metric("wait", 1, metric_unit::milliseconds, metric_resolution::second);
    emf.metric("wait", 2.25, metric_unit::milliseconds, metric_resolution::second);
    emf.property("build", "4\"7")
        .property("retries", std::int64_t{3})
        .property("warm", true)
        .property("share", not_a_number);
    CHECK(
        emf.documents() ==
        std::vector<std::string>{
            R"({"_aws":{"Timestamp":1761492406789,"CloudWatchMetrics":[{"Namespace":"shop/orders",)"
            R"("Dimensions":[["service","zone"]],)"
            R"("Metrics":[{"Name":"orders","Unit":"Count"},{"Name":"a.b"},)"
            R"({"Name":"wait","Unit":"Milliseconds","StorageResolution":1}]}]},"service":"checkout","zone":"a","build":"4\"7",)"
            R"("retries":3,"warm":true,"share":null,"orders":3,"a.b":0.5,"wait":[1,2.25]})"});
    check_rules(emf.documents());
    CHECK(emf.left_out() == 0);
}

TEST_CASE("without dimensions the set is empty, and without values there is no document", "[aws]") {
    emf_builder emf("shop", log::wall_time(-1s));
    CHECK(emf.property("a", "b").documents().empty());
    CHECK(emf.metric("m", not_a_number).documents().empty());
    CHECK(
        emf.metric("n", 1).documents() ==
        std::vector<std::string>{R"({"_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[[]],)"
                                 R"("Metrics":[{"Name":"n"}]}]},"a":"b","n":1})"});
}

TEST_CASE("CloudWatch's limits split documents", "[aws]") {
    struct row {
        int metrics, values;
        std::vector<std::size_t> metrics_of_each;
    };
    const row rows[] = {
        {1, 1, {1}},      {100, 1, {100}},     {101, 1, {100, 1}},  {250, 1, {100, 100, 50}},    {1, 100, {1}},
        {1, 101, {1, 1}}, {1, 300, {1, 1, 1}}, {2, 250, {2, 2, 2}}, {101, 101, {100, 1, 100, 1}}};
    for (const row& r : rows) {
        CAPTURE(r.metrics, r.values);
        emf_builder emf("shop", incident);
        emf.dimension("d", "x").property("p", "y");
        double sum = 0, found = 0;
        for (int m = 0; m < r.metrics; ++m)
            for (int v = 0; v < r.values; ++v) emf.metric(numbered("m", m), ++sum);
        std::vector<std::size_t> metrics;
        for (const std::string& one : emf.documents()) {
            metrics.push_back(metrics_in(one));
            const json::object root = parsed(one);
            CHECK((root.at("d") == "x" && root.at("p") == "y"));
            for (const auto& [name, value] : root)
                if (name[0] == 'm') found += value.is_array() ? static_cast<double>(value.get_array().size()) : 1;
        }
        CHECK(metrics == r.metrics_of_each);
        CHECK(found == sum);
        check_rules(emf.documents());
    }
}

TEST_CASE("documents keep below the size that was asked for", "[aws]") {
    emf_builder emf("shop", incident);
    for (int d = 0; d < 30; ++d) emf.dimension(std::string(248, '"') + std::to_string(10 + d), std::string(2000, '\\'));
    emf.property("words", std::string(65'000, 'x'));
    const std::vector<double> values(100, -1.2345678901234567e-100);
    for (int m = 0; m < 100; ++m)
        emf.metric(std::string(252, '\\') + std::to_string(100 + m), values, metric_unit::bytes);
    const auto small = emf.documents(aws::largest_old_event), large = emf.documents();
    CHECK((small.size() > 1 && large.size() == 1));
    check_rules(small, aws::largest_old_event);
    check_rules(large);
    std::size_t metrics = 0;
    for (const std::string& one : small) metrics += metrics_in(one);
    CHECK(metrics == 100);
    CHECK(emf.left_out() == 0);
    CHECK(refusal([&] { (void)emf.documents(aws::largest_old_event - 1); }) ==
          "kedge::aws: EMF max_bytes = 262117; accepted: at least 262118");
}

TEST_CASE("what CloudWatch would refuse of a value is repaired or left out", "[aws]") {
    emf_builder emf("shop", incident);
    for (const double bad : {not_a_number, infinity, -infinity, 1e300, -0x1.0000000000001p360}) emf.metric("m", bad);
    CHECK(emf.left_out() == 5);
    for (const double good : {0x1p360, -0x1p360, 0., -0., 5e-324, 1e22}) emf.metric("m", good);
    emf.property("p", std::string(70'000, 'x'))
        .property("q", std::string(64'000, 'x'))
        .property("r", std::string(2'000, 'x'));
    CHECK(emf.left_out() == 7);
    emf.property("p", "fits");
    emf.dimension("blank", "  ")
        .dimension("empty", "")
        .dimension("long", std::string(1025, 'x'))
        .dimension("text", "gr\xc3\xbc\xc3\x9f\n");
    const auto documents = emf.documents();
    REQUIRE(documents.size() == 1);
    check_rules(documents);
    json::object root = parsed(documents[0]);
    CHECK((root["blank"] == "-" && root["empty"] == "-" && root["text"] == "gr?????" && root["p"] == "fits"));
    CHECK(root["long"].as_string().size() == 1024);
    CHECK(root["m"].as_array().size() == 6);
    CHECK(root.size() == 8);
}

TEST_CASE("a wrong name is refused, and nothing of it stays", "[aws]") {
    emf_builder emf("shop", incident);
    emf.dimension("taken", "x").metric("m", 1, metric_unit::count).property("p", "y");
    const auto before = emf.documents();
    const std::string long_name(256, 'n');
    const auto form = [](int n) {
        return "; accepted: 1 to " + std::to_string(n) + " characters of printable ASCII, not only spaces";
    };
    for (const std::string& bad :
         {std::string(), std::string("  "), std::string("a\nb"), std::string("\x7f"), std::string("\xc3\xa4")}) {
        CHECK(refusal([&] { emf.metric(bad, 1); }).ends_with(form(255)));
        CHECK(refusal([&] { emf.property(bad, true); }).ends_with(form(255)));
        CHECK(refusal([&] { emf.dimension(bad, "x"); }).ends_with(form(250)));
    }
    CHECK(refusal([&] { emf.metric(long_name, 1); }).ends_with(form(255)));
    CHECK(refusal([&] { emf.dimension(long_name.substr(5), "x"); }).ends_with(form(250)));
    CHECK(refusal([&] { emf.dimension(":a", "x"); }) == "kedge::aws: EMF dimension \":a\"; accepted: no : in front");
    for (const char* bad : {"taken", "p", "_aws"}) {
        const std::string why = " is taken; accepted: a name that no dimension, metric or property has, and not _aws";
        CHECK(refusal([&] { emf.metric(bad, 1); }) == "kedge::aws: EMF metric \"" + std::string(bad) + '"' + why);
        CHECK(refusal([&] { emf.dimension(bad, "x"); }) ==
              "kedge::aws: EMF dimension \"" + std::string(bad) + '"' + why);
        CHECK(refusal([&] { emf.property(bad, 1.5); }) == "kedge::aws: EMF property \"" + std::string(bad) + '"' + why);
    }
    CHECK(refusal([&] { emf.property("m", 1.5); }).find(" is taken") != std::string::npos);
    CHECK(refusal([&] { emf.metric("m", 1); }) ==
          "kedge::aws: EMF metric \"m\" has another unit or resolution already");
    CHECK(refusal([&] { emf.metric("m", 1, metric_unit::count, metric_resolution::second); }).find("resolution") !=
          std::string::npos);
    CHECK(emf.documents() == before);
    for (int d = 1; d < 30; ++d) emf.dimension(numbered("d", d), "x");
    CHECK(refusal([&] { emf.dimension("d30", "x"); }) ==
          "kedge::aws: EMF dimension \"d30\" is one too many; accepted: 30");
    check_rules(emf.documents());
    for (const std::string& bad :
         {std::string(), std::string("a b"), std::string(":a"), std::string("AWS/Logs"), long_name})
        CHECK(refusal([&] {
                  emf_builder(bad, incident);
              }).ends_with("letters, digits and ._#:/- without : or AWS/ in front"));
}

namespace {

/// One call to a builder, with whatever arguments.
struct step {
    int what;
    std::string name, text;
    std::vector<double> values;
    int unit;
};

/// What was accepted, by name.
struct accepted {
    std::map<std::string, std::string> dimensions, properties;
    std::map<std::string, std::vector<double>> metrics;
    std::size_t left_out = 0;
};

std::string repaired(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const log::detail::decoded one = log::detail::decode(text);
        out += one.valid ? text.substr(0, one.size) : log::detail::replacement;
        text.remove_prefix(one.size);
    }
    return out;
}

void play(const step& s, emf_builder& emf, accepted& model) {
    try {
        if (s.what == 0) emf.dimension(s.name, s.text), model.dimensions[s.name] = s.text;
        if (s.what == 1) {
            const std::size_t before = emf.left_out();
            emf.property(s.name, s.text);
            if (emf.left_out() == before) model.properties[s.name] = repaired(s.text);
            else ++model.left_out;
        }
        if (s.what < 2) return;
        emf.metric(s.name, s.values, static_cast<metric_unit>(s.unit),
                   s.what == 2 ? metric_resolution::minute : metric_resolution::second);
        for (const double v : s.values) {
            if (std::abs(v) <= 0x1p360) model.metrics[s.name].push_back(v);
            else ++model.left_out;
        }
    } catch (const std::invalid_argument&) {}
}

bool is_near(double a, double b) {
    return std::abs(a - b) <= 1e-12 * std::abs(b) + 1e-300;
}  // Boost.JSON 1.81 does not read exactly

/// What the documents say, against what was accepted.
void compare(const std::vector<std::string>& documents, const accepted& model) {
    std::map<std::string, std::vector<double>> metrics;
    for (const std::string& one : documents) {
        RC_ASSERT(emf_rules::broken(one, aws::largest_old_event) == "");
        json::object root = parsed(one);
        RC_ASSERT(root.size() == 1 + model.dimensions.size() + model.properties.size() + metrics_in(one));
        for (const auto& [name, value] : model.properties) RC_ASSERT(root.at(name).as_string() == value);
        for (const auto& [name, value] : model.dimensions) RC_ASSERT(root.at(name).is_string());
        for (const json::value& metric : root["_aws"].at("CloudWatchMetrics").at(0).at("Metrics").as_array()) {
            const std::string name(metric.at("Name").as_string());
            const json::value& target = root.at(name);
            if (!target.is_array()) metrics[name].push_back(target.to_number<double>());
            else
                for (const json::value& v : target.get_array()) metrics[name].push_back(v.to_number<double>());
        }
    }
    RC_ASSERT(metrics.size() == model.metrics.size());
    for (const auto& [name, values] : model.metrics)
        RC_ASSERT(std::equal(values.begin(), values.end(), metrics[name].begin(), metrics[name].end(), is_near));
}

rc::Gen<step> any_step() {
    using rc::gen::arbitrary, rc::gen::element, rc::gen::inRange, rc::gen::map;
    const auto printable = rc::gen::container<std::string>(rc::gen::inRange<char>(' ', 0x7f));
    const auto few = map(inRange(0, 60), [](int n) { return numbered("n", n); });
    const auto name =
        rc::gen::weightedOneOf<std::string>({{6, few},
                                             {2, printable},
                                             {1, arbitrary<std::string>()},
                                             {1, element<std::string>("_aws", ":x", "\"", "\\", " ", "a.b")}});
    const auto long_text = map(rc::gen::pair(inRange(0, 40'000), arbitrary<char>()), [](const std::pair<int, char>& p) {
        return std::string(static_cast<std::size_t>(p.first), p.second);
    });
    const auto text = rc::gen::weightedOneOf<std::string>({{8, arbitrary<std::string>()}, {1, long_text}});
    const auto special =
        element(not_a_number, infinity, -infinity, 0., -0., 1e300, 0x1p360, 5e-324, 1e15, 123456789012345678.);
    const auto value = rc::gen::weightedOneOf<double>({{4, arbitrary<double>()}, {1, special}});
    const auto values =
        rc::gen::weightedOneOf<std::vector<double>>({{4, rc::gen::container<std::vector<double>>(value)},
                                                     {1, rc::gen::container<std::vector<double>>(150, value)}});
    return rc::gen::construct<step>(element(0, 1, 2, 2, 2, 2, 3), name, text, values, element(0, 0, 0, 15, 26));
}

/// Found by rapidcheck beside the type.
void showValue(const step& s, std::ostream& out) {
    out << "call " << s.what << " of \"" << s.name << "\", " << s.text.size() << " bytes, " << s.values.size()
        << " values";
}

}  // namespace

TEST_CASE("whatever names, texts and numbers a builder is given, its documents are valid and say it", "[aws]") {
    std::size_t split = 0, left_out = 0;
    const auto calls = rc::gen::container<std::vector<step>>(any_step());
    ::setenv("RC_PARAMS", "seed=1 max_success=300", 0);  // before the first property of the program
    const int cases = kedge_test::holds("documents of any calls", [&] {
        emf_builder emf("shop", incident);
        accepted model;
        for (const step& s : *calls) play(s, emf, model);
        const auto made = emf.documents(aws::largest_old_event);
        compare(made, model);
        RC_ASSERT(emf.left_out() == model.left_out);
        split += made.size() > 1;
        left_out += model.left_out;
    });
    if (cases >= 300) CHECK((split > 60 && left_out > 100));  // it is about something
}

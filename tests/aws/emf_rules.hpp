// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// What CloudWatch wants of a document in Embedded Metric Format: its specification, and the limits of PutMetricData's model. Says
// nothing of how kedge makes one.

namespace aws_test {

namespace json = boost::json;

class emf_rules {
public:
    /// What is wrong with a document; empty: nothing.
    static std::string broken(std::string_view text, std::size_t max_bytes) {
        emf_rules r;
        try {
            r.want(text.size() <= max_bytes, "the document is too large");
            r.want(std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
                   "a control character");
            r.document(json::parse({text.data(), text.size()}).as_object());
        } catch (const std::exception& e) {
            r.want(false, e.what());
        }
        return r.problem_;
    }

private:
    void want(bool held, std::string_view otherwise) {
        if (!held && problem_.empty()) problem_ = otherwise;
    }

    static bool is_name(std::string_view text, std::size_t longest) {
        return text.size() <= longest && text.find_first_not_of(' ') != text.npos &&
               std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
    }

    void document(const json::object& root) {
        const json::object& aws = root.at("_aws").as_object();
        want(aws.size() == 2, "_aws has other members");
        want(aws.at("Timestamp").to_number<std::int64_t>() >= 0, "a time before 1970");
        const json::array& directives = aws.at("CloudWatchMetrics").as_array();
        want(directives.size() == 1, "not one directive");
        for (const json::value& one : directives) directive(one.as_object(), root);
    }

    void directive(const json::object& one, const json::object& root) {
        want(one.size() == 3, "a directive has other members");
        const std::string_view name_space = text(one.at("Namespace"));
        const std::string_view marks = "._#:/-";
        want(
            !name_space.empty() && name_space.size() <= 255 && name_space[0] != ':' &&
                !name_space.starts_with("AWS/") &&
                std::ranges::all_of(
                    name_space,
                    [&](char c) { return std::isalnum(static_cast<unsigned char>(c)) || marks.find(c) != marks.npos; }),
            "a bad namespace");
        const json::array& sets = one.at("Dimensions").as_array();
        want(sets.size() == 1, "not one set of dimensions");
        for (const json::value& set : sets) dimensions(set.as_array(), root);
        const json::array& metrics = one.at("Metrics").as_array();
        want(!metrics.empty() && metrics.size() <= 100, "no metric, or more than 100");
        for (const json::value& metric : metrics) this->metric(metric.as_object(), root);
    }

    void dimensions(const json::array& set, const json::object& root) {
        want(set.size() <= 30, "more than 30 dimensions");
        for (const json::value& one : set) {
            const std::string_view name = text(one), value = text(root.at(name));
            want(is_name(name, 250) && name[0] != ':', "a bad name of a dimension");
            want(is_name(value, 1024), "a bad value of a dimension");
            want(names_.insert(std::string(name)).second, "a dimension that is there twice");
        }
    }

    void metric(const json::object& one, const json::object& root) {
        const std::string_view name = text(one.at("Name"));
        want(is_name(name, 255), "a bad name of a metric");
        want(names_.insert(std::string(name)).second, "a metric that is there twice, or as a dimension");
        std::size_t members = 1;
        if (const json::value* unit = one.if_contains("Unit")) want(is_unit(text(*unit)), "no unit"), ++members;
        if (const json::value* resolution = one.if_contains("StorageResolution"))
            want(*resolution == 1 || *resolution == 60, "no resolution"), ++members;
        want(one.size() == members, "a metric has other members");
        const json::value& target = root.at(name);
        if (!target.is_array()) return number(target);
        want(!target.get_array().empty() && target.get_array().size() <= 100, "no value, or more than 100");
        for (const json::value& value : target.get_array()) number(value);
    }

    void number(const json::value& value) {
        want(value.is_number() && std::abs(value.to_number<double>()) <= std::ldexp(1., 360), "no number that counts");
    }

    static std::string_view text(const json::value& value) {
        return {value.as_string().data(), value.as_string().size()};
    }

    static bool is_unit(std::string_view name) {
        const std::string_view all =
            " Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits "
            "Megabits Gigabits Terabits Percent Count Bytes/Second Kilobytes/Second Megabytes/Second "
            "Gigabytes/Second Terabytes/Second Bits/Second Kilobits/Second Megabits/Second Gigabits/Second "
            "Terabits/Second Count/Second None ";
        return name.find(' ') == name.npos && all.find(" " + std::string(name) + " ") != all.npos;
    }

    std::set<std::string> names_;
    std::string problem_;
};

}  // namespace aws_test

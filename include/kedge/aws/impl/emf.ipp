// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/emf.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/http/impl/characters.hpp>
#include <kedge/log/detail/json.hpp>
#include <kedge/payment/impl/quoted.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <variant>

namespace kedge::aws {

namespace detail {

inline constexpr std::size_t max_dimensions = 30, max_metrics = 100, max_values = 100, max_dimension_value = 1024;
inline constexpr std::size_t max_properties = 64 * 1024;  // bytes

constexpr std::string_view name_of(metric_unit unit) noexcept {
    constexpr std::array<std::string_view, 27> names = {"None",
                                                        "Seconds",
                                                        "Microseconds",
                                                        "Milliseconds",
                                                        "Bytes",
                                                        "Kilobytes",
                                                        "Megabytes",
                                                        "Gigabytes",
                                                        "Terabytes",
                                                        "Bits",
                                                        "Kilobits",
                                                        "Megabits",
                                                        "Gigabits",
                                                        "Terabits",
                                                        "Percent",
                                                        "Count",
                                                        "Bytes/Second",
                                                        "Kilobytes/Second",
                                                        "Megabytes/Second",
                                                        "Gigabytes/Second",
                                                        "Terabytes/Second",
                                                        "Bits/Second",
                                                        "Kilobits/Second",
                                                        "Megabits/Second",
                                                        "Gigabits/Second",
                                                        "Terabits/Second",
                                                        "Count/Second"};
    return names[static_cast<std::size_t>(unit)];
}

constexpr bool is_printable(char c) noexcept { return c >= ' ' && c <= '~'; }

inline bool is_namespace(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 255 && text[0] != ':' && !text.starts_with("AWS/") &&
           std::ranges::all_of(text, [](char c) {
               return http::detail::is_alnum(c) || std::string_view("._#:/-").find(c) != std::string_view::npos;
           });
}

inline bool counts(double value) noexcept {
    constexpr double limit = 0x1p360;  // CloudWatch's
    return std::isfinite(value) && std::abs(value) <= limit;
}

inline std::string dimension_value(std::string_view given) {
    std::string out(given.substr(0, max_dimension_value));
    std::ranges::replace_if(
        out, [](char c) { return !is_printable(c); }, '?');
    return out.find_first_not_of(' ') == std::string::npos ? "-" : out;
}

/// What stands in a document for one metric: in its list of metrics, and as a member.
struct metric_text {
    std::string definition, member;
};

inline metric_text text_of(std::string_view name, metric_unit unit, metric_resolution resolution,
                           std::span<const double> values) {
    metric_text out;
    log::detail::append_member(out.definition += '{', "Name", name);
    if (unit != metric_unit::none) log::detail::append_member(out.definition, "Unit", name_of(unit));
    if (resolution != metric_resolution::minute)
        log::detail::append_member(out.definition, "StorageResolution", static_cast<int>(resolution));
    out.definition += '}';
    log::detail::append_json(out.member += ',', name);
    out.member += ':';
    if (values.size() > 1) out.member += '[';
    for (const double& value : values) {
        if (&value != values.data()) out.member += ',';
        log::detail::append_json(out.member, value);
    }
    if (values.size() > 1) out.member += ']';
    return out;
}

/// Fills documents with metrics, and begins the next one when there is no room.
class emf_writer {
public:
    /// @param members  dimensions and properties, each behind a comma
    emf_writer(std::string_view name_space, std::int64_t timestamp, std::string_view dimension_names,
               std::string members, std::size_t max_bytes)
        : members_(std::move(members)), max_bytes_(max_bytes) {
        log::detail::append_member(head_ += R"({"_aws":{)", "Timestamp", timestamp);
        log::detail::append_member(head_ += R"(,"CloudWatchMetrics":[{)", "Namespace", name_space);
        ((head_ += R"(,"Dimensions":[[)") += dimension_names) += R"(]],"Metrics":[)";
    }

    void add(const metric_text& one) {
        const std::size_t frame = head_.size() + middle.size() + members_.size() + 1;
        const std::size_t size =
            frame + definitions_.size() + values_.size() + one.definition.size() + 1 + one.member.size();
        if (count_ == max_metrics || (count_ > 0 && size > max_bytes_)) finish();
        if (count_++ > 0) definitions_ += ',';
        definitions_ += one.definition;
        values_ += one.member;
    }

    /// What is added afterwards goes into another document.
    void finish() {
        if (count_ == 0) return;
        std::string text = head_ + definitions_;
        (((text += middle) += members_) += values_) += '}';
        out_.push_back(std::move(text));
        definitions_.clear();
        values_.clear();
        count_ = 0;
    }

    std::vector<std::string> take() {
        finish();
        return std::move(out_);
    }

private:
    static constexpr std::string_view middle = "]}]}";

    std::string head_, members_, definitions_, values_;
    std::size_t max_bytes_, count_ = 0;
    std::vector<std::string> out_;
};

}  // namespace detail

KEDGE_DECL emf_builder::emf_builder(std::string name_space, log::wall_time when)
    : name_space_(std::move(name_space)),
      timestamp_(
          std::max<std::int64_t>(0, std::chrono::floor<std::chrono::milliseconds>(when.time_since_epoch()).count())) {
    if (!detail::is_namespace(name_space_))
        throw std::invalid_argument("kedge::aws: EMF namespace " + kedge::detail::quoted(name_space_) +
                                    "; accepted: 1 to 255 letters, digits and ._#:/- without : or AWS/ in front");
}

KEDGE_DECL void emf_builder::check_name(std::string_view name, std::size_t longest, std::string_view what) const {
    const auto refuse = [&](const std::string& why) {
        throw std::invalid_argument("kedge::aws: EMF " + std::string(what) + ' ' + kedge::detail::quoted(name) + why);
    };
    if (name.size() > longest || !std::ranges::all_of(name, detail::is_printable) ||
        name.find_first_not_of(' ') == std::string_view::npos)
        refuse("; accepted: 1 to " + std::to_string(longest) + " characters of printable ASCII, not only spaces");
    const auto is = [name](const auto& one) { return one == name; };
    if (name == "_aws" || std::ranges::any_of(dimensions_, is, &std::pair<std::string, std::string>::first) ||
        std::ranges::any_of(metrics_, is, &series::name) || std::ranges::any_of(properties_, is))
        refuse(" is taken; accepted: a name that no dimension, metric or property has, and not _aws");
}

KEDGE_DECL emf_builder& emf_builder::dimension(std::string_view name, std::string_view value) {
    check_name(name, 250, "dimension");
    if (name[0] == ':')
        throw std::invalid_argument("kedge::aws: EMF dimension " + kedge::detail::quoted(name) +
                                    "; accepted: no : in front");
    if (dimensions_.size() == detail::max_dimensions)
        throw std::invalid_argument("kedge::aws: EMF dimension " + kedge::detail::quoted(name) +
                                    " is one too many; accepted: 30");
    dimensions_.emplace_back(name, detail::dimension_value(value));
    return *this;
}

KEDGE_DECL emf_builder& emf_builder::metric(std::string_view name, double value, metric_unit unit,
                                            metric_resolution resolution) {
    return metric(name, std::span(&value, 1), unit, resolution);
}

KEDGE_DECL emf_builder& emf_builder::metric(std::string_view name, std::span<const double> values, metric_unit unit,
                                            metric_resolution resolution) {
    auto found = std::ranges::find(metrics_, name, &series::name);
    if (found != metrics_.end() && (found->unit != unit || found->resolution != resolution))
        throw std::invalid_argument("kedge::aws: EMF metric " + kedge::detail::quoted(name) +
                                    " has another unit or resolution already");
    std::vector<double> good;
    std::ranges::copy_if(values, std::back_inserter(good), detail::counts);
    const std::size_t bad = values.size() - good.size();
    if (found == metrics_.end()) {
        check_name(name, 255, "metric");
        metrics_.push_back({std::string(name), unit, resolution, std::move(good)});
    } else {
        found->values.insert(found->values.end(), good.begin(), good.end());
    }
    left_out_ += bad;
    return *this;
}

KEDGE_DECL emf_builder& emf_builder::property(std::string_view name, log::field_value value) {
    check_name(name, 255, "property");
    std::string member = ",";
    log::detail::append_json(member, name);
    member += ':';
    std::visit([&](const auto& one) { log::detail::append_json(member, one); }, value);
    if (property_members_.size() + member.size() > detail::max_properties) {
        ++left_out_;
        return *this;
    }
    properties_.emplace_back(name);
    property_members_ += member;
    return *this;
}

KEDGE_DECL std::vector<std::string> emf_builder::documents(std::size_t max_bytes) const {
    if (max_bytes < largest_old_event)
        throw std::invalid_argument("kedge::aws: EMF max_bytes = " + std::to_string(max_bytes) +
                                    "; accepted: at least " + std::to_string(largest_old_event));
    std::string names, members;
    for (const auto& [name, value] : dimensions_) {
        if (!names.empty()) names += ',';
        log::detail::append_json(names, std::string_view(name));
        log::detail::append_json(members += ',', std::string_view(name));
        log::detail::append_json(members += ':', std::string_view(value));
    }
    detail::emf_writer out(name_space_, timestamp_, names, members + property_members_, max_bytes);
    std::size_t longest = 0;
    for (const series& one : metrics_) longest = std::max(longest, one.values.size());
    for (std::size_t from = 0; from < longest;
         from += detail::max_values, out.finish()) {  // a metric is there once in each
        for (const series& one : metrics_) {
            if (from >= one.values.size()) continue;
            const auto values =
                std::span(one.values).subspan(from, std::min(detail::max_values, one.values.size() - from));
            out.add(detail::text_of(one.name, one.unit, one.resolution, values));
        }
    }
    return out.take();
}

}  // namespace kedge::aws

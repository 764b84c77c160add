// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/record.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kedge::aws {

/// CloudWatch's units, in its order.
enum class metric_unit : std::uint8_t {
    none,
    seconds, microseconds, milliseconds,
    bytes, kilobytes, megabytes, gigabytes, terabytes,
    bits, kilobits, megabits, gigabits, terabits,
    percent, count,
    bytes_per_second, kilobytes_per_second, megabytes_per_second, gigabytes_per_second, terabytes_per_second,
    bits_per_second, kilobits_per_second, megabits_per_second, gigabits_per_second, terabits_per_second,
    count_per_second,
};

/// How finely CloudWatch keeps a metric; one second costs more.
enum class metric_resolution : std::uint8_t { second = 1, minute = 60 };

/// Bytes of the largest log event, without the 26 that the service counts for each: a megabyte, since April 2025.
inline constexpr std::size_t largest_event = 1'048'550;
/// What it was before, and still is for emulators and some endpoints.
inline constexpr std::size_t largest_old_event = 262'118;

/** Puts metrics into log events (Embedded Metric Format), from which CloudWatch takes them. It makes valid documents only, as
 *  many as they need: at most 100 metrics in each, 100 values of a metric, and so many bytes.
 *
 *  @code
 *  kedge::aws::emf_builder emf{"shop", runtime.wall_now()};
 *  emf.dimension("service", "checkout").metric("orders", 3, kedge::aws::metric_unit::count).property("build", "4711");
 *  for (const std::string& line : emf.documents()) …            // each one event, with nothing before and nothing behind it
 *  @endcode
 *
 *  Names belong to the program: a wrong one throws. Values belong to the moment: what CloudWatch would refuse is repaired or
 *  left out, and counted. Names of dimensions, metrics and properties share one space, and none is "_aws".
 *
 *  An event that is delivered twice counts twice in sums; in averages and extremes it does no harm.
 *
 *  @par Exceptions   `std::invalid_argument` names the name and the accepted form; the builder is as before then
 *  @par Thread safety  As a value.
 */
class emf_builder {
public:
    /** @param name_space  1 to 255 letters, digits and `._#:/-`; neither begins with `:` nor with `AWS/`
     *  @param when        of all metrics; CloudWatch takes 14 days back and 2 hours ahead. Before 1970 counts as 1970 */
    emf_builder(std::string name_space, log::wall_time when);

    /** By what the metrics can be told apart; each combination of values is a metric of its own, and costs as such.
     *  @param name   1 to 250 characters of printable ASCII, not only spaces, no `:` in front; at most 30 of them
     *  @param value  characters that CloudWatch does not take become `?`, what is longer than 1024 is cut, blank becomes `-` */
    emf_builder& dimension(std::string_view name, std::string_view value);

    /** One value, or one more if there is such a metric.
     *  @param name   1 to 255 characters of printable ASCII, not only spaces; the same name has the same unit and resolution
     *  @param value  left out if it is not finite, or beyond 2^360 on either side of zero */
    emf_builder& metric(std::string_view name, double value, metric_unit = metric_unit::none,
                        metric_resolution = metric_resolution::minute);

    /// Several values.
    emf_builder& metric(std::string_view name, std::span<const double> values, metric_unit = metric_unit::none,
                        metric_resolution = metric_resolution::minute);

    /** What can be searched for in the event, and is no metric; costs nothing.
     *  @param name   as that of a metric, once only
     *  @param value  text is repaired to UTF-8; a number that JSON cannot say becomes `null`. Left out if all properties would
     *                have more than 64 KiB then, which leaves room for the metrics in the smallest of events */
    emf_builder& property(std::string_view name, log::field_value value);

    /** The documents; none if there is no value.
     *  @param max_bytes  of each, at least @ref largest_old_event */
    std::vector<std::string> documents(std::size_t max_bytes = largest_event) const;

    /// Values and properties that were left out.
    std::size_t left_out() const noexcept { return left_out_; }

private:
    struct series {
        std::string name;
        metric_unit unit;
        metric_resolution resolution;
        std::vector<double> values;
    };

    void check_name(std::string_view name, std::size_t longest, std::string_view what) const;

    std::string name_space_;
    std::int64_t timestamp_;
    std::vector<std::pair<std::string, std::string>> dimensions_{};
    std::vector<series> metrics_{};
    std::vector<std::string> properties_{};
    std::string property_members_{};  // as JSON, each behind a comma
    std::size_t left_out_ = 0;
};

}  // namespace kedge::aws

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/impl/emf.ipp>
#endif

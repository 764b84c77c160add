// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/key_answer.hpp>
#include <kedge/aws/detail/xml_fields.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/detail/json.hpp>
#include <kedge/http/impl/characters.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <utility>

namespace kedge::aws::detail {

/// Named values of an answer; overwritten at the end, since they are keys.
class answer_fields {
public:
    using fields = std::map<std::string, std::string, std::less<>>;

    explicit answer_fields(std::optional<fields> read) : all_(std::move(read)) {}
    answer_fields(const answer_fields&) = delete;
    answer_fields& operator=(const answer_fields&) = delete;
    ~answer_fields() {
        if (all_)
            for (auto& [name, value] : *all_) kedge::detail::wipe(value);
    }

    explicit operator bool() const noexcept { return all_.has_value(); }
    /// Empty if it is not there.
    const std::string& operator[](std::string_view name) const noexcept {
        static const std::string none;
        const auto at = all_ ? all_->find(name) : fields::const_iterator();
        return !all_ || at == all_->end() ? none : at->second;
    }

private:
    std::optional<fields> all_;
};

/// A service's word for what is wrong, if it is a word.
inline std::string shown_code(std::string_view code) {
    const auto fits = [](char c) { return http::detail::is_alnum(c) || c == '.' || c == '_' || c == '-'; };
    return code.empty() || code.size() > 64 || !std::ranges::all_of(code, fits) ? std::string() : " " + std::string(code);
}

KEDGE_DECL std::optional<http::wall_time> parse_utc(std::string_view text) noexcept {
    constexpr std::string_view form = "0000-00-00T00:00:00";
    if (text.size() <= form.size() || text.back() != 'Z') return {};
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        const char wanted = i < form.size() ? form[i] : i == form.size() ? '.' : '0';
        if (wanted == '0' ? !http::detail::is_digit(text[i]) : text[i] != wanted) return {};
    }
    if (text.size() == form.size() + 2) return {};  // a dot and no fraction
    const auto number = [text](std::size_t at, std::size_t count) {
        unsigned out = 0;
        for (const char c : text.substr(at, count)) out = out * 10 + static_cast<unsigned>(c - '0');
        return out;
    };
    using namespace std::chrono;
    const year_month_day day(year(static_cast<int>(number(0, 4))), month(number(5, 2)), std::chrono::day(number(8, 2)));
    const unsigned h = number(11, 2), m = number(14, 2), s = number(17, 2);
    if (!day.ok() || day.year() < year(1970) || day.year() > year(2200) || h > 23 || m > 59 || s > 60) return {};
    return sys_days(day) + hours(h) + minutes(m) + seconds(s);
}

inline found_keys keys_of(const answer_fields& all, const std::string& path, std::string_view token) {
    const auto end = parse_utc(all[path + "Expiration"]);
    for (const std::string_view name : {std::string_view("AccessKeyId"), std::string_view("SecretAccessKey"), token})
        if (all[path + std::string(name)].empty()) return failed("the answer has no " + std::string(name));
    if (!end) return failed("the answer has no Expiration in the form 2026-11-26T18:00:00Z");
    return found_by([&] {
        found_keys out = found({all[path + "AccessKeyId"], all[path + "SecretAccessKey"], all[path + std::string(token)]});
        out.expires = end;
        return out;
    });
}

KEDGE_DECL found_keys keys_in_json(http::response answer) {
    const secret<std::string> body(std::move(answer.body));
    const answer_fields all(kedge::detail::json_reader::read(body.reveal()));
    const std::string code = shown_code(all["Code"].empty() ? all["code"] : all["Code"]);
    if (answer.status != 200) return failed("the answer is " + std::to_string(answer.status) + code);
    if (!all) return failed("the answer is no JSON object");
    if (!code.empty() && code != " Success") return failed("the answer is" + code);
    return keys_of(all, "", "Token");
}

KEDGE_DECL found_keys keys_in_xml(http::response answer) {
    const secret<std::string> body(std::move(answer.body));
    const answer_fields all(xml_fields::read(body.reveal()));
    if (answer.status != 200)
        return failed("the answer is " + std::to_string(answer.status) + shown_code(all["ErrorResponse.Error.Code"]));
    if (!all) return failed("the answer is no XML document");
    return keys_of(all, "AssumeRoleWithWebIdentityResponse.AssumeRoleWithWebIdentityResult.Credentials.", "SessionToken");
}

}  // namespace kedge::aws::detail

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/service_answer.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/detail/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <exception>
#include <optional>
#include <utility>

namespace kedge::aws::detail {

struct known_code {
    std::string_view code;
    answer_kind kind;
};

inline constexpr known_code known_codes[] = {
    {"ThrottlingException", answer_kind::throttled},
    {"Throttling", answer_kind::throttled},
    {"ThrottledException", answer_kind::throttled},
    {"RequestThrottled", answer_kind::throttled},
    {"RequestThrottledException", answer_kind::throttled},
    {"TooManyRequestsException", answer_kind::throttled},
    {"RequestLimitExceeded", answer_kind::throttled},
    {"SlowDown", answer_kind::throttled},
    {"BandwidthLimitExceeded", answer_kind::throttled},
    {"LimitExceededException", answer_kind::limit_reached},
    {"ServiceUnavailableException", answer_kind::failed},
    {"ServiceUnavailable", answer_kind::failed},
    {"RequestTimeout", answer_kind::failed},
    {"RequestTimeoutException", answer_kind::failed},
    {"RequestAbortedException", answer_kind::failed},
    {"InvalidSequenceTokenException", answer_kind::failed},
    {"DataAlreadyAcceptedException", answer_kind::accepted},
    {"ResourceNotFoundException", answer_kind::missing},
    {"ResourceAlreadyExistsException", answer_kind::exists},
    {"OperationAbortedException", answer_kind::conflict},
    {"ExpiredToken", answer_kind::stale_credentials},
    {"ExpiredTokenException", answer_kind::stale_credentials},
    {"UnrecognizedClientException", answer_kind::stale_credentials},
    {"InvalidClientTokenId", answer_kind::stale_credentials},
    {"RequestExpired", answer_kind::stale_credentials},
    {"InvalidSignatureException", answer_kind::bad_signature},
    {"SignatureDoesNotMatch", answer_kind::bad_signature},
    {"RequestTimeTooSkewed", answer_kind::bad_signature},
    {"RequestInTheFuture", answer_kind::bad_signature},
    {"AuthFailure", answer_kind::bad_signature},
    {"AccessDeniedException", answer_kind::denied},
    {"AccessDenied", answer_kind::denied},
    {"IncompleteSignature", answer_kind::denied},
    {"MissingAuthenticationToken", answer_kind::denied},
    {"OptInRequired", answer_kind::denied},
    {"NotAuthorized", answer_kind::denied},
    {"InvalidParameterException", answer_kind::invalid},
    {"ValidationException", answer_kind::invalid},
    {"SerializationException", answer_kind::malformed},
    {"RequestEntityTooLargeException", answer_kind::too_large},
    {"MalformedHttpRequestException", answer_kind::malformed},
};

/// `com.amazonaws.logs#Code:http://…` → `Code`
inline std::string_view bare_code(std::string_view type) noexcept {
    type = type.substr(0, type.find(':'));
    if (const auto hash = type.rfind('#'); hash != std::string_view::npos) type.remove_prefix(hash + 1);
    return type;
}

inline answer_kind kind_of(std::string_view code, int status) noexcept {
    const auto* const known = std::find_if(std::begin(known_codes), std::end(known_codes),
                                           [code](const known_code& one) { return one.code == code; });
    if (known != std::end(known_codes)) return known->kind;
    if (status == 429) return answer_kind::throttled;
    if (status == 413) return answer_kind::too_large;
    if (status == 415) return answer_kind::malformed;
    if (status == 408 || (status >= 500 && !code.empty())) return answer_kind::failed;
    // Without a code it was not the service that spoke.
    return code.empty() ? answer_kind::unknown : answer_kind::denied;
}

/// The whole of `text` as a number; nothing if it is none.
inline std::optional<std::int64_t> number(std::string_view text) noexcept {
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// A number of JSON that is integral, however it is written: `3`, `3.0`, `0.3e1`. One below 0 is 0.
inline std::optional<std::size_t> index_of(std::string_view text) noexcept {
    double value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size()) return {};
    if (!std::isfinite(value) || value != std::trunc(value)) return {};
    return static_cast<std::size_t>(std::clamp(value, 0.0, 1e9));  // a batch has 10 000
}

/// Reads an index, if it is there and is one.
inline void read_index(const kedge::detail::json_reader::fields& json, const char* name, std::size_t& index, bool& unread) {
    const auto found = json.find("rejectedLogEventsInfo." + std::string(name));
    if (found == json.end() || found->second == "null") return;
    const std::optional<std::size_t> value = index_of(found->second);
    if (value) index = *value;
    else unread = true;
}

inline bool read_success(operation asked, const raw_answer& from, service_answer& out) {
    if (from.request_id.empty()) return false;
    if (asked != operation::put_events) return true;  // these answer with nothing
    const auto json = kedge::detail::json_reader::read(from.body);
    if (!json || json->contains("__type")) return false;
    read_index(*json, "tooOldLogEventEndIndex", out.rejected.too_old_end, out.ranges_unread);
    read_index(*json, "expiredLogEventEndIndex", out.rejected.expired_end, out.ranges_unread);
    read_index(*json, "tooNewLogEventStartIndex", out.rejected.too_new_start, out.ranges_unread);
    return true;
}

/// "Log event too large: 292824 bytes exceeds limit of 262144"
inline void read_limit(service_answer& out) {
    constexpr std::string_view words = "exceeds limit of ";
    const std::size_t at = out.message.find(words);
    if (at == std::string::npos) return;
    const char* const digits = out.message.data() + at + words.size();
    if (std::from_chars(digits, out.message.data() + out.message.size(), out.limit).ec != std::errc()) return;
    const std::string_view subject = std::string_view(out.message).substr(0, at);
    if (subject.find("event") != std::string_view::npos) out.limited = limit_kind::event;
    else if (subject.find("Upload") != std::string_view::npos) out.limited = limit_kind::batch;
}

inline void read_error(operation asked, const raw_answer& from, service_answer& out) {
    constexpr std::size_t longest = 300;
    std::string_view type = from.error_type;
    const auto json = kedge::detail::json_reader::read(from.body);
    if (json) {
        if (const auto found = json->find("__type"); found != json->end()) type = found->second;
        for (const char* name : {"message", "Message"})
            if (const auto found = json->find(name); found != json->end()) out.message = found->second.substr(0, longest);
    }
    out.code = std::string(bare_code(type).substr(0, longest));
    out.kind = kind_of(out.code, from.status);
    // Only groups are things of which an account may have too many; elsewhere it is a rate.
    if (out.kind == answer_kind::limit_reached && asked != operation::create_group) out.kind = answer_kind::throttled;
    const bool untold = out.kind == answer_kind::unknown || (out.kind == answer_kind::failed && from.status >= 500);
    const bool turned_away = out.code.starts_with("ServiceUnavailable");
    out.may_be_stored = untold && !turned_away;
    out.of_group = out.kind == answer_kind::missing && out.message.find("group") != std::string::npos;
    read_limit(out);
}

KEDGE_DECL service_answer read_answer(operation asked, const raw_answer& from) noexcept {
    service_answer out = no_answer(true);
    try {
        service_answer read = out;
        if (from.status == 200) {
            if (!read_success(asked, from, read)) return out;
            read.kind = answer_kind::accepted;
            read.may_be_stored = false;
        } else {
            read_error(asked, from, read);
        }
        if (const auto ms = number(from.retry_after); ms && *ms > 0)
            read.retry_after = std::chrono::milliseconds(std::min<std::int64_t>(*ms, 3'600'000));
        out = std::move(read);
    } catch (const std::exception&) {  // no memory: as if it had not come
    }
    return out;
}

}  // namespace kedge::aws::detail

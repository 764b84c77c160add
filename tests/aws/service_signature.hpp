// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "service_request.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdio>

// What AWS does with a signature (Signature Version 4, in headers): it makes its own from what arrived, and compares.

namespace aws_test {

inline std::string hex_of(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
        out += "0123456789abcdef"[static_cast<std::uint8_t>(c) >> 4];
        out += "0123456789abcdef"[static_cast<std::uint8_t>(c) & 15];
    }
    return out;
}

inline std::string sha256_of(std::string_view text) {
    std::string out(SHA256_DIGEST_LENGTH, '\0');
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), reinterpret_cast<unsigned char*>(out.data()));
    return out;
}

inline std::string hmac_of(std::string_view key, std::string_view text) {
    std::string out(SHA256_DIGEST_LENGTH, '\0');
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(out.data()), nullptr);
    return out;
}

/// `20251026T152646Z`
inline std::string compact_time(std::chrono::system_clock::time_point when) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(when);
    const auto day = std::chrono::floor<std::chrono::days>(seconds);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(seconds - day);
    std::array<char, 40> out{};
    std::snprintf(out.data(), out.size(), "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                  static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
    return out.data();
}

inline std::vector<std::string> parts_of(std::string_view text, char between) {
    std::vector<std::string> out{""};
    for (const char c : text) {
        if (c == between) out.emplace_back();
        else out.back() += c;
    }
    return out;
}

class signature_check {
public:
    signature_check(const heard_request& what, std::string region) : what_(what), region_(std::move(region)) {
        const std::string given = what.field("authorization");
        constexpr std::string_view algorithm = "AWS4-HMAC-SHA256 ";
        if (given.empty()) throw refusal{"MissingAuthenticationTokenException", "Missing Authentication Token"};
        if (!given.starts_with(algorithm)) incomplete("another algorithm");
        for (const std::string& part : parts_of(std::string_view(given).substr(algorithm.size()), ',')) {
            const std::size_t from = part.find_first_not_of(' '), mark = part.find('=');
            if (from == std::string::npos || mark == std::string::npos) incomplete(part);
            const std::string name = part.substr(from, mark - from), value = part.substr(mark + 1);
            if (name == "Credential") scope_ = parts_of(value, '/');
            else if (name == "SignedHeaders") signed_ = parts_of(value, ';');
            else if (name == "Signature") signature_ = value;
            else incomplete(name);
        }
        if (scope_.size() != 5 || signed_.empty() || signature_.empty()) incomplete("a part is missing");
    }

    const std::string& key_id() const { return scope_[0]; }

    void verify(const service_keys& keys, std::chrono::system_clock::time_point now) const {
        check_scope();
        check_time(now);
        check_names();
        if (signature_ != expected(keys.secret))
            wrong("The request signature we calculated does not match the signature you provided. " + canonical());
        if (what_.field("x-amz-security-token") != keys.token)
            throw refusal{"UnrecognizedClientException", "The security token included in the request is invalid."};
    }

private:
    [[noreturn]] static void incomplete(const std::string& what) { throw refusal{"IncompleteSignatureException", what}; }
    [[noreturn]] static void wrong(const std::string& what) { throw refusal{"InvalidSignatureException", what}; }

    void check_scope() const {
        if (scope_[1] != what_.field("x-amz-date").substr(0, 8)) wrong("Date in Credential scope is another");
        if (scope_[2] != region_) wrong("Credential should be scoped to a valid region.");
        if (scope_[3] != "logs") wrong("Credential should be scoped to correct service: 'logs'.");
        if (scope_[4] != "aws4_request") wrong("Credential should be scoped with a valid terminator: 'aws4_request'.");
    }

    /// Five minutes to each side. Times of this form are ordered as their texts are.
    void check_time(std::chrono::system_clock::time_point now) const {
        const std::string signed_at = what_.field("x-amz-date"), least = compact_time(now - std::chrono::minutes(5)),
                          most = compact_time(now + std::chrono::minutes(5));
        const bool formed = signed_at.size() == 16 && signed_at[8] == 'T' && signed_at[15] == 'Z' &&
                            std::count_if(signed_at.begin(), signed_at.end(), [](char c) { return c >= '0' && c <= '9'; }) == 14;
        if (!formed) incomplete("X-Amz-Date");
        if (signed_at < least)
            wrong("Signature expired: " + signed_at + " is now earlier than " + least + " (" + compact_time(now) + " - 5 min.)");
        if (signed_at > most)
            wrong("Signature not yet current: " + signed_at + " is still later than " + most + " (" + compact_time(now) +
                  " + 5 min.)");
    }

    void check_names() const {
        if (!std::is_sorted(signed_.begin(), signed_.end())) wrong("SignedHeaders are not in order");
        const auto is_signed = [this](const std::string& name) { return std::ranges::count(signed_, name) == 1; };
        if (!is_signed("host")) wrong("'Host' must be a 'SignedHeader' in the AWS Authorization.");
        for (const auto& [name, value] : what_.headers)
            if ((name.starts_with("x-amz-") || name == "content-encoding") && !is_signed(name)) wrong("unsigned: " + name);
    }

    std::string expected(const std::string& secret) const {
        std::string key = "AWS4" + secret, scope;
        for (std::size_t i = 1; i < scope_.size(); ++i) {
            key = hmac_of(key, scope_[i]);
            scope += (i > 1 ? "/" : "") + scope_[i];
        }
        const std::string text = "AWS4-HMAC-SHA256\n" + what_.field("x-amz-date") + "\n" + scope + "\n" +
                                 hex_of(sha256_of(canonical()));
        return hex_of(hmac_of(key, text));
    }

    std::string canonical() const {
        std::string out = what_.method + "\n" + encoded(what_.target) + "\n\n", names;
        for (const std::string& name : signed_) {
            out += name + ":" + value_of(name) + "\n";
            names += (names.empty() ? "" : ";") + name;
        }
        return out + "\n" + names + "\n" + hex_of(sha256_of(what_.body));
    }

    /// Once more, though it is a path already.
    static std::string encoded(const std::string& path) {
        std::string out;
        for (const char c : path) {
            const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
            if (plain || std::string_view("-_.~/").find(c) != std::string_view::npos) out += c;
            else out += '%', out += "0123456789ABCDEF"[(c >> 4) & 15], out += "0123456789ABCDEF"[c & 15];
        }
        return out;
    }

    std::string value_of(const std::string& wanted) const {
        std::string all;
        for (const auto& [name, value] : what_.headers) {
            if (name != wanted) continue;
            if (!all.empty()) all += ',';
            for (const char c : value)
                if (c != ' ' || (!all.empty() && all.back() != ' ')) all += c;
        }
        return all;
    }

    const heard_request& what_;
    std::string region_, signature_{};
    std::vector<std::string> scope_{}, signed_{};
};

}  // namespace aws_test

// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/sigv4.hpp>
#include <kedge/detail/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

// The folders of AWS's public suite for signers: https://github.com/awslabs/aws-c-auth, tests/aws-signing-test-suite/v4.

namespace aws_test {

using namespace kedge;

struct suite_case {
    std::string name;
    http::request request;
    http::url to;
    aws::credentials keys;
    std::string region, service;
    aws::sigv4_rules rules;
    http::wall_time when;
    std::string canonical_request, string_to_sign, authorization;
};

inline std::string read_file(const std::filesystem::path& from) {
    std::ifstream in(from, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + from.string());
    return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string take_line(std::string& rest) {
    const auto end = std::min(rest.find('\n'), rest.size());
    std::string line = rest.substr(0, end);
    rest.erase(0, end + 1);
    return line;
}

/// Request line, fields, an empty line, the body. A field that goes on in the next line is joined: no client of ours folds.
inline http::request parse_request(std::string text) {
    http::request out;
    const std::string first = take_line(text);
    const auto space = first.find(' '), last = first.rfind(' ');  // targets of the suite have spaces
    out.method = first.substr(0, space);
    out.target = first.substr(space + 1, last - space - 1);
    for (std::string line = take_line(text); !line.empty(); line = take_line(text)) {
        if (line[0] == ' ') out.headers.back().value += line;
        else out.headers.push_back({line.substr(0, line.find(':')), line.substr(line.find(':') + 1)});
    }
    out.body = text;
    return out;
}

inline http::wall_time parse_time(const std::string& iso) {
    using namespace std::chrono;
    int y = 0, mon = 0, d = 0, h = 0, min = 0, s = 0;
    if (std::sscanf(iso.c_str(), "%d-%d-%dT%d:%d:%dZ", &y, &mon, &d, &h, &min, &s) != 6) throw std::runtime_error(iso);
    return sys_days(year(y) / mon / d) + hours(h) + minutes(min) + seconds(s);
}

inline std::string header_in(const http::request& what, std::string_view name) {
    for (const http::header& h : what.headers)
        if (http::detail::same_name(h.name, name)) return h.value;
    throw std::runtime_error("the suite's request has no " + std::string(name));
}

inline suite_case read_case(const std::filesystem::path& folder) {
    auto context = kedge::detail::json_reader::read(read_file(folder / "context.json"));
    if (!context) throw std::runtime_error(folder.string() + "/context.json is no JSON object");
    auto& at = *context;
    const http::request request = parse_request(read_file(folder / "request.txt"));
    const http::request expected = parse_request(read_file(folder / "header-signed-request.txt"));
    return {
        folder.filename().string(),
        request,
        http::parse_url("https://" + header_in(request, "Host")),
        aws::credentials(at["credentials.access_key_id"], at["credentials.secret_access_key"], at["credentials.token"]),
        at["region"],
        at["service"],
        {at["normalize"] == "true", at["sign_body"] == "true", at["omit_session_token"] != "true"},
        parse_time(at["timestamp"]),
        read_file(folder / "header-canonical-request.txt"),
        read_file(folder / "header-string-to-sign.txt"),
        header_in(expected, "Authorization")};
}

inline std::vector<suite_case> read_suite(const std::filesystem::path& folder) {
    std::vector<suite_case> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (std::filesystem::exists(entry.path() / "context.json")) out.push_back(read_case(entry.path()));
    return out;
}

}  // namespace aws_test

// SPDX-License-Identifier: BSL-1.0
#pragma once

// Judges requests and responses by an OpenAPI 3.1 description: as much of JSON Schema as that description uses, and no
// keyword that would be passed over.

#include <kedge/http/message.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace payment_test {

namespace json = boost::json;

/// What does not conform, one line each; empty is good.
using complaints = std::vector<std::string>;

class openapi {
public:
    explicit openapi(const std::string& text) : root_(json::parse(text)) {}

    complaints check(const kedge::http::request& r) const {
        complaints found;
        const json::object* op = operation(r, found);
        if (!op) return found;
        for (const json::value& one : op->at("parameters").as_array()) parameter(resolved(one).as_object(), r, found);
        const json::value* body = op->if_contains("requestBody");
        if (!body && !r.body.empty()) found.push_back("a body where none belongs");
        if (body) content(body->as_object(), r.body, "body", found);
        for (const auto& h : r.headers) known_header(h, *op, found);
        return found;
    }

    complaints check(const kedge::http::request& to, const kedge::http::response& r) const {
        complaints found;
        const json::object* op = operation(to, found);
        if (!op) return found;
        const json::value* described = op->at("responses").as_object().if_contains(std::to_string(r.status));
        if (!described) return found.push_back("status " + std::to_string(r.status) + " is not described"), found;
        const json::object& as = resolved(*described).as_object();
        if (const json::value* fields = as.if_contains("headers"))
            for (const auto& [name, header] : fields->as_object())
                for (const auto& h : r.headers)
                    if (kedge::http::detail::same_name(h.name, std::string(name)))
                        schema(resolved(header).at("schema"), json::value(h.value), h.name, found);
        if (as.contains("content")) content(as, r.body, "body", found);
        return found;
    }

    /// Of a schema by its name.
    complaints check(std::string_view name, const json::value& what) const {
        complaints found;
        schema(root_.at("components").at("schemas").at(name), what, std::string(name), found);
        return found;
    }

    const json::value& root() const noexcept { return root_; }

private:
    static std::string path_of(const std::string& target) { return target.substr(0, target.find('?')); }

    const json::object* operation(const kedge::http::request& r, complaints& found) const {
        std::string method = r.method;
        std::ranges::transform(method, method.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
        const json::value* path = root_.at("paths").as_object().if_contains(path_of(r.target));
        const json::value* op = path ? path->as_object().if_contains(method) : nullptr;
        if (!op) found.push_back(r.method + " " + r.target + " is not described");
        return op ? &op->as_object() : nullptr;
    }

    const json::value& resolved(const json::value& v) const {
        const json::object* o = v.if_object();
        const json::value* ref = o ? o->if_contains("$ref") : nullptr;
        return ref ? root_.at_pointer(std::string_view(ref->as_string()).substr(1)) : v;
    }

    void parameter(const json::object& p, const kedge::http::request& r, complaints& found) const {
        const std::string name(p.at("name").as_string());
        std::vector<std::string> given;
        if (p.at("in").as_string() == "header") {
            for (const auto& h : r.headers)
                if (kedge::http::detail::same_name(h.name, name)) given.push_back(h.value);
        } else if (const auto at = r.target.find("?" + name + "="); at != r.target.npos) {
            given.push_back(r.target.substr(at + name.size() + 2));
        }
        if (given.size() != 1) found.push_back(name + " is there " + std::to_string(given.size()) + " times");
        for (const std::string& value : given) schema(p.at("schema"), json::value(value), name, found);
    }

    /// Nothing is sent that the description does not know of.
    void known_header(const kedge::http::header& h, const json::object& op, complaints& found) const {
        if (h.name == "Content-Type" && op.contains("requestBody")) {
            if (!op.at("requestBody").at("content").as_object().contains(h.value)) found.push_back("content of type " + h.value);
            return;
        }
        if (h.name == "Authorization" && h.value.starts_with("Bearer ")) return;  // the security scheme
        for (const json::value& one : op.at("parameters").as_array())
            if (resolved(one).at("name").as_string() == h.name) return;
        found.push_back("the header " + h.name + " is not described");
    }

    void content(const json::object& described, const std::string& text, const std::string& where, complaints& found) const {
        boost::system::error_code bad;
        const json::value body = json::parse(text, bad);
        if (bad) return found.push_back(where + " is no JSON: " + text);
        schema(described.at("content").as_object().begin()->value().at("schema"), body, where, found);
    }

    void schema(const json::value& described, const json::value& what, const std::string& where, complaints& found) const {
        for (const auto& [word, rule] : resolved(described).as_object()) keyword(word, rule, described, what, where, found);
    }

    void keyword(std::string_view word, const json::value& rule, const json::value& whole, const json::value& what,
                 const std::string& where, complaints& found) const {
        const auto wants = [&](bool holds) {
            if (!holds) found.push_back(where + " breaks " + std::string(word) + ": " + json::serialize(what));
        };
        const json::string* text = what.if_string();
        if (word == "description" || word == "examples" || word == "format") return;
        if (word == "type") return wants(is_a(rule.as_string(), what));
        if (word == "enum") return wants(std::ranges::find(rule.as_array(), what) != rule.as_array().end());
        if (word == "pattern") return wants(!text || matches(text->c_str(), rule.as_string().c_str()));
        if (word == "minLength") return wants(!text || std::cmp_greater_equal(text->size(), rule.as_int64()));
        if (word == "maxLength") return wants(!text || std::cmp_less_equal(text->size(), rule.as_int64()));
        if (word == "minimum") return wants(!what.is_int64() || what.as_int64() >= rule.as_int64());
        if (word == "maximum") return wants(!what.is_int64() || what.as_int64() <= rule.as_int64());
        if (word == "oneOf") return wants(fitting(rule.as_array(), what) == 1);
        if (word == "required") {
            for (const json::value& name : rule.as_array())
                if (what.is_object() && !what.as_object().contains(name.as_string()))
                    found.push_back(where + " lacks " + std::string(name.as_string()));
            return;
        }
        if (word == "properties" || word == "additionalProperties") return properties(word, rule, whole, what, where, found);
        found.push_back("the keyword " + std::string(word) + " is not understood");
    }

    void properties(std::string_view word, const json::value& rule, const json::value& whole, const json::value& what,
                    const std::string& where, complaints& found) const {
        if (!what.is_object()) return;
        const json::object& known = resolved(whole).at("properties").as_object();
        for (const auto& [name, value] : what.as_object()) {
            const std::string inside = where + "." + std::string(name);
            if (const json::value* one = known.if_contains(name)) {
                if (word == "properties") schema(*one, value, inside, found);
            } else if (word == "additionalProperties" && !rule.as_bool()) {
                found.push_back(inside + " is not described");
            }
        }
    }

    std::size_t fitting(const json::array& schemas, const json::value& what) const {
        return static_cast<std::size_t>(std::ranges::count_if(schemas, [&](const json::value& one) {
            complaints found;
            schema(one, what, "", found);
            return found.empty();
        }));
    }

    static bool is_a(std::string_view type, const json::value& what) {
        return type == "object" ? what.is_object() : type == "string" ? what.is_string() : type == "integer" && what.is_int64();
    }
    static bool matches(const char* text, const char* pattern) { return std::regex_search(text, std::regex(pattern)); }

    json::value root_;
};

}  // namespace payment_test

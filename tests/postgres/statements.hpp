// SPDX-License-Identifier: BSL-1.0
#pragma once

// What a proxy has to understand of PostgreSQL's protocol, version 3, to know when a statement is executed.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace test {

inline std::uint32_t length_at(std::string_view bytes, std::size_t at) {
    std::uint32_t n = 0;
    for (std::size_t i = at; i < at + 4; ++i) n = n << 8U | static_cast<unsigned char>(bytes[i]);
    return n;
}

inline bool contains_in_any_case(std::string_view text, std::string_view part) {
    const auto equal = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
    return std::search(text.begin(), text.end(), part.begin(), part.end(), equal) != text.end();
}

/// Reads what one client says, piece by piece.
class statement_reader {
public:
    /// @return whether a statement with this text is executed by `bytes`, the next that the client said
    bool executes(std::string_view bytes, std::string_view wanted) {
        encrypted_ |= !started_ && unread_.empty() && bytes.starts_with(tls_handshake);
        if (encrypted_) return false;
        unread_ += bytes;
        bool found = false;
        while (const std::size_t size = complete()) {
            const bool executed = started_ && take(unread_[0], std::string_view(unread_).substr(5, size - 5));
            found |= executed && !wanted.empty() && contains_in_any_case(text_, wanted);
            started_ |= size != tls_request;
            unread_.erase(0, size);
        }
        return found;
    }

private:
    static constexpr std::size_t tls_request = 8;
    static constexpr char tls_handshake = 22;

    /// Bytes of the first message if all of it is there. The very first have no letter for their type.
    std::size_t complete() const {
        const std::size_t head = started_ ? 1 : 0;
        if (unread_.size() < head + 4) return 0;
        const std::size_t size = head + length_at(unread_, head);
        return unread_.size() >= size ? size : 0;
    }

    static std::string word(std::string_view& body) {
        const std::size_t end = std::min(body.find('\0'), body.size() - 1);
        std::string made(body.substr(0, end));
        body.remove_prefix(end + 1);
        return made;
    }

    /// @return whether the message executes a statement, whose text is `text_` then
    bool take(char type, std::string_view body) {
        if (type == 'P') {
            const std::string name = word(body);
            prepared_[name] = word(body);
        } else if (type == 'B') {
            const std::string portal = word(body);
            bound_[portal] = prepared_[word(body)];
        } else if (type == 'E') {
            text_ = bound_[word(body)];
        } else if (type == 'Q') {
            text_ = word(body);
        }
        return type == 'E' || type == 'Q';
    }

    bool started_ = false, encrypted_ = false;
    std::string unread_, text_;
    std::map<std::string, std::string> prepared_, bound_;
};

/// Has the server done it? It says the statement's first word as its command tag, and ends with ReadyForQuery.
inline bool answer_complete(std::string_view replies, std::string_view statement) {
    const std::string_view tag = statement.substr(0, statement.find(' '));
    return replies.size() >= 6 && replies[replies.size() - 6] == 'Z' && length_at(replies, replies.size() - 5) == 5 &&
           contains_in_any_case(replies, tag);
}

}  // namespace test

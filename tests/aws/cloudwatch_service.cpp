// SPDX-License-Identifier: BSL-1.0
#include "cloudwatch_service.hpp"

#include "../support/tls_face.hpp"
#include "gunzip.hpp"
#include "service_http.hpp"
#include "service_store.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace aws_test {

using kedge_test::byte_channel;
using kedge_test::has_unread;
using kedge_test::wait_for_bytes;
using std::chrono::system_clock;

struct cloudwatch_service::state {
    struct known_key {
        service_keys keys;
        bool expired = false;
    };
    struct scripted {
        std::string operation;
        fault what;
    };

    state(service_keys known, std::string where, bool tls) : region(std::move(where)) {
        keys[known.id] = {known};
        if (tls) face.emplace();
    }

    void accept_from(int listener) {
        for (;;) {
            wait_for_bytes(listener);
            const std::lock_guard lock(mutex);
            if (listening != listener) return void(::close(listener));
            const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) continue;  // the client was gone already
            ++accepted;
            open.emplace(fd, false);
            threads.emplace_back([this, fd] { serve(fd); });
        }
    }

    void serve(int fd) {
        byte_channel client = welcome(fd);
        try {
            if (greets(fd) && client.shake_hands()) {
                count(client);
                converse(client);
            }
        } catch (const std::exception&) {  // not HTTP
        }
        const std::lock_guard lock(mutex);
        open.erase(fd);
        ::close(fd);
    }

    void converse(byte_channel& client) {
        std::string text;
        for (;;) {
            if (text.empty()) wait(client.socket());
            std::optional<heard_request> what = receive(client, text);
            if (!what || !settle(client, *what)) return;
        }
    }

    byte_channel welcome(int fd) {
        const std::lock_guard lock(mutex);
        return byte_channel(fd, face ? face->native() : nullptr);
    }
    void count(const byte_channel& client) {
        const std::lock_guard lock(mutex);
        resumed += client.is_resumed();
    }

    /// As it was told to. @return whether it goes on with its handshake
    bool greets(int fd) {
        std::unique_lock lock(mutex);
        if (greetings.empty()) return true;
        const greeting how = greetings.front();
        greetings.pop_front();
        lock.unlock();
        wait(fd);
        byte_channel plain(fd);
        if (how == greeting::reset) kedge_test::resets_at_close(fd);
        else keep_silent(plain);
        return false;
    }

    /// Until the client goes.
    void keep_silent(byte_channel& client) {
        mark(client.socket(), true);
        std::string ignored;
        while (client.receive_more(ignored)) {}
    }

    void mark(int fd, bool idle) {
        const std::lock_guard lock(mutex);
        open[fd] = idle;
    }
    /// For the next request, which nobody has touched until it is marked.
    void wait(int fd) {
        mark(fd, true);
        wait_for_bytes(fd);
        mark(fd, false);
    }

    /// @return whether the connection goes on
    bool settle(byte_channel& client, heard_request& what) {
        fault todo;
        std::string text;
        try {
            log_call call = authorised(what);
            todo = next_fault(what.operation);
            const bool on_duty = todo.stores || is_duty(todo.how);
            text = reply_text(200, "", on_duty ? carry_out(what.operation, call, todo) : std::string());
        } catch (const refusal& no) {
            what.refusal = no.code + ": " + no.message;
            text = reply_text(no.status, "", error_body(no.code, no.message));
        }
        if (todo.how == fault::way::reply) text = reply_text(todo.status, todo.headers, todo.body, todo.status >= 400);
        note(what);
        pause(todo.delay);
        return act(client, todo.how, text);
    }

    static bool is_duty(fault::way how) {
        return how == fault::way::answer || how == fault::way::cut || how == fault::way::leave;
    }

    bool act(byte_channel& client, fault::way how, std::string_view text) {
        switch (how) {
        case fault::way::silence: return keep_silent(client), false;
        case fault::way::reset: return kedge_test::resets_at_close(client.socket()), false;
        case fault::way::cut: return client.send_all(text.substr(0, text.size() - 10)), false;
        case fault::way::leave: return client.send_all(text), false;
        default: return client.send_all(text), true;
        }
    }

    system_clock::time_point clock() const { return system_clock::now() + rules.clock_ahead; }

    /// What is asked, if the one who asks may.
    log_call authorised(heard_request& what) {
        constexpr std::string_view prefix = "Logs_20140328.";
        constexpr std::array operations = {"PutLogEvents", "CreateLogStream", "CreateLogGroup", "PutRetentionPolicy"};
        const std::string target = what.field("x-amz-target");
        if (target.starts_with(prefix) && std::ranges::count(operations, target.substr(prefix.size())) == 1)
            what.operation = target.substr(prefix.size());
        const service_rules now = authenticate(what);
        if (what.operation.empty() || what.method != "POST") throw refusal{"UnknownOperationException", target};
        if (what.field("content-type") != "application/x-amz-json-1.1") throw refusal{"UnsupportedMediaTypeException", "", 415};
        if (what.field("content-encoding") != "gzip" || !now.gzip) return request_reader(what.body).read();
        const std::string plain = gunzip(what.body);
        if (plain.empty()) throw refusal{"MalformedHttpRequestException", "no gzip"};
        return request_reader(plain).read();
    }

    /// @return the rules that held then
    service_rules authenticate(const heard_request& what) {
        std::unique_lock lock(mutex);
        const service_rules now = rules;
        try {
            const signature_check signature(what, region);
            const auto found = keys.find(signature.key_id());
            if (found == keys.end())
                throw refusal{"UnrecognizedClientException", "The security token included in the request is invalid."};
            const known_key key = found->second;
            lock.unlock();
            signature.verify(key.keys, system_clock::now() + now.clock_ahead);
            if (key.expired) throw refusal{"ExpiredTokenException", "The security token included in the request is expired"};
        } catch (refusal& no) {
            no.status = now.refused_status;
            throw;
        }
        return now;
    }

    fault next_fault(const std::string& operation) {
        const std::lock_guard lock(mutex);
        const auto fits = [&](const scripted& s) { return s.operation.empty() || s.operation == operation; };
        const auto found = std::ranges::find_if(script, fits);
        if (found == script.end()) return {};
        fault out = std::move(found->what);
        script.erase(found);
        return out;
    }

    std::string carry_out(const std::string& operation, log_call& call, const fault& todo) {
        const std::lock_guard lock(mutex);
        if (operation == "PutLogEvents") return store.put_events(call, todo, rules, clock());
        if (operation == "CreateLogStream") store.create_stream(call);
        else if (operation == "CreateLogGroup") store.create_group(call);
        else store.put_retention(call);
        return {};
    }

    void note(heard_request& what) {
        const std::lock_guard lock(mutex);
        if (rules.remembers) heard.push_back(std::move(what));
    }

    std::string reply_text(int status, std::string headers, std::string_view body, bool with_id = true) {
        const std::lock_guard lock(mutex);
        const std::string id = "5d4b0000-0000-0000-0000-" + std::to_string(++answered + 100'000'000'000);
        if (with_id) headers += "x-amzn-RequestId: " + id + "\r\n";
        return http_answer(status, clock(), headers, body);
    }

    void pause(std::chrono::milliseconds span) {
        std::unique_lock lock(mutex);
        ending.wait_for(lock, span, [this] { return over; });
    }

    template <class T> T get(const T& member) const {
        const std::lock_guard lock(mutex);
        return member;
    }

    void listen() {
        const std::lock_guard lock(mutex);
        if (listening >= 0) return;
        listening = bound_socket(port);
        ::fcntl(listening, F_SETFL, O_NONBLOCK);
        ::listen(listening, 128);
        threads.emplace_back([this, fd = listening] { accept_from(fd); });
    }

    void stop() {
        const std::lock_guard lock(mutex);
        if (listening >= 0) ::shutdown(std::exchange(listening, -1), SHUT_RDWR);
        for (const auto& [fd, idle] : open) ::shutdown(fd, SHUT_RDWR);
    }

    void end() {
        stop();
        std::vector<std::thread> running;
        {
            const std::lock_guard lock(mutex);
            over = true;
            running.swap(threads);
        }
        ending.notify_all();
        for (std::thread& one : running) one.join();
        ::close(reserved);
    }

    const std::string region;
    const int reserved = bound_socket(0);
    const std::uint16_t port = port_of(reserved);
    mutable std::mutex mutex{};
    std::condition_variable ending{};
    service_rules rules{};
    std::map<std::string, known_key> keys{};
    std::deque<scripted> script{};
    std::optional<kedge_test::tls_face> face{};
    std::deque<greeting> greetings{};
    log_store store{};
    std::vector<heard_request> heard{};
    std::uint64_t answered = 0;
    int accepted = 0, resumed = 0, listening = -1;
    bool over = false;
    std::map<int, bool> open{};  ///< sockets, and whether they wait for a client
    std::vector<std::thread> threads{};
};

cloudwatch_service::cloudwatch_service(service_keys known, std::string region, bool tls)
    : state_(std::make_unique<state>(std::move(known), std::move(region), tls)) {
    state_->listen();
}
cloudwatch_service::~cloudwatch_service() { state_->end(); }

std::string cloudwatch_service::url() const {
    return (state_->face ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(state_->port);
}
std::string cloudwatch_service::region() const { return state_->region; }

void cloudwatch_service::admit(service_keys what) {
    const std::lock_guard lock(state_->mutex);
    state_->keys[what.id] = {what};
}
void cloudwatch_service::expire(const std::string& key_id) {
    const std::lock_guard lock(state_->mutex);
    state_->keys.at(key_id).expired = true;
}
void cloudwatch_service::obey(service_rules rules) {
    const std::lock_guard lock(state_->mutex);
    state_->rules = std::move(rules);
}
void cloudwatch_service::fail_next(fault what, int times, const std::string& operation) {
    const std::lock_guard lock(state_->mutex);
    while (times-- > 0) state_->script.push_back({operation, what});
}
void cloudwatch_service::show(kedge::testing::certificate_kind kind) {
    const std::lock_guard lock(state_->mutex);
    state_->face.value().show(kind);
}
void cloudwatch_service::greet_next(greeting how, int times) {
    const std::lock_guard lock(state_->mutex);
    while (times-- > 0) state_->greetings.push_back(how);
}
void cloudwatch_service::down() { state_->stop(); }
void cloudwatch_service::up() { state_->listen(); }

void cloudwatch_service::make_stream(const std::string& group, const std::string& stream, int retention_days) {
    const std::lock_guard lock(state_->mutex);
    log_store::group& in = state_->store.groups[group];
    in.retention_days = retention_days;
    in.streams.try_emplace(stream);
}
void cloudwatch_service::forget_group(const std::string& group) {
    const std::lock_guard lock(state_->mutex);
    state_->store.groups.erase(group);
}
void cloudwatch_service::forget_stream(const std::string& group, const std::string& stream) {
    const std::lock_guard lock(state_->mutex);
    state_->store.groups.at(group).streams.erase(stream);
}

std::vector<stored_event> cloudwatch_service::stored(const std::string& group, const std::string& stream) const {
    const std::lock_guard lock(state_->mutex);
    const auto in = state_->store.groups.find(group);
    if (in == state_->store.groups.end()) return {};
    const auto found = in->second.streams.find(stream);
    return found == in->second.streams.end() ? std::vector<stored_event>() : found->second;
}
std::uint64_t cloudwatch_service::stored_count() const { return state_->get(state_->store.count); }
int cloudwatch_service::retention_days(const std::string& group) const {
    const std::lock_guard lock(state_->mutex);
    const auto in = state_->store.groups.find(group);
    return in == state_->store.groups.end() ? -1 : in->second.retention_days;
}
std::vector<heard_request> cloudwatch_service::heard() const { return state_->get(state_->heard); }
int cloudwatch_service::faults_left() const { return static_cast<int>(state_->get(state_->script).size()); }
int cloudwatch_service::connections() const { return state_->get(state_->accepted); }
int cloudwatch_service::resumed() const { return state_->get(state_->resumed); }

bool cloudwatch_service::quiet() const {
    const std::lock_guard lock(state_->mutex);
    const auto idle = [](const auto& one) { return one.second && !has_unread(one.first); };
    return !has_unread(state_->listening) && std::ranges::all_of(state_->open, idle);
}

}  // namespace aws_test

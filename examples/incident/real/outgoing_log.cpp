// SPDX-License-Identifier: BSL-1.0

#include "outgoing_log.hpp"

#include <kedge/aws/configured_sink.hpp>
#include <kedge/config/sinks.hpp>
#include <kedge/log/repeat_filter.hpp>

#include <boost/asio/use_future.hpp>

#include <future>

namespace incident::real {

outgoing_log::outgoing_log(const kedge::config::configuration& c)
    : cloudwatch_(kedge::aws::configured_sink(io_, c)), sink_(kedge::config::log_sink(c, cloudwatch_)),
      runner_([this] { io_.run(); }) {
    if (!cloudwatch_) {
        sink_ = std::make_shared<kedge::log::repeat_filter>(sink_);
        kedge::log::submit(*sink_, {.time = kedge::log::wall_now(),
                                    .logger = "incident",
                                    .message = "KEDGE_LOG_SINKS does not name cloudwatch: the log goes to the console"});
    }
    kedge::config::write_notes(c, *sink_);
}

outgoing_log::~outgoing_log() {
    io_.stop();
    runner_.join();
}

std::string outgoing_log::close(nanoseconds limit) {
    const auto books = cloudwatch_->async_shutdown(kedge::now() + limit, asio::use_future).get();
    const auto& to = cloudwatch_->options();
    return "CloudWatch, " + to.group + ", " + to.stream + ": " + std::to_string(books.offered) + " offered = " +
           std::to_string(books.acked) + " stored + " + std::to_string(books.rejected) + " refused + " +
           std::to_string(books.dropped) + " dropped + " + std::to_string(books.leftover) + " handed back to the console";
}

}  // namespace incident::real

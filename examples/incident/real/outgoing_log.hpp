// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../customers.hpp"

#include <kedge/aws/cloudwatch_sink.hpp>
#include <kedge/config/load.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>
#include <thread>

namespace incident::real {

/** Where kedge's log goes while the scenarios are played: to CloudWatch, if the configuration asks for that, on a thread of its
 *  own. The console takes what CloudWatch does not, and hears once that it cannot be reached. Without CloudWatch all goes to the
 *  console, which says so once; repetitions are counted there, since hundreds of lines would hide the story.
 */
class outgoing_log {
public:
    /// @throws kedge::config::bad_settings
    explicit outgoing_log(const kedge::config::configuration&);
    ~outgoing_log();

    const std::shared_ptr<kedge::log::sink>& sink() const noexcept { return sink_; }
    bool has_cloudwatch() const noexcept { return cloudwatch_ != nullptr; }

    /// Takes nothing more, and sends what there is, for at most `limit`. @return where every event went, in a line
    std::string close(nanoseconds limit);

private:
    asio::io_context io_;
    asio::executor_work_guard<asio::io_context::executor_type> open_{io_.get_executor()};
    std::shared_ptr<kedge::aws::cloudwatch_sink> cloudwatch_;
    std::shared_ptr<kedge::log::sink> sink_;
    std::thread runner_;
};

}  // namespace incident::real

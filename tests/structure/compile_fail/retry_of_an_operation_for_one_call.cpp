// SPDX-License-Identifier: BSL-1.0
// expect: kedge: `retry` needs an operation that can be called more than once
#include <kedge/pipeline.hpp>

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

struct once {
    boost::asio::io_context* io;
#ifdef CORRECTED
    template <class Token> auto operator()(Token&& token) {
#else
    template <class Token> auto operator()(Token&& token) && {
#endif
        return boost::asio::async_initiate<Token, void(boost::system::error_code)>(
            [](auto, boost::asio::io_context*) {}, token, io);
    }
};

void use(boost::asio::io_context& io) {
    const kedge::pipeline resilient{io, kedge::retry{}};
    resilient.async_call(once{&io}, boost::asio::detached);
}

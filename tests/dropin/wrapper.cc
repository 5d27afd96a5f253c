// SPDX-License-Identifier: MIT
// NNG from C++: wrappers of its types, as programs have them, around every header there is. With
// EVERY, a list of all functions that the headers declare, each has to be there to be linked with.
#include <nng/compat/nanomsg/nn.h>
#include <nng/nng.h>
#include <nng/protocol/bus0/bus.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/protocol/survey0/respond.h>
#include <nng/protocol/survey0/survey.h>
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/supplemental/util/options.h>
#include <nng/supplemental/util/platform.h>
#include <nng/transport/inproc/inproc.h>
#include <nng/transport/ipc/ipc.h>
#include <nng/transport/tcp/tcp.h>
#include <nng/transport/tls/tls.h>
#include <nng/transport/ws/websocket.h>
#include <nng/transport/zerotier/zerotier.h>

#ifdef DROPIN_URING
#include <nng/supplemental/util/idhash.h>
#include <nng/uring.h>
#endif

#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace nng
{

inline void check(int err)
{
    if (err != 0) {
        throw std::runtime_error(nng_strerror(err));
    }
}

class msg
{
  public:
    explicit msg(const std::string &text)
    {
        check(nng_msg_alloc(&m_, 0));
        check(nng_msg_append(m_, text.data(), text.size()));
    }
    explicit msg(nng_msg *m) : m_(m)
    {
    }
    msg(msg &&other) noexcept : m_(other.release())
    {
    }
    msg(const msg &) = delete;
    ~msg()
    {
        nng_msg_free(m_);
    }
    nng_msg *release() noexcept
    {
        return std::exchange(m_, nullptr);
    }
    std::string text() const
    {
        return { static_cast<const char *>(nng_msg_body(m_)), nng_msg_len(m_) };
    }

  private:
    nng_msg *m_ = nullptr;
};

class socket
{
  public:
    explicit socket(int (*open)(nng_socket *))
    {
        check(open(&s_));
    }
    socket(const socket &) = delete;
    ~socket()
    {
        nng_close(s_);
    }
    void listen(const char *url)
    {
        check(nng_listen(s_, url, nullptr, 0));
    }
    void dial(const char *url)
    {
        check(nng_dial(s_, url, nullptr, 0));
    }
    void send(msg m)
    {
        nng_msg *raw = m.release();
        int err = nng_sendmsg(s_, raw, 0);
        if (err != 0) {
            nng_msg_free(raw);
            check(err);
        }
    }
    nng_socket get() const noexcept
    {
        return s_;
    }

  private:
    nng_socket s_ = NNG_SOCKET_INITIALIZER;
};

class aio
{
  public:
    aio()
    {
        check(nng_aio_alloc(&a_, nullptr, nullptr));
    }
    aio(const aio &) = delete;
    ~aio()
    {
        nng_aio_free(a_);
    }
    msg receive(const socket &s)
    {
        nng_recv_aio(s.get(), a_);
        nng_aio_wait(a_);
        check(nng_aio_result(a_));
        return msg(nng_aio_get_msg(a_));
    }

  private:
    nng_aio *a_ = nullptr;
};

class url
{
  public:
    explicit url(const char *text)
    {
        check(nng_url_parse(&u_, text));
    }
    url(const url &) = delete;
    ~url()
    {
        nng_url_free(u_);
    }
    const nng_url *operator->() const noexcept
    {
        return u_;
    }

  private:
    nng_url *u_ = nullptr;
};

} // namespace nng

#ifdef EVERY
#define FUNCTION(name) reinterpret_cast<void (*)()>(name),
static void (*const volatile every[])() = {
#include EVERY
};
#endif

int main()
{
    try {
        nng::socket rep(nng_rep0_open), req(nng_req0_open);
        nng::aio aio;
        rep.listen("inproc://c++");
        req.dial("inproc://c++");
        req.send(nng::msg("ping"));
        nng::msg got = aio.receive(rep);
        if (got.text() != "ping" || std::strcmp(nng::url("http://host/x")->u_path, "/x") != 0) {
            throw std::runtime_error("not what was sent");
        }
        rep.send(nng::msg("pong"));
        if (aio.receive(req).text() != "pong") {
            throw std::runtime_error("not what was answered");
        }
    } catch (const std::exception &e) {
        std::printf("not ok %s\n", e.what());
        return 1;
    }
#ifdef EVERY
    for (void (*const volatile &function)() : every) {
        if (function == nullptr) {
            return 1;
        }
    }
#endif
    std::puts("ok wrapped");
#ifdef DROPIN_URING
    nng_fini();
#endif
    return 0;
}

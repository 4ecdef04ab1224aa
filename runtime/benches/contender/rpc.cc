// What a call on a socket takes where both ends are libcapnp's: the contender of `ww` on fd 3.
//
// A line `CALLS IN_FLIGHT` on standard input does so many calls of `IPFS.cat`, so many at a time, and prints the
// median of one in nanoseconds, or where several are in flight, what one takes of the whole. The server is a process
// of its own.
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/debug.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <vector>

#include "system.capnp.h"

using Clock = std::chrono::steady_clock;
using ww::system::Host;
using ww::system::IPFS;

namespace {

class Served final : public IPFS::Server {
 protected:
  kj::Promise<void> cat(CatContext context) override {
    KJ_REQUIRE(context.getParams().getCid().size() > 0);
    auto body = kj::StringPtr("hello, cell").asBytes();
    context.getResults(capnp::MessageSize{16, 0}).setBody(body);
    return kj::READY_NOW;
  }
};

class Bootstrap final : public Host::Server {
 protected:
  kj::Promise<void> ipfs(IpfsContext context) override {
    context.getResults().setIpfs(client);
    return kj::READY_NOW;
  }

 private:
  IPFS::Client client = kj::heap<Served>();
};

[[noreturn]] void serve(int fd) {
  auto io = kj::setupAsyncIo();
  auto stream = io.lowLevelProvider->wrapSocketFd(fd);
  capnp::TwoPartyServer server(kj::heap<Bootstrap>());
  server.accept(kj::mv(stream));
  // Until the parent has gone, and with it the other end.
  server.drain().wait(io.waitScope);
  _exit(0);
}

kj::Promise<void> cat(IPFS::Client& ipfs) {
  auto request = ipfs.catRequest(capnp::MessageSize{16, 0});
  request.setCid("/ipfs/bafkqac3imvwgy3zmebrwk3dm");
  return request.send().then([](auto&& answer) { KJ_REQUIRE(answer.getBody().size() == 11); });
}

double one_by_one(IPFS::Client& ipfs, kj::WaitScope& scope, unsigned calls) {
  std::vector<double> times;
  times.reserve(calls);
  for (unsigned n = 0; n < calls; ++n) {
    auto begin = Clock::now();
    cat(ipfs).wait(scope);
    times.push_back(std::chrono::duration<double, std::nano>(Clock::now() - begin).count());
  }
  std::nth_element(times.begin(), times.begin() + calls / 2, times.end());
  return times[calls / 2];
}

kj::Promise<void> again(IPFS::Client& ipfs, unsigned& left) {
  if (left == 0) return kj::READY_NOW;
  --left;
  return cat(ipfs).then([&ipfs, &left] { return again(ipfs, left); });
}

double at_once(IPFS::Client& ipfs, kj::WaitScope& scope, unsigned calls, unsigned in_flight) {
  unsigned left = calls;
  auto begin = Clock::now();
  auto all = kj::heapArrayBuilder<kj::Promise<void>>(in_flight);
  for (unsigned n = 0; n < in_flight; ++n) all.add(again(ipfs, left));
  kj::joinPromises(all.finish()).wait(scope);
  return std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / calls;
}

}  // namespace

int main() {
  int ends[2];
  KJ_SYSCALL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
  pid_t child;
  KJ_SYSCALL(child = fork());
  if (child == 0) {
    close(ends[0]);
    serve(ends[1]);
  }
  close(ends[1]);
  auto io = kj::setupAsyncIo();
  auto stream = io.lowLevelProvider->wrapSocketFd(ends[0]);
  capnp::TwoPartyClient client(*stream);
  auto host = client.bootstrap().castAs<Host>();
  auto ipfs = host.ipfsRequest().send().wait(io.waitScope).getIpfs();
  unsigned calls, in_flight;
  while (std::scanf("%u %u", &calls, &in_flight) == 2) {
    double took = in_flight == 1 ? one_by_one(ipfs, io.waitScope, calls) : at_once(ipfs, io.waitScope, calls, in_flight);
    std::printf("%.0f\n", took);
    std::fflush(stdout);
  }
}

// Peer: boost::asio::thread_pool, with a slot for each result: its fastest way. asio also takes a
// std::packaged_task and gives a std::future then, which takes it several times as long.
#include "bench.h"
#include "slot.h"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/version.hpp>

namespace {

using Pool = boost::asio::thread_pool;

void *open_pool(unsigned workers) {
  return new Pool(workers);
}

void close_pool(void *pool) {
  static_cast<Pool *>(pool)->join();
  delete static_cast<Pool *>(pool);
}

void submit(void *pool, bench_fn fn, uint64_t arg, void *handle) {
  slot *s = slot_new(fn, arg);
  boost::asio::post(*static_cast<Pool *>(pool), [s] { slot_run(s); });
  *static_cast<slot **>(handle) = s;
}

uint64_t result(void *, void *handle) {
  return slot_result(*static_cast<slot **>(handle));
}

} // namespace

int main(int argc, char **argv) {
  bench_peer peer = {};
  peer.name = "boost::asio thread_pool";
  peer.version = BOOST_LIB_VERSION;
  peer.open = open_pool;
  peer.close = close_pool;
  peer.handle_size = sizeof(slot *);
  peer.submit = submit;
  peer.result = result;
  return bench_main(argc, argv, &peer);
}

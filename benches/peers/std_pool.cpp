// Peer: the pool that a C++ programmer writes by hand: a std::deque of std::packaged_task under a
// mutex and a condition, and a std::future for each result. The future is the handle: nothing holds
// it but the array of the workload.
#include "bench.h"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace {

using Task = std::packaged_task<uint64_t()>;
using Future = std::future<uint64_t>;
static_assert(sizeof(Future) <= 16, "a handle has room for 16 bytes");

class Pool {
public:
  explicit Pool(unsigned workers) {
    for (unsigned i = 0; i < workers; i++) threads.emplace_back([this] { work(); });
  }

  ~Pool() {
    {
      std::lock_guard<std::mutex> guard(lock);
      closed = true;
    }
    filled.notify_all();
    for (std::thread &thread : threads) thread.join();
  }

  Future submit(bench_fn fn, uint64_t arg) {
    Task task([fn, arg] { return fn(arg); });
    Future future = task.get_future();
    {
      std::lock_guard<std::mutex> guard(lock);
      tasks.push_back(std::move(task));
    }
    filled.notify_one();
    return future;
  }

private:
  void work() {
    for (;;) {
      std::unique_lock<std::mutex> guard(lock);
      filled.wait(guard, [this] { return closed || !tasks.empty(); });
      if (tasks.empty()) return;
      Task task = std::move(tasks.front());
      tasks.pop_front();
      guard.unlock();
      task();
    }
  }

  std::mutex lock;
  std::condition_variable filled;
  std::deque<Task> tasks;
  bool closed = false;
  std::vector<std::thread> threads;
};

void *open_pool(unsigned workers) {
  return new Pool(workers);
}

void close_pool(void *pool) {
  delete static_cast<Pool *>(pool);
}

void submit(void *pool, bench_fn fn, uint64_t arg, void *handle) {
  new (handle) Future(static_cast<Pool *>(pool)->submit(fn, arg));
}

uint64_t result(void *, void *handle) {
  Future *future = static_cast<Future *>(handle);
  uint64_t value = future->get();
  future->~Future();
  return value;
}

std::string version() {
#if defined(_GLIBCXX_RELEASE)
  return "libstdc++ " + std::to_string(_GLIBCXX_RELEASE);
#elif defined(_LIBCPP_VERSION)
  return "libc++ " + std::to_string(_LIBCPP_VERSION);
#else
  return "";
#endif
}

} // namespace

int main(int argc, char **argv) {
  const std::string said = version();
  bench_peer peer = {};
  peer.name = "std::packaged_task pool";
  peer.version = said.c_str();
  peer.open = open_pool;
  peer.close = close_pool;
  peer.handle_size = sizeof(Future);
  peer.submit = submit;
  peer.result = result;
  return bench_main(argc, argv, &peer);
}

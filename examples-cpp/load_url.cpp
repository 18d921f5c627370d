/*
 * Python: the ThreadPoolExecutor example of Python's documentation; in C ../examples-c/load_url.c.
 * Shows: pages fetched at once, exceptions beside results, futures as keys. The addresses are the
 * arguments: ../examples-c/serve.py gives them when it starts this program.
 */
extern "C" {
#include "../examples-c/page.h"
}

#include <cfutures.hpp>
#include <curl/curl.h>
#include <cstdio>
#include <stdexcept>
#include <unordered_map>

namespace {

struct page_deleter {
  void operator()(page *p) const { page_free(p); }
};
using page_ptr = std::unique_ptr<page, page_deleter>;

/* Retrieve a single page and report the URL and contents. */
page_ptr load_url(const std::string &url, std::chrono::seconds limit) {
  char error[256];
  page_ptr loaded(page_load(url.c_str(), long(limit.count()), error, sizeof error));
  if (!loaded) throw std::runtime_error(error);
  return loaded;
}

} // namespace

int main(int argc, char **argv) {
  using namespace std::chrono_literals;
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return 1;
  {
    cf::thread_pool pool(5);

    /* Start the load operations and mark each future with its URL. */
    std::vector<cf::future<page_ptr>> futures;
    std::unordered_map<cf::future<page_ptr>, std::string> future_to_url;
    for (int i = 1; i < argc; i++) {
      futures.push_back(pool.submit(load_url, argv[i], 60s));
      future_to_url[futures.back()] = argv[i];
    }

    for (const auto &future : cf::as_completed(futures)) {
      const std::string &url = future_to_url[future];
      try {
        std::printf("'%s' page is %zu bytes\n", url.c_str(), future.get()->size);
      } catch (const std::exception &e) {
        std::printf("'%s' generated an exception: %s\n", url.c_str(), e.what());
      }
    }
  }
  curl_global_cleanup();
}

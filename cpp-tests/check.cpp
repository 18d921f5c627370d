/*
 * The main function of every C++ suite, and what its tests share. See check.hpp.
 */
#include "check.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace {

check::test *first, **last = &first;
const char *the_kind = "threads";
const char *running = "";

} // namespace

namespace check {

std::atomic<long> counted::made{ 0 }, counted::ended{ 0 };

test::test(const char *its_name, void (*its_body)()) : name(its_name), body(its_body) {
  *last = this;
  last = &next;
}

void fail(const char *file, int line, const char *what) {
  std::fprintf(stderr, "%s:%d: FAILED in %s: %s\n", file, line, running, what);
  std::fflush(nullptr);
  _exit(1); // other threads may be anywhere: no exit handlers
}

const char *kind() { return the_kind; }

cf_start_method start_method() {
  return std::strcmp(the_kind, "spawn") == 0 ? CF_START_SPAWN : CF_START_FORK;
}

} // namespace check

int main(int argc, char **argv) {
  cf::worker_main();
  if (argc > 1) the_kind = argv[1];
  int ran = 0;
  for (const check::test *test = first; test != nullptr; test = test->next) {
    if (argc > 2 && std::strcmp(argv[2], test->name) != 0) continue;
    running = test->name;
    test->body();
    ran++;
    if (check::counted::alive() != 0) {
      std::fprintf(stderr, "%s: %ld objects were made and %ld ended\n", test->name,
                   check::counted::made.load(), check::counted::ended.load());
      return 1;
    }
  }
  std::printf("%d tests\n", ran);
  return ran > 0 ? 0 : 1;
}

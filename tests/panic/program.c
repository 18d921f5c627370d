/*
 * program <case>: makes library.rs panic, or other.rs beside it. What must be printed, and how the program must end,
 * stands in cmake/checks-package.sh, in the check "panic".
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int32_t cf_version(size_t index);
void cf_two_at_once(void);
void cf_without_guard(void);
void cf_no_memory(void);
int32_t other_quotient(int32_t a, int32_t b);

int main(int argc, char **argv) {
  const char *which = argc > 1 ? argv[1] : "";
  if (strcmp(which, "caught") == 0)
    return cf_version(1) == 11 && cf_version(7) == -17 && cf_version(2) == 12 ? 0 : 1;
  if (strcmp(which, "beside") == 0)
    return cf_version(7) == -17 && other_quotient(6, 3) == 2 && other_quotient(6, 0) == -1 ? 0 : 1;
  if (strcmp(which, "two-at-once") == 0) cf_two_at_once();
  if (strcmp(which, "without-guard") == 0) cf_without_guard();
  if (strcmp(which, "no-memory") == 0) cf_no_memory();
  return 2;
}

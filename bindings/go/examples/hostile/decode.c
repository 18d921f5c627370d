/* A decoder of records that was never meant for input which nobody has checked. Called by main.go, in worker
 * processes. */
#include "decode.h"

#include <stdlib.h>

static int32_t add(int32_t sum, unsigned char byte) {
  return sum + byte;
}

static int32_t subtract(int32_t sum, unsigned char byte) {
  return sum - byte;
}

int32_t decode(cf_task *task, void *arg, size_t arg_size) {
  static int32_t (*const readers[])(int32_t, unsigned char) = { add, subtract, NULL };
  const unsigned char *bytes = arg;
  int32_t sum = 0;
  for (size_t at = 0; at < arg_size;) {
    unsigned char kind = bytes[at++];
    if (kind > 2) abort(); /* "this cannot happen" */
    if (at == arg_size || bytes[at] > arg_size - at - 1)
      return cf_task_fail(task, 1, "a record is cut off");
    size_t end = at + 1 + bytes[at];
    while (++at < end) sum = readers[kind](sum, bytes[at]);
  }
  return cf_task_return(task, &sum, sizeof sum);
}

/*
 * What fuzz.c, fuzz_calls.c and fuzz_many.c share.
 */
#ifndef CFUTURES_FUZZ_H
#define CFUTURES_FUZZ_H

#include <cfutures.h>
#include <stdatomic.h>

/* Ends the program, which libFuzzer reports with the input. */
#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) fuzz_fail(__FILE__, __LINE__, #condition);                                   \
  } while (0)

void fuzz_fail(const char *file, int line, const char *what);

enum { FUTURES = 8 };

/* A future, and what its task gives if it succeeds. */
struct slot {
  cf_future *future;
  bool by_hand;
  bool is_object; /* the result is a token */
  int32_t value;
  int32_t code; /* not 0: it fails with this code */
};

/* Shared by both sides. */
struct world {
  cf_executor *pools[2];
  cf_completion_queue *queues[2];
  bool both;
  atomic_size_t given; /* with a destroy function */
  atomic_size_t destroyed;
  atomic_size_t taken; /* tags that a queue has handed out */
};

struct side {
  struct world *world;
  const uint8_t *at, *end;
  struct slot slots[FUTURES];
  cf_completions *completions;
  cf_map *map;
};

/* Something with a destroy function: an argument, an object, a tag, or the data of a callback. */
typedef struct token {
  struct world *world;
  bool must_run;
  atomic_int ran;
  int32_t value;
} token;

token *token_new(struct world *world, bool must_run);
void token_free(void *data);

/* The gate at which some tasks wait. While a call waits for tasks, it is forced open. */
void gate_set(bool closed, int force);
void gate_force(int by);
void gate_pass(void);

/* Reads one call from the side's bytes, and makes it. */
void fuzz_call(struct side *side);

/* ---------------------------------------------------------------- fuzz_calls.c */

enum { SHORT = 20000 }; /* nanoseconds */

enum kind { VALUE, FAILURE, GATED, NESTED, OBJECT, LARGE, KINDS };

/* The argument of a task. Bytes may follow, each the low byte of the value. */
typedef struct job {
  int32_t value;
  int32_t code;
  enum kind kind;
  cf_executor *pool; /* its own, for one that submits */
  struct world *world;
} job;

int32_t run(cf_task *task, void *arg, size_t arg_size);

/* What the next bytes mean; 0 where there are none. */
unsigned next(struct side *s);
struct slot *slot_of(struct side *s);
cf_executor *pool_of(struct side *s);
cf_completion_queue *queue_of(struct side *s);
job read_job(struct side *s, cf_executor *pool);

/* A new future in place of what was in some slot. */
struct slot *renew(struct side *s, cf_future *f);

/* How long to wait for what this side has: without limit only for what a pool ends. */
int64_t patience(struct side *s, bool ends);

void call_submit(struct side *s);
void call_submit_owned(struct side *s);
void call_submit_many(struct side *s);
void call_result(struct side *s);
void call_look(struct side *s);
void call_cancel(struct side *s);
void call_callback(struct side *s);
void call_user_data(struct side *s);
void call_share(struct side *s);
void call_release(struct side *s);
void call_by_hand(struct side *s);
void call_complete(struct side *s);

#endif

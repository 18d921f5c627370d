/*
 * Peer: the pool that a C programmer writes by hand. One malloc per task, a linked list under a
 * mutex, one condition for the workers and one for those who wait for results.
 */
#define _POSIX_C_SOURCE 200809L

#include "bench.h"

#include <gnu/libc-version.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct node {
  struct node *next;
  bench_fn fn;
  uint64_t value; /* the argument, later the result */
  int done;       /* under done_lock */
};

struct pool {
  pthread_mutex_t lock;
  pthread_cond_t filled;
  struct node *head, *tail;
  int closed;
  pthread_mutex_t done_lock;
  pthread_cond_t done;
  unsigned waiting;
  unsigned workers;
  pthread_t *threads;
};

static struct node *next_node(struct pool *p) {
  pthread_mutex_lock(&p->lock);
  while (!p->head && !p->closed) pthread_cond_wait(&p->filled, &p->lock);
  struct node *n = p->head;
  if (n && !(p->head = n->next)) p->tail = NULL;
  pthread_mutex_unlock(&p->lock);
  return n;
}

static void *worker_main(void *arg) {
  struct pool *p = arg;
  struct node *n;
  while ((n = next_node(p)) != NULL) {
    uint64_t value = n->fn(n->value);
    pthread_mutex_lock(&p->done_lock);
    n->value = value;
    n->done = 1;
    if (p->waiting > 0) pthread_cond_broadcast(&p->done);
    pthread_mutex_unlock(&p->done_lock);
  }
  return NULL;
}

static void *open_pool(unsigned workers) {
  struct pool *p = calloc(1, sizeof *p);
  if (!p || !(p->threads = calloc(workers, sizeof *p->threads))) bench_die("out of memory");
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->filled, NULL);
  pthread_mutex_init(&p->done_lock, NULL);
  pthread_cond_init(&p->done, NULL);
  p->workers = workers;
  for (unsigned i = 0; i < workers; i++)
    if (pthread_create(&p->threads[i], NULL, worker_main, p) != 0)
      bench_die("pthread_create failed");
  return p;
}

static void close_pool(void *pool) {
  struct pool *p = pool;
  pthread_mutex_lock(&p->lock);
  p->closed = 1;
  pthread_cond_broadcast(&p->filled);
  pthread_mutex_unlock(&p->lock);
  for (unsigned i = 0; i < p->workers; i++) pthread_join(p->threads[i], NULL);
  free(p->threads);
  free(p);
}

static void submit(void *pool, bench_fn fn, uint64_t arg, void *handle) {
  struct pool *p = pool;
  struct node *n = malloc(sizeof *n);
  if (!n) bench_die("out of memory");
  n->next = NULL;
  n->fn = fn;
  n->value = arg;
  n->done = 0;
  pthread_mutex_lock(&p->lock);
  if (p->tail)
    p->tail->next = n;
  else
    p->head = n;
  p->tail = n;
  pthread_cond_signal(&p->filled);
  pthread_mutex_unlock(&p->lock);
  *(struct node **)handle = n;
}

static uint64_t result(void *pool, void *handle) {
  struct pool *p = pool;
  struct node *n = *(struct node **)handle;
  pthread_mutex_lock(&p->done_lock);
  while (!n->done) {
    p->waiting++;
    pthread_cond_wait(&p->done, &p->done_lock);
    p->waiting--;
  }
  pthread_mutex_unlock(&p->done_lock);
  uint64_t value = n->value;
  free(n);
  return value;
}

int main(int argc, char **argv) {
  char version[32];
  snprintf(version, sizeof version, "glibc %s", gnu_get_libc_version());
  const struct bench_peer peer = {
    .name = "pthread mutex+cond",
    .version = version,
    .open = open_pool,
    .close = close_pool,
    .handle_size = sizeof(struct node *),
    .submit = submit,
    .result = result,
  };
  return bench_main(argc, argv, &peer);
}

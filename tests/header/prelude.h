/*
 * What the examples in the header's comments may use without declaring it.
 *
 * Included by the programs that docs/tools/stage.py makes of them; stage.c beside it defines all.
 */
#ifndef CFUTURES_EXAMPLE_PRELUDE_H
#define CFUTURES_EXAMPLE_PRELUDE_H

#include <cfutures.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Objects that the program has made before. */
extern cf_executor *executor;
extern cf_options *options;
extern cf_error *error;
extern cf_future *future;
extern cf_future *futures[8];
extern size_t count;
extern cf_completions *completions;
extern cf_completion_queue *queue;
extern cf_map_options *map_options;
extern cf_map *map;
extern int numbers[1000];

/* What the functions of an example are called with. */
extern double values[8];
extern char *arguments[];

/* The example itself. */
int32_t example(void);

/* The parameters of a task, for examples that are lines of one. */
extern cf_task *task;
extern void *arg;
extern size_t arg_size;

/* Tasks and callbacks of the program. */
int32_t task_square(cf_task *task, void *arg, size_t arg_size);
int32_t task_root(cf_task *task, void *arg, size_t arg_size);
int32_t task_power(cf_task *task, void *arg, size_t arg_size);
int32_t task_print(cf_task *task, void *arg, size_t arg_size);
int32_t task_seed(cf_task *task, void *arg, size_t arg_size);
void print_when_done(cf_future *future, void *user_data);

#endif

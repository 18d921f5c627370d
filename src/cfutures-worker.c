/*
 * cfutures-worker: the program that the worker processes of a spawned pool run when the program that made the pool
 * does not call cf_worker_main(). It knows functions of shared libraries, and those registered by name from there.
 */
#include <cfutures.h>
#include <stdio.h>

int main(void) {
  cf_worker_main(); /* does not return in a worker */
  fputs("cfutures-worker runs tasks for process pools of the cfutures library, which starts it by "
        "itself.\n"
        "It is of no use when started by hand.\n",
        stderr);
  return 2;
}

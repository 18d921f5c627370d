// Package cfutures runs C functions and Go functions in pools of threads and of worker processes, as Python's
// concurrent.futures does. It is the binding of libcfutures.
//
// An [Executor] takes tasks; submitting one gives a [Future]. A task is a C function, found by [CFunc] or given by
// [CPointer]; a Go function that [Register] gave a name; or, in threads, any closure, see [SubmitFunc]. A task in a
// worker process that crashes fails its own future with [ErrWorkerDied], and nothing else.
//
// Every wait takes a context. Its end ends the wait, never the task: that is what Cancel and Kill are for. Goroutines
// that wait take no threads of the system; all of them are served by one goroutine, which waits in the library.
// Neither futures nor tasks have to be released; an [Executor] is ended by Close.
//
// A program whose worker processes run Go functions calls [WorkerMain] first in main.
package cfutures

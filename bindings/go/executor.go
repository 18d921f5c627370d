// Executor: a pool of threads or of processes, from its options to its end.
//
// Always true: the C handle is used under a read lock of `mu` and freed under the write lock, so no call can meet
// a handle that is gone; an executor that nobody refers to any more is detached, which runs what was submitted.

package cfutures

import (
	"context"
	"runtime"
	"sync"
	"unsafe"

	capi "cfutures/internal/cfutures"
)

// Executor runs tasks in threads or in worker processes. Any number of goroutines may use it at the same time.
//
// End it with Close. If it is forgotten, the garbage collector sees to it that its workers end after their tasks.
type Executor struct {
	mu        sync.RWMutex
	c         capi.Executor
	processes bool
	setUp     *core // runs the initializer, if that is a Go function
	setUpTag  uintptr

	joining sync.Once
	joiner  sync.WaitGroup // the goroutine that uses the handle without the lock
	joined  chan struct{}
}

// NewThreadPool makes a pool of threads, for C functions and for Go functions. Threads start as they are needed.
// The options may be nil: then there are as many workers as the smaller of 32 and 4 more than the processors.
//
// Goroutines do the same for Go functions, without a limit and cheaper. A pool is for C functions; for Go functions
// it is for a bound on how many run, for cancelling, and for futures.
func NewThreadPool(options *ThreadPoolOptions) (*Executor, error) {
	if options == nil {
		options = &ThreadPoolOptions{}
	}
	o := &capi.Options{
		Workers:      options.Workers,
		Name:         options.Name,
		StackSize:    options.StackSize,
		MaxSpares:    options.MaxSpares,
		NoInlineWait: options.NoInlineWait,
	}
	return newExecutor(o, options.Initializer, false)
}

// NewProcessPool makes a pool of worker processes, for C functions and for registered Go functions. A task that
// crashes ends with ErrWorkerDied, and another process takes the worker's place.
//
// Workers are fresh runs of this very program, which never get to its main function: for C functions Go is not even
// started in them. Registered Go functions need WorkerMain. The options may be nil: then there are as many workers
// as processors.
func NewProcessPool(options *ProcessPoolOptions) (*Executor, error) {
	if options == nil {
		options = &ProcessPoolOptions{}
	}
	o := &capi.Options{
		Workers:            options.Workers,
		Name:               options.Name,
		WorkerProgram:      options.WorkerProgram,
		MaxTasksPerWorker:  options.MaxTasksPerWorker,
		BreakOnWorkerDeath: options.BreakOnWorkerDeath,
		SharedMemoryLimit:  options.SharedMemoryLimit,
		WorkerMemoryLimit:  options.WorkerMemoryLimit,
	}
	return newExecutor(o, options.Initializer, true)
}

func newExecutor(o *capi.Options, initializer *Initializer, processes bool) (*Executor, error) {
	ex := &Executor{processes: processes, joined: make(chan struct{})}
	if initializer != nil {
		var err error
		if ex.setUpTag, err = initializer.apply(o, ex); err != nil {
			return nil, err
		}
	}
	create := capi.NewThreadPool
	if processes {
		create = capi.NewProcessPool
	}
	c, failure := create(o)
	if failure != nil {
		if ex.setUp != nil {
			tags.drop(ex.setUpTag)
		}
		return nil, failureError(failure)
	}
	ex.c = c
	// A finalizer must not block. The initializer's tag stays: workers may still start.
	runtime.SetFinalizer(ex, func(ex *Executor) { ex.c.Detach() })
	return ex, nil
}

// lock returns the handle, to be used until unlock.
func (ex *Executor) lock() (capi.Executor, error) {
	if ex == nil {
		return capi.Executor{}, argumentError("there is no executor")
	}
	ex.mu.RLock()
	provoke()
	if ex.c.IsNil() {
		ex.mu.RUnlock()
		return capi.Executor{}, check(capi.Shutdown)
	}
	return ex.c, nil
}

// unlock also keeps the executor alive until here.
func (ex *Executor) unlock() { ex.mu.RUnlock() }

// Workers returns how many tasks may run at the same time; 0 after Close.
func (ex *Executor) Workers() int {
	c, err := ex.lock()
	if err != nil {
		return 0
	}
	defer ex.unlock()
	return c.MaxWorkers()
}

// Err returns why the executor is broken: an error with the status ErrBrokenPool, or nil if it is not.
func (ex *Executor) Err() error {
	c, err := ex.lock()
	if err != nil {
		return nil
	}
	defer ex.unlock()
	if failure := c.Failure(); failure != nil {
		return failureError(failure)
	}
	return nil
}

// explain makes an error of a status with which submitting failed. The caller has the lock.
func (ex *Executor) explain(status capi.Status) error {
	if status == capi.BrokenPool {
		if failure := ex.c.Failure(); failure != nil {
			return failureError(failure)
		}
	}
	return check(status)
}

// submit submits a task. The caller owns the handle.
func (ex *Executor) submit(function capi.Function, arg unsafe.Pointer, size int) (capi.Future, error) {
	c, err := ex.lock()
	if err != nil {
		return capi.Future{}, err
	}
	defer ex.unlock()
	handle, status := c.Submit(function, arg, size)
	if status != capi.OK {
		return handle, ex.explain(status)
	}
	return handle, nil
}

// submitWords is submit of an argument that is small.
func (ex *Executor) submitWords(function capi.Function, first, second uint64, size int) (capi.Future, error) {
	c, err := ex.lock()
	if err != nil {
		return capi.Future{}, err
	}
	defer ex.unlock()
	handle, status := c.SubmitWords(function, first, second, size)
	if status != capi.OK {
		return handle, ex.explain(status)
	}
	return handle, nil
}

// Shutdown ends the executor: it takes no more tasks, and those that were submitted run to their end. Shutdown
// waits for that, or for the end of the context, which stops the wait alone. It may be called again.
//
// In a task of this very executor, with the task's context and no limit of time, it is ErrDeadlock and changes
// nothing.
func (ex *Executor) Shutdown(ctx context.Context) error { return ex.shutdown(ctx, false) }

// ShutdownNow is Shutdown, but cancels every task that has not begun.
func (ex *Executor) ShutdownNow(ctx context.Context) error { return ex.shutdown(ctx, true) }

func (ex *Executor) shutdown(ctx context.Context, cancel bool) error {
	c, err := ex.lock()
	if err != nil {
		return nil // Close has been here.
	}
	defer ex.unlock()
	if taskOf(ctx) == nil || ctx.Done() != nil {
		if err := check(c.Shutdown(false, cancel)); err != nil {
			return err
		}
		return ex.join(ctx, c)
	}
	return check(c.Shutdown(true, cancel))
}

// join waits until the executor, which was shut down, has come to its end. However many wait, one thread of the
// system waits for them.
func (ex *Executor) join(ctx context.Context, c capi.Executor) error {
	ex.joining.Do(func() {
		ex.joiner.Add(1) // the caller has the lock still: Close waits for this
		go func() {
			defer ex.joiner.Done() // keeps ex alive, too
			c.Join()
			close(ex.joined)
		}()
	})
	select {
	case <-ex.joined:
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}

// Close shuts the executor down, waits until all that was submitted has ended, and frees it. Futures stay valid.
// It may be called again. In a task of this very executor it is ErrDeadlock and changes nothing.
func (ex *Executor) Close() error {
	c, err := ex.lock()
	if err != nil {
		return nil
	}
	err = check(c.Shutdown(true, false))
	ex.unlock()
	if err != nil {
		return err
	}
	ex.mu.Lock()
	defer ex.mu.Unlock()
	if !ex.c.IsNil() {
		ex.joiner.Wait() // the pool has ended, so it comes back
		runtime.SetFinalizer(ex, nil)
		ex.c.Free()
		if ex.setUp != nil {
			tags.drop(ex.setUpTag) // no worker is left that could call it
		}
		ex.c = capi.Executor{}
	}
	return nil
}

// TerminateWorkers ends a process pool at once, but lets its workers clean up: they are sent SIGTERM. What has not
// begun is cancelled, what runs ends with ErrWorkerDied. It does not wait; Shutdown does.
func (ex *Executor) TerminateWorkers() error { return ex.end(capi.Executor.TerminateWorkers) }

// KillWorkers is TerminateWorkers with SIGKILL.
func (ex *Executor) KillWorkers() error { return ex.end(capi.Executor.KillWorkers) }

func (ex *Executor) end(how func(capi.Executor) capi.Status) error {
	c, err := ex.lock()
	if err != nil {
		return nil
	}
	defer ex.unlock()
	return check(how(c))
}

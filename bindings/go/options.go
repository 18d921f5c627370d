// Options of executors.

package cfutures

import (
	"context"
	"unsafe"

	capi "cfutures/internal/cfutures"
)

// ThreadPoolOptions are those of NewThreadPool. What is zero has its default.
type ThreadPoolOptions struct {
	// Workers is how many tasks may run at the same time.
	Workers int
	// Name is the prefix of the threads' names; the system shows 15 bytes.
	Name string
	// Initializer is called by each worker before its first task. If it fails the pool is broken.
	Initializer *Initializer
	// StackSize is that of each thread, for C functions, in bytes. The default is 8 MiB.
	StackSize int
	// MaxSpares is how many spare threads may stand in for tasks that wait: 64 by default, none if negative.
	MaxSpares int
	// NoInlineWait forbids a task that waits for one that has not begun to run it on its own stack.
	NoInlineWait bool
}

// ProcessPoolOptions are those of NewProcessPool. What is zero has its default.
type ProcessPoolOptions struct {
	// Workers is how many tasks may run at the same time, at most 1024.
	Workers int
	// Name is the prefix of the processes' names; the system shows 15 bytes.
	Name string
	// Initializer is called by each worker before its first task. If it fails the pool is broken.
	Initializer *Initializer
	// WorkerProgram is run in place of this program, and knows only functions of shared libraries.
	WorkerProgram string
	// MaxTasksPerWorker is after how many tasks a worker is replaced by a fresh one. By default it stays.
	MaxTasksPerWorker int
	// BreakOnWorkerDeath lets the death of a worker break the pool, in place of failing one task.
	BreakOnWorkerDeath bool
	// SharedMemoryLimit is how many bytes the pool may share with its workers, for arguments and results.
	SharedMemoryLimit int64
	// WorkerMemoryLimit is how many bytes each worker may have for itself. Go takes some tens of MiB of address
	// space when it starts, so leave room for that if registered functions run there.
	WorkerMemoryLimit int64
}

// Initializer is a call that each worker of a pool makes before its first task.
type Initializer struct {
	apply func(o *capi.Options, ex *Executor) (tag uintptr, err error)
}

// InitializerOf makes an initializer of a task and its argument.
func InitializerOf[A, R any](task Task[A, R], arg A) *Initializer {
	if task.run != nil && !task.isC() {
		return registeredInitializer(task, arg)
	}
	return &Initializer{func(o *capi.Options, _ *Executor) (uintptr, error) {
		if err := task.check(); err != nil {
			return 0, err
		}
		p, n, err := encode(task.arg, &arg)
		o.Initializer, o.InitializerArg = task.function, copyOf(p, n)
		return 0, err
	}}
}

func registeredInitializer[A, R any](task Task[A, R], arg A) *Initializer {
	return &Initializer{func(o *capi.Options, ex *Executor) (tag uintptr, err error) {
		if !ex.processes {
			ex.setUp = &core{call: &closure{many: true, run: func(ctx context.Context) error {
				_, err := task.run(ctx, arg)
				return err
			}}}
			tag = tags.put(ex.setUp)
			o.Initializer = capi.ClosureFunction()
			o.InitializerArg = copyOf(unsafe.Pointer(&tag), int(unsafe.Sizeof(tag)))
			return tag, nil
		}
		o.Initializer = capi.RegisteredFunction()
		o.InitializerArg, err = task.message(&arg)
		return 0, err
	}}
}

func copyOf(p unsafe.Pointer, n int) []byte {
	return append([]byte{}, unsafe.Slice((*byte)(p), n)...)
}

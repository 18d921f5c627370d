// Go closures as tasks of thread pools.
//
// The library's worker calls into Go for each: from a thread that Go did not make, which took 4.4 µs with Go 1.19,
// and less since Go keeps what it needs for such a thread (1.21). In return a closure is a task like any other:
// the pool says how many run, they can be cancelled while they wait, and their waits for each other are seen.

package cfutures

import (
	"context"
	"sync/atomic"
	"unsafe"

	capi "cfutures/internal/cfutures"
)

// The codes with which Go functions fail.
const (
	codeError = 1
	codePanic = 2
)

// A closure is what a task of a thread pool runs. The result stays in Go: the function puts it where it belongs.
type closure struct {
	run func(ctx context.Context) error
	err error
	// many: it runs more than once, as an initializer does, and nobody asks for the error.
	many bool
	// over orders the closure's end before whoever takes its result. The library does so as well, but the race
	// detector cannot see that.
	over atomic.Bool
}

func (c *closure) failure() error {
	if !c.over.Load() {
		return nil
	}
	return c.err
}

func init() {
	capi.RunClosure = runClosure
	capi.RunRegistered = runRegistered
}

func runClosure(task capi.Task, tag uintptr) int32 {
	c := tags.get(tag).call
	err := call(task, c.run)
	if !c.many {
		c.run, c.err = nil, err
		c.over.Store(true)
	}
	if err == nil {
		return 0
	}
	return fail(task, err, err.Error())
}

// fail ends a task with the error of a Go function. Only text crosses to C.
func fail(task capi.Task, err error, message string) int32 {
	if _, ok := err.(*PanicError); ok {
		return task.Fail(codePanic, message)
	}
	return task.Fail(codeError, message)
}

// SubmitFunc submits a call of a Go function to a thread pool. What it returns is the future's result, whatever its
// type; an error that it returns, and a panic as *PanicError, come out of Result, within an *Error with the
// status ErrTaskFailed. It must not call runtime.Goexit, which t.FailNow does: Go ends the program then.
//
// The context that the function gets is that of the task, and has no end. Waits within the function should use it
// or one derived from it: then tasks that wait for each other cannot hang, see ErrDeadlock.
//
// A process pool has ErrUnsupported: its workers have no closures of this process. Register a function instead.
func SubmitFunc[R any](ex *Executor, function func(ctx context.Context) (R, error)) (*Future[R], error) {
	if function == nil {
		return nil, argumentError("there is no function")
	}
	if ex == nil {
		return nil, argumentError("there is no executor")
	}
	if ex.processes {
		return nil, statusError(capi.Unsupported,
			"a closure cannot run in a worker process: give the function a name with Register")
	}
	f := newFuture[R](codecGob)
	f.call = &closure{run: func(ctx context.Context) (err error) {
		f.value, err = function(ctx)
		return err
	}}
	// The tag is also the argument of the task. It ends when the queue gives the future out.
	tag := tags.put(&f.core)
	handle, err := ex.submit(capi.ClosureFunction(), unsafe.Pointer(&tag), int(unsafe.Sizeof(tag)))
	if err != nil {
		tags.drop(tag)
		return nil, err
	}
	f.attachClosure(handle, tag)
	return f, nil
}

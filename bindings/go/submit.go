// Submitting tasks, one and many.

package cfutures

import (
	"context"
	"unsafe"

	capi "cfutures/internal/cfutures"
)

// Submit submits a call of a task, and returns at once. Tasks start in the order in which they are submitted.
//
// It fails with ErrShutdown after Shutdown or Close, ErrBrokenPool, ErrUnknownFunction, ErrNoMemory, ErrUnsupported
// and ErrInvalidArgument; then nothing has been submitted.
func Submit[A, R any](ex *Executor, task Task[A, R], arg A) (*Future[R], error) {
	if err := task.check(); err != nil {
		return nil, err
	}
	if ex == nil {
		return nil, argumentError("there is no executor")
	}
	switch {
	case task.isC() && task.arg == codecPlain && unsafe.Sizeof(arg) <= wordSize:
		w := words(arg)
		handle, err := ex.submitWords(task.function, w[0], w[1], int(unsafe.Sizeof(arg)))
		return attached(task, handle, err)
	case !task.isC() && !ex.processes:
		return submitRun(ex, task, arg)
	}
	return submitBytes(ex, task, arg)
}

// submitRun and submitBytes are functions of their own, as the argument that Submit was given would else be
// allocated for every task.
func submitRun[A, R any](ex *Executor, task Task[A, R], arg A) (*Future[R], error) {
	return SubmitFunc(ex, func(ctx context.Context) (R, error) { return task.run(ctx, arg) })
}

func submitBytes[A, R any](ex *Executor, task Task[A, R], arg A) (*Future[R], error) {
	function, p, n, err := task.bytes(&arg)
	if err != nil {
		return nil, err
	}
	handle, err := ex.submit(function, p, n)
	return attached(task, handle, err)
}

func attached[A, R any](task Task[A, R], handle capi.Future, err error) (*Future[R], error) {
	if err != nil {
		return nil, err
	}
	f := newFuture[R](task.result)
	f.registered = !task.isC()
	f.attach(handle)
	return f, nil
}

// bytes returns what is submitted: a C function and its argument.
func (t Task[A, R]) bytes(arg *A) (capi.Function, unsafe.Pointer, int, error) {
	if t.isC() {
		p, n, err := encode(t.arg, arg)
		return t.function, p, n, err
	}
	message, err := t.message(arg)
	if err != nil {
		return nil, nil, 0, err
	}
	return capi.RegisteredFunction(), unsafe.Pointer(&message[0]), len(message), nil
}

// SubmitMany submits a call of a task for each argument. For C functions with arguments of one size this is cheaper
// than as many calls of Submit. The futures are those that were submitted: all of them, if there is no error.
func SubmitMany[A, R any](ex *Executor, task Task[A, R], args []A) ([]*Future[R], error) {
	if err := task.check(); err != nil {
		return nil, err
	}
	if task.isC() && (task.arg == codecPlain || task.arg == codecBool) && len(args) > 0 {
		return submitSideBySide(ex, task, args)
	}
	futures := make([]*Future[R], 0, len(args))
	for _, arg := range args {
		f, err := Submit(ex, task, arg)
		if err != nil {
			return futures, err
		}
		futures = append(futures, f)
	}
	return futures, nil
}

// submitSideBySide gives the library all arguments at once: they lie side by side already.
func submitSideBySide[A, R any](ex *Executor, task Task[A, R], args []A) ([]*Future[R], error) {
	c, err := ex.lock()
	if err != nil {
		return nil, err
	}
	defer ex.unlock()
	handles := make([]capi.Future, len(args))
	size := int(unsafe.Sizeof(args[0]))
	n, status := c.SubmitMany(task.function, unsafe.Pointer(&args[0]), size, handles)
	futures := make([]*Future[R], n)
	for i := range futures {
		futures[i] = newFuture[R](task.result)
		futures[i].attach(handles[i])
	}
	if status != capi.OK {
		err = ex.explain(status)
	}
	return futures, err
}

// Go functions that run as tasks: the context that they get, and how they wait for other futures.
//
// A wait with the context of a task, on the goroutine that runs it, is one that the library sees: it may run the
// awaited task right there, have a spare worker stand in, or say ErrDeadlock. It blocks the worker's thread, which
// is the task's own anyway. A wait with any other context only parks the goroutine.

package cfutures

import (
	"context"
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"

	capi "cfutures/internal/cfutures"
)

type taskKey struct{}

// taskContext is the context of a running task.
type taskContext struct {
	task capi.Task
	info TaskInfo // read on the task's thread; any goroutine may ask
	over atomic.Bool
}

func (*taskContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (*taskContext) Done() <-chan struct{}       { return nil }
func (*taskContext) Err() error                  { return nil }
func (t *taskContext) Value(key any) any {
	if _, ok := key.(taskKey); ok {
		return t
	}
	return nil
}

// taskOf returns the running task that a context belongs to, or nil.
func taskOf(ctx context.Context) *taskContext {
	if t, _ := ctx.Value(taskKey{}).(*taskContext); t != nil && !t.over.Load() {
		return t
	}
	return nil
}

// TaskInfo says which task a Go function runs as.
type TaskInfo struct {
	// Index is the task's position in the map or submit of many that it belongs to, else 0.
	Index int
	// Worker is the index of the worker in its pool; -1 on a thread that is none of its workers.
	Worker int
}

// TaskInfoOf returns what is known of the task that was given this context, or one that was derived from it.
// False if there is none, or if it has ended.
func TaskInfoOf(ctx context.Context) (TaskInfo, bool) {
	t := taskOf(ctx)
	if t == nil {
		return TaskInfo{}, false
	}
	return t.info, true
}

// call runs a Go function as a task; what it panics with becomes an error.
func call(task capi.Task, f func(ctx context.Context) error) (err error) {
	ctx := &taskContext{task: task, info: TaskInfo{task.Index(), task.Worker()}}
	returned := false
	defer func() {
		ctx.over.Store(true)
		if !returned {
			err = &PanicError{Value: recover(), Stack: debug.Stack()}
		}
	}()
	err = f(ctx)
	returned = true
	return err
}

var errNotInTask = errors.New("this goroutine runs no task")

// waitInTask waits where it was called from a task, and else returns errNotInTask at once.
func waitInTask(ctx context.Context, futures []*core, when ReturnWhen) error {
	t := taskOf(ctx)
	if t == nil {
		return errNotInTask
	}
	if ctx.Done() == nil {
		if reached(futures, when) {
			return nil
		}
		return t.block(futures, when, capi.Future{})
	}
	end, release, err := endWith(ctx)
	if err != nil {
		return err
	}
	defer release()
	for !reached(futures, when) {
		if err := ctx.Err(); err != nil {
			return contextError(ctx)
		}
		if err := t.block(futures, FirstCompleted, end); err != nil {
			return err
		}
	}
	return nil
}

// endWith makes a future that ends with the context at the latest.
func endWith(ctx context.Context) (end capi.Future, release func(), err error) {
	end, status := capi.NewFuture()
	if err := check(status); err != nil {
		return end, nil, err
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-ctx.Done():
			end.SetResult()
		case <-stop:
		}
	}()
	return end, func() {
		close(stop)
		<-stopped
		end.Release()
	}, nil
}

// block waits in the library, on the thread of the task, for those that have not ended, or for `end` if there is
// one.
func (t *taskContext) block(futures []*core, when ReturnWhen, end capi.Future) error {
	handles := make([]capi.Future, 0, len(futures)+1)
	defer func() {
		for _, handle := range handles {
			handle.Release()
		}
	}()
	for _, c := range futures {
		if handle := c.retain(); !handle.IsNil() {
			handles = append(handles, handle)
		}
	}
	if len(handles) == 0 {
		return nil
	}
	if !end.IsNil() {
		end.Retain()
		handles = append(handles, end)
	}
	switch status := capi.WaitInTask(t.task.Thread, handles, capi.ReturnWhen(when)); status {
	case capi.OK:
		for _, c := range futures {
			c.poll()
		}
		return nil
	case capi.InvalidState:
		return errNotInTask
	default:
		return check(status)
	}
}

// The part of a future that does not depend on its type: where it stands, and who waits for it.
//
// Always true: `handle` is valid while the future has not ended, which `mu` guards; once `ended` is set nothing of
// the outcome changes any more; a watcher is told exactly once, unless it was withdrawn before.

package cfutures

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	capi "cfutures/internal/cfutures"
)

// State says where a future stands.
type State int32

// A future goes from StatePending to StateRunning to StateFinished or StateFailed, or to StateCancelled.
const (
	StatePending   = State(capi.Pending)
	StateRunning   = State(capi.Running)
	StateFinished  = State(capi.Finished)
	StateFailed    = State(capi.Failed)
	StateCancelled = State(capi.Withdrawn)
)

// String returns the state's name, such as "pending".
func (s State) String() string {
	names := [...]string{"pending", "running", "finished", "failed", "cancelled"}
	if s < 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// A sink takes the bytes that a C function gave; they are valid during the call.
type sink interface {
	take(ended capi.Ended) error
}

// A watcher hears that a future has ended, and must not block.
type watcher interface {
	told(c *core)
}

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

type core struct {
	ended      atomic.Bool
	mu         sync.Mutex
	state      State
	err        error
	handle     capi.Future
	sink       sink
	call       *closure // of a Go closure, else nil
	registered bool     // of a registered Go function in a worker process
	done       chan struct{}
	watchers   []watcher
}

func (c *core) base() *core { return c }

// attach gives the future its handle after it was submitted. It may have ended meanwhile.
func (c *core) attach(handle capi.Future) {
	c.mu.Lock()
	if !c.ended.Load() {
		c.handle = handle
	}
	c.mu.Unlock()
}

// settle takes the outcome over, and tells everybody. True if somebody waited. The second call does nothing.
func (c *core) settle(ended capi.Ended) bool {
	c.mu.Lock()
	if c.ended.Load() {
		c.mu.Unlock()
		return false
	}
	c.err, c.state = c.outcome(ended)
	c.handle, c.sink, c.call = capi.Future{}, nil, nil
	watchers, done := c.watchers, c.done
	c.watchers = nil
	c.ended.Store(true)
	c.mu.Unlock()
	if done != nil {
		close(done)
	}
	for _, w := range watchers {
		w.told(c)
	}
	return done != nil || len(watchers) > 0
}

// outcome is called under the lock, once.
func (c *core) outcome(ended capi.Ended) (error, State) {
	if ended.Status == capi.OK {
		if err := c.sink.take(ended); err != nil {
			return err, StateFailed
		}
		return nil, StateFinished
	}
	e := failureError(ended.Future.Failure(ended.Status))
	if e.Status == ErrCancelled {
		return e, StateCancelled
	}
	if e.Status == ErrTaskFailed {
		e.cause = c.cause(e)
	}
	return e, StateFailed
}

// cause is what a Go function failed with.
func (c *core) cause(e *Error) error {
	switch {
	case c.call != nil:
		return c.call.failure()
	case c.registered && e.Code == codePanic:
		return splitPanic(e)
	}
	return nil
}

// Done returns a channel that is closed when the future has ended, however it ended.
func (c *core) Done() <-chan struct{} {
	if c.ended.Load() {
		return closed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended.Load() {
		return closed
	}
	if c.done == nil {
		c.done = make(chan struct{})
	}
	return c.done
}

// State returns where the future stands, as one snapshot.
func (c *core) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended.Load() || c.handle.IsNil() {
		return c.state
	}
	return State(c.handle.State())
}

// Cancel cancels a task that has not begun: it never runs, and its result is ErrCancelled. It reports whether the
// future is cancelled, now or before. A task that runs goes on; in a process pool Kill ends that too.
func (c *core) Cancel() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended.Load() || c.handle.IsNil() {
		return c.state == StateCancelled
	}
	return c.handle.Cancel()
}

// Kill cancels a task of a process pool even if it runs: its worker process is sent SIGTERM and, after the grace
// period, SIGKILL; with no grace SIGKILL at once. No other task is harmed. It does not wait: the future ends with
// ErrCancelled once the worker is dead, or with the task's outcome if that was faster.
func (c *core) Kill(grace time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended.Load() || c.handle.IsNil() {
		return check(capi.InvalidState)
	}
	return check(c.handle.Kill(grace))
}

// watch has the watcher told of the end. False if it has come already: then it is not told.
func (c *core) watch(w watcher) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended.Load() {
		return false
	}
	c.watchers = append(c.watchers, w)
	return true
}

// unwatch withdraws a watcher that was not told yet.
func (c *core) unwatch(w watcher) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.watchers {
		if c.watchers[i] == w {
			last := len(c.watchers) - 1
			c.watchers[i] = c.watchers[last]
			c.watchers[last] = nil
			c.watchers = c.watchers[:last]
			return
		}
	}
}

// retain returns the handle with a reference of the caller's own; none if the future has ended.
func (c *core) retain() capi.Future {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.handle.IsNil() {
		c.handle.Retain()
	}
	return c.handle
}

// wait returns when the future has ended, else with the context's end.
func (c *core) wait(ctx context.Context) error {
	if c.ended.Load() {
		return nil
	}
	if err := waitInTask(ctx, []*core{c}, AllCompleted); err != errNotInTask {
		return err
	}
	select {
	case <-c.Done():
		return nil
	default:
	}
	select {
	case <-c.Done():
		return nil
	case <-ctx.Done():
		if c.ended.Load() {
			return nil
		}
		return contextError(ctx)
	}
}

// settleNow takes the outcome of a future that is known to have ended, before the queue has given it out.
func (c *core) settleNow() {
	handle := c.retain()
	if handle.IsNil() {
		return
	}
	if ended := handle.Outcome(); ended.Status != capi.Timeout {
		c.settle(ended)
	}
	handle.Release()
}

// The part of a future that does not depend on its type: where it stands, and who waits for it.
//
// The future of a C function is not in the queue before somebody wants to hear of its end: mostly it has ended by then,
// and one call brings the result and releases what C has.
//
// Always true: `handle` is a reference while the future has not ended, which `mu` guards; once `ended` is set nothing
// of the outcome changes any more; who is told of the end is told exactly once, unless it was withdrawn before; what
// waits or is told is there only while the future is `armed`: in the queue, and in the table of tags.

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

// A sink takes the bytes that a task gave; they are valid during the call.
type sink interface {
	take(result []byte) error
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
	armed      bool
	registered bool // of a registered Go function in a worker process
	mu         sync.Mutex
	state      State
	err        error
	handle     capi.Future
	lease      lease
	sink       sink
	call       *closure // of a Go closure, else nil
	done       chan struct{}
	watchers   []watcher
}

func (c *core) base() *core { return c }

// attach gives the future its handle after it was submitted. That of a closure is put into the queue at once, as
// its tag must end with it.
func (c *core) attach(handle capi.Future, tag ...uintptr) {
	c.mu.Lock()
	c.handle = handle
	c.lease = lend(handle)
	for _, tag := range tag {
		c.enqueue(tag)
	}
	c.mu.Unlock()
}

// poll looks whether the future has ended, and takes its outcome if it has.
func (c *core) poll() bool {
	if c.ended.Load() {
		return true
	}
	c.mu.Lock()
	if !c.ended.Load() {
		c.finish()
	}
	ended := c.ended.Load()
	awaited := c.done != nil || len(c.watchers) > 0
	c.mu.Unlock()
	if ended && awaited {
		c.tell()
	}
	return ended
}

// finish takes the outcome if there is one. The caller has the lock.
func (c *core) finish() {
	outcome := c.handle.Finish()
	if outcome.Status == capi.Timeout {
		return
	}
	handle := c.handle
	c.settle(outcome)
	if !outcome.Released {
		handle.Release()
	}
}

// arm has the queue tell of the end, if it has not come already. The caller has the lock.
func (c *core) arm() {
	if c.ended.Load() || c.armed {
		return
	}
	if c.finish(); !c.ended.Load() {
		c.enqueue(tags.put(c))
	}
}

// enqueue puts the future into the queue. The caller has the lock.
func (c *core) enqueue(tag uintptr) {
	c.armed = true
	q, err := completions()
	if err == nil {
		err = check(q.Add(c.handle, tag))
	}
	if err != nil {
		// There is no memory, and nobody would ever hear of the end: this is the end. The task may still need the tag.
		c.handle.Release()
		c.state, c.err = StateFailed, err
		c.over()
	}
}

// settle takes the outcome over. The caller has the lock, and sees to the reference.
func (c *core) settle(outcome capi.Outcome) {
	c.state, c.err = c.take(outcome)
	c.over()
}

func (c *core) over() {
	c.lease.end()
	c.handle, c.sink = capi.Future{}, nil
	if c.call != nil && c.state == StateCancelled {
		c.call.run = nil
	}
	c.ended.Store(true)
}

// taken is called when the queue has given the future out. True if a reference of its own is to be released.
func (c *core) taken(outcome capi.Outcome) (release, woken bool) {
	c.mu.Lock()
	release = !c.ended.Load()
	if release {
		c.settle(outcome)
	}
	c.mu.Unlock()
	return release, c.tell()
}

// tell tells everybody of the end. True if there was somebody.
func (c *core) tell() bool {
	c.mu.Lock()
	watchers, done := c.watchers, c.done
	c.watchers, c.done = nil, nil
	c.mu.Unlock()
	if done != nil {
		close(done)
	}
	for _, w := range watchers {
		w.told(c)
	}
	return done != nil || len(watchers) > 0
}

// take makes the outcome that of Go. It is called once.
func (c *core) take(outcome capi.Outcome) (State, error) {
	if outcome.Status == capi.OK {
		if err := c.sink.take(outcome.Bytes()); err != nil {
			return StateFailed, err
		}
		return StateFinished, nil
	}
	e := failureError(c.handle.Failure(outcome.Status))
	if e.Status == ErrCancelled {
		return StateCancelled, e
	}
	if e.Status == ErrTaskFailed {
		e.cause = c.cause(e)
	}
	return StateFailed, e
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
	if c.arm(); c.ended.Load() {
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
	if c.arm(); c.ended.Load() {
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
	if c.poll() {
		return nil
	}
	if err := waitInTask(ctx, []*core{c}, AllCompleted); err != errNotInTask {
		return err
	}
	return c.park(ctx)
}

// park waits without a thread.
func (c *core) park(ctx context.Context) error {
	select {
	case <-c.Done():
		return nil
	case <-ctx.Done():
		if c.poll() {
			return nil
		}
		return contextError(ctx)
	}
}

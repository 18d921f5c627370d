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
	"unsafe"

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

// A sink takes the result of a task.
type sink interface {
	// room is where the library may write a result of just that size; nil if it is to be taken as bytes.
	room() (unsafe.Pointer, int)
	// take takes its bytes, which are valid during the call.
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

// There are as many as there are tasks, so what few of them need is elsewhere.
type core struct {
	mu         sync.Mutex
	ended      atomic.Bool
	state      State
	handle     capi.Future
	lease      lease
	armed      bool
	registered bool // of a registered Go function in a worker process
	sink       sink
	err        error
	call       *closure // of a Go closure, else nil
	waiting    *waiting // nil while nobody is
}

// Who waits for the end of a future.
type waiting struct {
	done     chan struct{}
	watchers []watcher
}

func (c *core) base() *core { return c }

// attach gives the future its handle after it was submitted. Nobody else has the future yet.
func (c *core) attach(handle capi.Future) {
	c.handle = handle
	c.lease = lend(handle)
}

// attachClosure does that for a closure, which has begun, perhaps, and puts it into the queue, as its tag must end
// with it.
func (c *core) attachClosure(handle capi.Future, tag uintptr) {
	c.mu.Lock()
	c.attach(handle)
	c.enqueue(tag)
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
	awaited := c.waiting != nil
	c.mu.Unlock()
	if ended && awaited {
		c.tell()
	}
	return ended
}

// finish takes the outcome if there is one. The caller has the lock.
func (c *core) finish() {
	if room, size := c.sink.room(); room != nil {
		switch c.handle.TakeInto(room, size) {
		case capi.OK:
			c.state = StateFinished
			c.over()
			return
		case capi.Timeout:
			return
		}
		// It failed, or the result has another size.
	}
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
	waiting := c.waiting
	c.waiting = nil
	c.mu.Unlock()
	if waiting == nil {
		return false
	}
	if waiting.done != nil {
		close(waiting.done)
	}
	for _, w := range waiting.watchers {
		w.told(c)
	}
	return true
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
	if c.waiting == nil {
		c.waiting = &waiting{}
	}
	if c.waiting.done == nil {
		c.waiting.done = make(chan struct{})
	}
	return c.waiting.done
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
	if c.waiting == nil {
		c.waiting = &waiting{}
	}
	c.waiting.watchers = append(c.waiting.watchers, w)
	return true
}

// unwatch withdraws a watcher that was not told yet.
func (c *core) unwatch(w watcher) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		return
	}
	watchers := c.waiting.watchers
	for i := range watchers {
		if watchers[i] == w {
			last := len(watchers) - 1
			watchers[i] = watchers[last]
			watchers[last] = nil
			c.waiting.watchers = watchers[:last]
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

// Waiting for many futures at once.

package cfutures

import (
	"context"
	"errors"
	"sync"

	capi "cfutures/internal/cfutures"
)

// ReturnWhen says what Wait waits for.
type ReturnWhen int32

const (
	// AllCompleted: until all futures have ended.
	AllCompleted = ReturnWhen(capi.AllCompleted)
	// FirstCompleted: until one has ended, however it ended.
	FirstCompleted = ReturnWhen(capi.FirstCompleted)
	// FirstException: until one has failed, or all have ended. A cancelled future is no failure.
	FirstException = ReturnWhen(capi.FirstException)
)

// Waitable is a *Future of any type.
type Waitable interface {
	// Done returns a channel that is closed when the future has ended.
	Done() <-chan struct{}
	// State returns where the future stands.
	State() State
	// Cancel cancels a task that has not begun.
	Cancel() bool

	base() *core
}

func cores[F Waitable](futures []F) []*core {
	all := make([]*core, len(futures))
	for i, f := range futures {
		all[i] = f.base()
	}
	return all
}

// reached tells whether what `when` says has come about.
func reached(futures []*core, when ReturnWhen) bool {
	left := 0
	for _, c := range futures {
		switch {
		case !c.poll():
			left++
		case when == FirstCompleted, when == FirstException && c.State() == StateFailed:
			return true
		}
	}
	return left == 0
}

// Wait waits until some or all of the futures have ended, and tells those that have from those that have not, in
// the order in which they were given. They may come from several executors.
//
// That the deadline of the context is over is no error: what has not ended is in pending. If the context is
// cancelled the error is its own; done and pending are right in every case.
func Wait[F Waitable](ctx context.Context, futures []F, when ReturnWhen) (done, pending []F, err error) {
	if when < AllCompleted || when > FirstException {
		return nil, futures, argumentError("there is no such thing to wait for as %d", when)
	}
	all := cores(futures)
	if err = waitInTask(ctx, all, when); err == errNotInTask {
		err = waitParked(ctx, all, when)
	}
	if errors.Is(err, ErrTimeout) {
		err = nil
	}
	for i, c := range all {
		if c.poll() {
			done = append(done, futures[i])
		} else {
			pending = append(pending, futures[i])
		}
	}
	return done, pending, err
}

// A gathering is one Wait; it hears of each future once.
type gathering struct {
	mu    sync.Mutex
	left  int
	when  ReturnWhen
	ready chan struct{}
	said  bool
}

func (g *gathering) told(c *core) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left--
	if g.said {
		return
	}
	if g.left == 0 || g.when == FirstCompleted || g.when == FirstException && c.State() == StateFailed {
		g.said = true
		close(g.ready)
	}
}

// waitParked waits without a thread.
func waitParked(ctx context.Context, futures []*core, when ReturnWhen) error {
	if when == AllCompleted {
		// One after the other: most have ended when their turn comes, and never need the queue.
		for _, c := range futures {
			if !c.poll() {
				if err := c.park(ctx); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if reached(futures, when) {
		return nil
	}
	g := &gathering{left: len(futures), when: when, ready: make(chan struct{})}
	for _, c := range futures {
		if !c.watch(g) {
			g.told(c)
		}
	}
	select {
	case <-g.ready:
	case <-ctx.Done():
	}
	for _, c := range futures {
		if !c.ended.Load() {
			c.unwatch(g)
		}
	}
	if reached(futures, when) {
		return nil
	}
	return contextError(ctx)
}

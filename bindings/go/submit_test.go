// Submitting, results, errors, and cancelling, on threads.

package cfutures_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cfutures"
)

func TestSubmitResult(t *testing.T) {
	f := submit(t, threads(t, 2), square, 7)
	if got := result(t, f); got != 49 {
		t.Fatalf("the square of 7 is %d", got)
	}
	if f.State() != cfutures.StateFinished {
		t.Fatalf("the future is %v", f.State())
	}
	select {
	case <-f.Done():
	default:
		t.Fatal("Done is not closed")
	}
}

func TestSubmitError(t *testing.T) {
	f := submit(t, threads(t, 1), failing, 42)
	_, err := f.Result(background)
	mustBe(t, err, cfutures.ErrTaskFailed)
	var failure *cfutures.Error
	if !errors.As(err, &failure) || failure.Code != 42 || failure.Message != "failed as asked" {
		t.Fatalf("the error is %#v", err)
	}
	if failure.PID != 0 || failure.Signal != 0 || failure.ExitCode != -1 || f.State() != cfutures.StateFailed {
		t.Fatalf("a thread has not died: %#v, %v", failure, f.State())
	}
	if errors.Is(err, cfutures.ErrTimeout) || err.Error() != "cfutures: failed as asked" {
		t.Fatal(err)
	}
}

func TestSubmitClosure(t *testing.T) {
	pool := threads(t, 2)
	words := map[string]int{"one": 1}
	f, err := cfutures.SubmitFunc(pool, func(ctx context.Context) (map[string]int, error) {
		words["two"] = 2
		return words, nil
	})
	must(t, err)
	if got := result(t, f); len(got) != 2 {
		t.Fatalf("the closure has given %v", got)
	}
	if _, err := cfutures.SubmitFunc[int](pool, nil); !errors.Is(err, cfutures.ErrInvalidArgument) {
		t.Fatal(err)
	}
}

// A pool of n workers never runs more than n closures.
func TestClosuresAreBounded(t *testing.T) {
	pool := threads(t, 2)
	var running, most int32
	m := cfutures.MapFunc(background, pool, func(_ context.Context, i int) (int, error) {
		now := atomic.AddInt32(&running, 1)
		defer atomic.AddInt32(&running, -1)
		for old := atomic.LoadInt32(&most); now > old && !atomic.CompareAndSwapInt32(&most, old, now); {
			old = atomic.LoadInt32(&most)
		}
		time.Sleep(100 * time.Microsecond)
		return i, nil
	}, make([]int, 200))
	_, err := m.Collect()
	must(t, err)
	if most > 2 {
		t.Fatalf("%d closures ran at the same time", most)
	}
}

var errOwn = errors.New("no more apples")

func TestClosureFails(t *testing.T) {
	pool := threads(t, 1)
	f, err := cfutures.SubmitFunc(pool, func(context.Context) (int, error) { return 1, errOwn })
	must(t, err)
	got, err := f.Result(background)
	mustBe(t, err, errOwn)
	mustBe(t, err, cfutures.ErrTaskFailed)
	if got != 0 || err.Error() != "cfutures: no more apples" {
		t.Fatalf("%d, %v", got, err)
	}
	f, err = cfutures.SubmitFunc(pool, func(context.Context) (int, error) { panic(errOwn) })
	must(t, err)
	_, err = f.Result(background)
	mustBe(t, err, errOwn)
	var panicked *cfutures.PanicError
	if !errors.As(err, &panicked) || panicked.Value != errOwn || !strings.Contains(string(panicked.Stack), "TestClosureFails") {
		t.Fatalf("the panic came out as %#v", err)
	}
	f, err = cfutures.SubmitFunc(pool, func(context.Context) (int, error) {
		var none map[string]int
		none["a"] = 1
		return 0, nil
	})
	must(t, err)
	_, err = f.Result(background)
	if !errors.As(err, &panicked) || !strings.Contains(err.Error(), "nil map") {
		t.Fatal(err)
	}
	if result(t, submit(t, pool, square, 3)) != 9 {
		t.Fatal("the pool does not go on after a panic")
	}
}

func TestSubmitMany(t *testing.T) {
	pool := threads(t, 2)
	args := make([]int64, 1000)
	for i := range args {
		args[i] = int64(i)
	}
	futures, err := cfutures.SubmitMany(pool, square, args)
	must(t, err)
	for i, f := range futures {
		if got := result(t, f); got != int64(i*i) {
			t.Fatalf("the square of %d is %d", i, got)
		}
	}
	if len(futures) != len(args) {
		t.Fatalf("%d futures", len(futures))
	}
	none, err := cfutures.SubmitMany(pool, square, nil)
	must(t, err)
	if len(none) != 0 {
		t.Fatal(none)
	}
}

func TestResultTimeout(t *testing.T) {
	pool := threads(t, 1)
	g := block(t, pool)
	f := submit(t, pool, square, 5)
	_, err := f.Result(within(t, time.Millisecond))
	mustBe(t, err, cfutures.ErrTimeout)
	mustBe(t, err, context.DeadlineExceeded)
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, err = f.Result(ctx)
	mustBe(t, err, context.Canceled)
	if errors.Is(err, cfutures.ErrCancelled) || f.State() != cfutures.StatePending {
		t.Fatalf("the end of a wait is not that of the task: %v, %v", err, f.State())
	}
	g.letThrough()
	if got := result(t, f); got != 25 {
		t.Fatal(got)
	}
	// What is there is given, whatever the context says.
	if got, err := f.Result(ctx); got != 25 || err != nil {
		t.Fatal(got, err)
	}
}

func TestCancelPending(t *testing.T) {
	pool := threads(t, 1)
	g := block(t, pool)
	ran := false
	f, err := cfutures.SubmitFunc(pool, func(context.Context) (int, error) {
		ran = true
		return 1, nil
	})
	must(t, err)
	if !f.Cancel() || f.State() != cfutures.StateCancelled || !f.Cancel() {
		t.Fatal("a pending task was not cancelled")
	}
	_, err = f.Result(background)
	mustBe(t, err, cfutures.ErrCancelled)
	g.letThrough()
	must(t, pool.Close())
	if ran {
		t.Fatal("a cancelled task ran")
	}
}

func TestCancelRunning(t *testing.T) {
	pool := threads(t, 1)
	g := newGate(t)
	f := submit(t, pool, atGate, g.address())
	eventually(t, "the task runs", func() bool { return f.State() == cfutures.StateRunning })
	if f.Cancel() {
		t.Fatal("a running task was cancelled")
	}
	mustBe(t, f.Kill(0), cfutures.ErrUnsupported)
	g.letThrough()
	result(t, f)
	if f.Cancel() {
		t.Fatal("a task that has ended was cancelled")
	}
	mustBe(t, f.Kill(0), cfutures.ErrInvalidState)
}

func TestDoneCallback(t *testing.T) {
	pool := threads(t, 1)
	g := block(t, pool)
	f := submit(t, pool, square, 6)
	calls := make(chan int64, 8)
	call := func(f *cfutures.Future[int64]) {
		value, err := f.Result(background)
		if err != nil {
			value = -1
		}
		calls <- value
	}
	f.OnDone(call)
	f.OnDone(call)
	if len(calls) != 0 {
		t.Fatal("a callback ran before the end")
	}
	g.letThrough()
	result(t, f)
	f.OnDone(call)
	for i := 0; i < 3; i++ {
		if got := <-calls; got != 36 {
			t.Fatal(got)
		}
	}
	// A callback that ran twice would come before those of a later future's end.
	last := submit(t, pool, square, 1)
	result(t, last)
	if len(calls) != 0 {
		t.Fatal("a callback ran twice")
	}
}

func TestInvalidArgument(t *testing.T) {
	pool := threads(t, 1)
	for _, options := range []cfutures.ThreadPoolOptions{{Workers: -1}, {StackSize: -1}} {
		if _, err := cfutures.NewThreadPool(&options); !errors.Is(err, cfutures.ErrInvalidArgument) {
			t.Fatalf("%+v: %v", options, err)
		}
	}
	_, err := cfutures.NewProcessPool(&cfutures.ProcessPoolOptions{Workers: 1025})
	mustBe(t, err, cfutures.ErrInvalidArgument)
	_, err = cfutures.Submit(pool, cfutures.Task[int, int]{}, 1)
	mustBe(t, err, cfutures.ErrInvalidArgument)
	_, err = cfutures.Submit(nil, square, 1)
	mustBe(t, err, cfutures.ErrInvalidArgument)
	_, err = cfutures.SubmitFunc(nil, func(context.Context) (int, error) { return 0, nil })
	mustBe(t, err, cfutures.ErrInvalidArgument)
	_, err = cfutures.CFunc[int64, int64](tasks, "tasks_nothing_of_that_name")
	mustBe(t, err, cfutures.ErrInvalidArgument)
	_, err = cfutures.CFunc[map[string]int, int64](tasks, "tasks_square")
	mustBe(t, err, cfutures.ErrInvalidArgument)
	_, err = cfutures.CFunc[int64, *int64](tasks, "tasks_square")
	mustBe(t, err, cfutures.ErrInvalidArgument)
	_, err = cfutures.OpenLibrary("no such library")
	mustBe(t, err, cfutures.ErrInvalidArgument)
	_, _, err = cfutures.Wait(background, []*cfutures.Future[int64]{}, 7)
	mustBe(t, err, cfutures.ErrInvalidArgument)
	if result(t, submit(t, pool, square, 2)) != 4 {
		t.Fatal("something has changed")
	}
}

// The C function gives another type than Go was told.
func TestSizeMismatch(t *testing.T) {
	wrong := cfutures.MustCFunc[int64, int32](tasks, "tasks_square")
	f := submit(t, threads(t, 1), wrong, 2)
	_, err := f.Result(background)
	mustBe(t, err, cfutures.ErrSizeMismatch)
	if f.State() != cfutures.StateFailed {
		t.Fatal(f.State())
	}
}

type point struct {
	X, Y int32
}

// Everything that a C function can take comes back as it was: tasks_square takes eight bytes, whatever they are.
func TestValuesOfC(t *testing.T) {
	pool := threads(t, 1)
	asBytes := cfutures.MustCFunc[[]byte, []byte](tasks, "tasks_square")
	if got := result(t, submit(t, pool, asBytes, []byte{3, 0, 0, 0, 0, 0, 0, 0})); got[0] != 9 || len(got) != 8 {
		t.Fatal(got)
	}
	asText := cfutures.MustCFunc[string, string](tasks, "tasks_square")
	if got := result(t, submit(t, pool, asText, "\x02\x00\x00\x00\x00\x00\x00\x00")); got != "\x04\x00\x00\x00\x00\x00\x00\x00" {
		t.Fatalf("%q", got)
	}
	asStruct := cfutures.MustCFunc[point, point](tasks, "tasks_square")
	if got := result(t, submit(t, pool, asStruct, point{X: 4})); got != (point{X: 16}) {
		t.Fatal(got)
	}
	asSlice := cfutures.MustCFunc[[]uint16, []uint16](tasks, "tasks_square")
	if got := result(t, submit(t, pool, asSlice, []uint16{5, 0, 0, 0})); got[0] != 25 || len(got) != 4 {
		t.Fatal(got)
	}
	_, err := submit(t, pool, asText, "").Result(background)
	mustBe(t, err, cfutures.ErrTaskFailed)
}

// Ten thousand goroutines wait, and the process has hardly more threads than before.
func TestWaitersAreNoThreads(t *testing.T) {
	pool := threads(t, 1)
	g := block(t, pool)
	f := submit(t, pool, square, 8)
	before := threadCount(t)
	var waiting, done sync.WaitGroup
	for i := 0; i < 10_000; i++ {
		waiting.Add(1)
		done.Add(1)
		go func() {
			defer done.Done()
			waiting.Done()
			if got, err := f.Result(background); got != 64 || err != nil {
				t.Error(got, err)
			}
		}()
	}
	waiting.Wait()
	if now := threadCount(t); now > before+20 {
		t.Errorf("%d threads became %d", before, now)
	}
	g.letThrough()
	done.Wait()
}

func echoed[T comparable](t *testing.T, pool *cfutures.Executor, values ...T) {
	t.Helper()
	echo := cfutures.MustCFunc[T, T](tasks, "tasks_echo")
	futures, err := cfutures.SubmitMany(pool, echo, values)
	must(t, err)
	for i, value := range values {
		if one, many := result(t, submit(t, pool, echo, value)), result(t, futures[i]); one != value || many != value {
			t.Errorf("%v came back as %v and as %v", value, one, many)
		}
	}
}

// Arguments and results of every size, as small ones travel in another way.
func TestSizes(t *testing.T) {
	type mixed struct {
		a int64
		b int32
		c [3]uint8
	}
	pool := threads(t, 2)
	echoed(t, pool, struct{}{})
	echoed[int8](t, pool, -128, 127)
	echoed[uint16](t, pool, 0, 65535)
	echoed(t, pool, [3]byte{1, 2, 3})
	echoed(t, pool, -1.5)
	echoed(t, pool, complex(1, 2))
	echoed(t, pool, mixed{-1, 2, [3]uint8{3, 4, 5}})
	echoed(t, pool, [16]byte{15: 1})
	echoed(t, pool, [17]byte{0: 1, 16: 2})
	echoed(t, pool, [1000]int64{999: -1})
	echoed(t, pool, true, false)
	echoed(t, pool, "", "a text")
}

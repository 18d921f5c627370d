// What the tests share: the C functions of libcfutures-tasks, registered functions, gates, pools.

package cfutures_test

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"cfutures"
)

// The C functions that the tests submit; their sources are in bindings/tasks.
var (
	tasks   = openTasks()
	square  = cfutures.MustCFunc[int64, int64](tasks, "tasks_square")
	failing = cfutures.MustCFunc[int32, struct{}](tasks, "tasks_fail")
	isPrime = cfutures.MustCFunc[int64, bool](tasks, "tasks_is_prime")
	sleep   = cfutures.MustCFunc[int64, int64](tasks, "tasks_sleep")
	atGate  = cfutures.MustCFunc[uintptr, int32](tasks, "tasks_gate")
	crash   = cfutures.MustCFunc[int32, struct{}](tasks, "tasks_crash")
	pid     = cfutures.MustCFunc[struct{}, int64](tasks, "tasks_pid")
	endless = cfutures.MustCFunc[struct{}, struct{}](tasks, "tasks_endless")
)

func openTasks() *cfutures.Library {
	library, err := cfutures.OpenLibrary(os.Getenv("CFUTURES_TASKS"))
	if err != nil {
		panic(err)
	}
	return library
}

func TestMain(m *testing.M) {
	cfutures.WorkerMain()
	os.Exit(m.Run())
}

var background = context.Background()

// patience is how long something may take that is only seen to be over: no test takes as long when all is well.
const patience = 60 * time.Second

func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(background, limit)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustBe(t *testing.T, err, wanted error) {
	t.Helper()
	if !errors.Is(err, wanted) {
		t.Fatalf("the error is %v, not %v", err, wanted)
	}
}

func threads(t *testing.T, workers int) *cfutures.Executor {
	t.Helper()
	pool, err := cfutures.NewThreadPool(&cfutures.ThreadPoolOptions{Workers: workers})
	must(t, err)
	t.Cleanup(func() { must(t, pool.Close()) })
	return pool
}

func processes(t *testing.T, workers int) *cfutures.Executor {
	t.Helper()
	pool, err := cfutures.NewProcessPool(&cfutures.ProcessPoolOptions{Workers: workers})
	must(t, err)
	t.Cleanup(func() { must(t, pool.Close()) })
	return pool
}

// submit submits what has to be accepted.
func submit[A, R any](t *testing.T, pool *cfutures.Executor, task cfutures.Task[A, R], arg A) *cfutures.Future[R] {
	t.Helper()
	f, err := cfutures.Submit(pool, task, arg)
	must(t, err)
	return f
}

// result takes what has to be a result.
func result[R any](t *testing.T, f *cfutures.Future[R]) R {
	t.Helper()
	value, err := f.Result(within(t, patience))
	must(t, err)
	return value
}

// eventually waits for something that comes about without a future.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// A gate is what tasks_gate waits at. It lies in memory that is not Go's.
type gate struct{ entered, open int32 }

func newGate(t *testing.T) *gate {
	t.Helper()
	memory, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	must(t, err)
	return (*gate)(unsafe.Pointer(&memory[0]))
}

func (g *gate) address() uintptr { return uintptr(unsafe.Pointer(g)) }
func (g *gate) letThrough()      { atomic.StoreInt32(&g.open, 1) }

// block has all workers of a pool stand at a gate, which the test's end opens.
func block(t *testing.T, pool *cfutures.Executor) *gate {
	t.Helper()
	g := newGate(t)
	n := pool.Workers()
	for i := 0; i < n; i++ {
		submit(t, pool, atGate, g.address())
	}
	eventually(t, "all workers stand at the gate", func() bool { return atomic.LoadInt32(&g.entered) == int32(n) })
	t.Cleanup(g.letThrough)
	return g
}

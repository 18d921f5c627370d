// Worker processes.

package cfutures_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cfutures"
)

type order struct {
	Words []string
	Count map[string]int
}

var (
	shout = cfutures.Register("test.shout", func(_ context.Context, o order) (order, error) {
		for i, word := range o.Words {
			o.Words[i] = strings.ToUpper(word)
			o.Count[word]++
		}
		return o, nil
	})
	double    = cfutures.Register("test.double", func(_ context.Context, n int64) (int64, error) { return 2 * n, nil })
	processID = cfutures.Register("test.pid", func(context.Context, struct{}) (int, error) { return os.Getpid(), nil })
	refuse    = cfutures.Register("test.refuse", func(context.Context, string) (int, error) { return 0, errOwn })
	panicking = cfutures.Register("test.panic", func(context.Context, string) (int, error) { panic("the roof is on fire") })
	leaving   = cfutures.Register("test.exit", func(_ context.Context, code int) (int, error) { os.Exit(code); return 0, nil })
	killing   = cfutures.Register("test.kill", func(_ context.Context, signal int) (int, error) {
		return 0, syscall.Kill(os.Getpid(), syscall.Signal(signal))
	})
	overflow = cfutures.Register("test.overflow", func(_ context.Context, n int) (int, error) {
		// What Go says of it is of no use here, and long.
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err == nil {
			err = syscall.Dup3(int(null.Fd()), 2, 0)
		}
		if err != nil {
			return 0, err
		}
		return deep(n), nil
	})
	setUp = cfutures.Register("test.setup", func(_ context.Context, text string) (int, error) {
		started = text
		if text == "" {
			return 0, errOwn
		}
		return 0, nil
	})
	nested = cfutures.Register("test.nested", func(ctx context.Context, n int64) (int64, error) {
		local, err := cfutures.NewThreadPool(nil)
		if err != nil {
			return 0, err
		}
		defer local.Close()
		inner, err := cfutures.NewProcessPool(&cfutures.ProcessPoolOptions{Workers: 1})
		if err != nil {
			return 0, err
		}
		defer inner.Close()
		first, err := cfutures.Submit(local, double, n)
		if err != nil {
			return 0, err
		}
		if n, err = first.Result(ctx); err != nil {
			return 0, err
		}
		second, err := cfutures.Submit(inner, double, n)
		if err != nil {
			return 0, err
		}
		return second.Result(ctx)
	})
	howStarted = cfutures.Register("test.started", func(context.Context, struct{}) (string, error) { return started, nil })
	started    string
)

func deep(n int) int {
	var room [1 << 12]byte
	return deep(n+int(room[n%len(room)])) + 1
}

func TestProcessResult(t *testing.T) {
	pool := processes(t, 2)
	if got := result(t, submit(t, pool, square, 12)); got != 144 {
		t.Fatal(got)
	}
	if got := result(t, submit(t, pool, pid, struct{}{})); got == int64(os.Getpid()) || got <= 0 {
		t.Fatalf("the task ran in process %d, the test is %d", got, os.Getpid())
	}
	big := strings.Repeat("a", 1<<20)
	_, err := submit(t, pool, cfutures.MustCFunc[string, string](tasks, "tasks_square"), big).Result(background)
	mustBe(t, err, cfutures.ErrTaskFailed)
}

func TestProcessFunction(t *testing.T) {
	pool := processes(t, 1)
	if got := result(t, submit(t, pool, double, 21)); got != 42 {
		t.Fatal(got)
	}
	got := result(t, submit(t, pool, shout, order{[]string{"go", "on"}, map[string]int{"go": 1}}))
	if got.Words[0] != "GO" || got.Count["go"] != 2 || got.Count["on"] != 1 {
		t.Fatal(got)
	}
	once := submit(t, pool, shout, order{[]string{"all"}, map[string]int{"x": 1}})
	var all sync.WaitGroup
	for i := 0; i < 8; i++ { // who comes first decodes the result
		all.Add(1)
		go func() {
			defer all.Done()
			if got, err := once.Result(background); err != nil || got.Words[0] != "ALL" {
				t.Error(got, err)
			}
		}()
	}
	all.Wait()
	if id := result(t, submit(t, pool, processID, struct{}{})); id == os.Getpid() {
		t.Fatal("the function ran in this process")
	}
	_, err := submit(t, pool, refuse, "").Result(background)
	mustBe(t, err, cfutures.ErrTaskFailed)
	if err.Error() != "cfutures: no more apples" {
		t.Fatal(err)
	}
	_, err = submit(t, pool, panicking, "").Result(background)
	var panicked *cfutures.PanicError
	if !errors.As(err, &panicked) || panicked.Value != "the roof is on fire" || !strings.Contains(string(panicked.Stack), "process_test") {
		t.Fatalf("%v, %s", err, panicked.Stack)
	}
	if err.Error() != "cfutures: panic: the roof is on fire" {
		t.Fatal(err)
	}
	// The same functions in threads.
	if got := result(t, submit(t, threads(t, 1), double, 21)); got != 42 {
		t.Fatal(got)
	}
	_, err = cfutures.SubmitFunc(pool, func(context.Context) (int, error) { return 0, nil })
	mustBe(t, err, cfutures.ErrUnsupported)
}

func TestWorkerCrash(t *testing.T) {
	pool := processes(t, 1)
	victim := result(t, submit(t, pool, pid, struct{}{}))
	deaths := []struct {
		f      cfutures.Waitable
		signal syscall.Signal
		exit   int
	}{
		{submit(t, pool, crash, int32(syscall.SIGSEGV)), syscall.SIGSEGV, -1},
		{submit(t, pool, killing, int(syscall.SIGKILL)), syscall.SIGKILL, -1},
		{submit(t, pool, leaving, 7), 0, 7},
	}
	for _, death := range deaths {
		err := failureOf(t, death.f)
		var failure *cfutures.Error
		if !errors.As(err, &failure) || !errors.Is(err, cfutures.ErrWorkerDied) {
			t.Fatal(err)
		}
		if failure.Signal != death.signal || failure.ExitCode != death.exit || failure.PID <= 0 {
			t.Fatalf("%+v is not %+v", failure, death)
		}
		if death.signal == syscall.SIGSEGV && failure.PID != int(victim) {
			t.Fatalf("%d died, not %d", failure.PID, victim)
		}
	}
	if got := result(t, submit(t, pool, square, 3)); got != 9 {
		t.Fatal("the pool does not go on")
	}
}

// failureOf waits for a future of any type and returns how it failed.
func failureOf(t *testing.T, f cfutures.Waitable) error {
	t.Helper()
	switch f := f.(type) {
	case *cfutures.Future[struct{}]:
		_, err := f.Result(within(t, patience))
		return err
	case *cfutures.Future[int]:
		_, err := f.Result(within(t, patience))
		return err
	}
	t.Fatalf("%T", f)
	return nil
}

// A stack overflow ends a program of Go, and no recover helps; here it ends one task.
func TestStackOverflow(t *testing.T) {
	pool := processes(t, 1)
	_, err := submit(t, pool, overflow, 0).Result(within(t, patience))
	mustBe(t, err, cfutures.ErrWorkerDied)
	if got := result(t, submit(t, pool, double, 4)); got != 8 {
		t.Fatal(got)
	}
}

// Ctrl-C reaches the program only, also when its workers have started Go.
func TestKeyboardIsIgnored(t *testing.T) {
	pool := processes(t, 1)
	before := result(t, submit(t, pool, processID, struct{}{}))
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		result(t, submit(t, pool, killing, int(signal)))
	}
	if after := result(t, submit(t, pool, processID, struct{}{})); after != before {
		t.Fatalf("worker %d was replaced by %d", before, after)
	}
}

// A worker may have pools of its own, of both kinds.
func TestPoolInWorker(t *testing.T) {
	if got := result(t, submit(t, processes(t, 1), nested, 5)); got != 20 {
		t.Fatal(got)
	}
}

func TestKillFuture(t *testing.T) {
	pool := processes(t, 1)
	f := submit(t, pool, endless, struct{}{})
	eventually(t, "the task runs", func() bool { return f.State() == cfutures.StateRunning })
	must(t, f.Kill(0))
	_, err := f.Result(within(t, patience))
	mustBe(t, err, cfutures.ErrCancelled)
	if got := result(t, submit(t, pool, square, 3)); got != 9 {
		t.Fatal("the pool does not go on")
	}
	f = submit(t, pool, endless, struct{}{})
	eventually(t, "the task runs", func() bool { return f.State() == cfutures.StateRunning })
	must(t, f.Kill(time.Minute)) // SIGTERM is enough.
	_, err = f.Result(within(t, patience))
	mustBe(t, err, cfutures.ErrCancelled)
}

func TestInitializer(t *testing.T) {
	options := &cfutures.ProcessPoolOptions{Workers: 1, Initializer: cfutures.InitializerOf(setUp, "well")}
	pool, err := cfutures.NewProcessPool(options)
	must(t, err)
	defer pool.Close()
	if got := result(t, submit(t, pool, howStarted, struct{}{})); got != "well" {
		t.Fatalf("started %q", got)
	}
	started = ""
	local, err := cfutures.NewThreadPool(&cfutures.ThreadPoolOptions{Workers: 1, Initializer: cfutures.InitializerOf(setUp, "here")})
	must(t, err)
	defer local.Close()
	if got := result(t, submit(t, local, howStarted, struct{}{})); got != "here" {
		t.Fatalf("started %q", got)
	}
}

func TestInitializerFails(t *testing.T) {
	makers := map[string]func(*cfutures.Initializer) (*cfutures.Executor, error){
		"threads": func(i *cfutures.Initializer) (*cfutures.Executor, error) {
			return cfutures.NewThreadPool(&cfutures.ThreadPoolOptions{Workers: 1, Initializer: i})
		},
		"processes": func(i *cfutures.Initializer) (*cfutures.Executor, error) {
			return cfutures.NewProcessPool(&cfutures.ProcessPoolOptions{Workers: 1, Initializer: i})
		},
	}
	initializers := map[string]*cfutures.Initializer{
		"failed as asked": cfutures.InitializerOf(failing, 9),
		"no more apples":  cfutures.InitializerOf(setUp, ""),
	}
	for kind, create := range makers {
		for message, initializer := range initializers {
			pool, err := create(initializer)
			must(t, err)
			f, err := cfutures.Submit(pool, square, 1)
			if err == nil {
				_, err = f.Result(within(t, patience))
			}
			mustBe(t, err, cfutures.ErrBrokenPool)
			_, err = cfutures.Submit(pool, square, 1)
			mustBe(t, err, cfutures.ErrBrokenPool)
			if !strings.Contains(err.Error(), message) || !strings.Contains(pool.Err().Error(), message) {
				t.Fatalf("%s: %v, %v", kind, err, pool.Err())
			}
			must(t, pool.Close())
		}
	}
}

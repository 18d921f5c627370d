// Tasks: C functions that are found by name, and Go functions that were given one.

package cfutures

import (
	"context"
	"encoding/binary"
	"fmt"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	capi "cfutures/internal/cfutures"
)

// Task is something to submit: a function that takes an A and gives an R.
//
// A C function, of the type cf_task_fn, takes and gives bytes: numbers, and structs and arrays of numbers, as C has
// them in memory; strings, []byte and slices of numbers as their elements side by side, without a length. A
// registered Go function takes and gives what package gob can carry.
type Task[A, R any] struct {
	name     string
	function capi.Function
	run      func(context.Context, A) (R, error)
	arg      codec
	result   codec
	err      error // why it cannot be submitted
}

// Library is a shared library with C functions.
type Library struct {
	c    capi.Library
	path string
}

// OpenLibrary loads a shared library, as dlopen does, for as long as the program runs.
func OpenLibrary(path string) (*Library, error) {
	c, err := capi.OpenLibrary(path)
	if err != nil {
		return nil, argumentError("%v", err)
	}
	return &Library{c, path}, nil
}

// Program is the program itself with the libraries that it is linked with, as a library.
func Program() *Library { return &Library{path: "the program"} }

// CFunc finds a C function of the type cf_task_fn in a library. Nobody can check that it takes an A and gives an R.
func CFunc[A, R any](library *Library, name string) (Task[A, R], error) {
	var none Task[A, R]
	if library == nil {
		return none, argumentError("there is no library to look for %s in", name)
	}
	function, err := library.c.Symbol(name)
	if err != nil {
		return none, argumentError("%s has no %s: %v", library.path, name, err)
	}
	task := newCTask[A, R](name, function)
	return task, task.err
}

func newCTask[A, R any](name string, function capi.Function) Task[A, R] {
	t := Task[A, R]{name: name, function: function}
	if t.arg, t.err = forC[A]("argument"); t.err == nil {
		t.result, t.err = forC[R]("result")
	}
	return t
}

// MustCFunc is CFunc, and panics if there is no such function.
func MustCFunc[A, R any](library *Library, name string) Task[A, R] {
	task, err := CFunc[A, R](library, name)
	if err != nil {
		panic(err)
	}
	return task
}

// CPointer makes a task of a pointer to a C function of the type cf_task_fn, such as unsafe.Pointer(C.decode).
func CPointer[A, R any](function unsafe.Pointer) Task[A, R] {
	return newCTask[A, R](fmt.Sprintf("the function at %p", function), capi.Function(function))
}

func (t Task[A, R]) isC() bool { return t.function != nil }

// check refuses what cannot be submitted.
func (t Task[A, R]) check() error {
	if t.run == nil && t.function == nil {
		return argumentError("the task has no function")
	}
	return t.err
}

// What is registered, by name. It is complete before the first task of a worker process runs.
var (
	registryLock sync.Mutex
	registry     = map[string]func(task capi.Task, payload []byte) int32{}

	workerMain atomic.Bool
	workerGate = make(chan struct{})
)

// Register gives a Go function a name by which worker processes find it, and makes a task of it. It is best done in
// a variable of a package:
//
//	var isPrime = cfutures.Register("primes.isPrime", func(ctx context.Context, n int64) (bool, error) { ... })
//
// Arguments and results travel to worker processes as memory where they hold no pointers, else through package
// gob. In a thread pool the function is called as it is. What it returns as error, and a panic, come out of the
// future; from a worker process their text does.
//
// Like gob.Register it panics if the name is taken.
func Register[A, R any](name string, function func(ctx context.Context, arg A) (R, error)) Task[A, R] {
	if name == "" || len(name) > 1<<16-1 || function == nil {
		panic("cfutures: Register needs a name and a function")
	}
	registryLock.Lock()
	defer registryLock.Unlock()
	if registry[name] != nil {
		panic("cfutures: two functions are registered as " + name)
	}
	t := Task[A, R]{name: name, run: function, arg: codecOf[A](), result: codecOf[R]()}
	registry[name] = t.serve
	return t
}

// WorkerMain lets worker processes run registered Go functions. Call it first in main: in the program it returns at
// once, and in a worker process it never does. Functions have to be registered before.
//
// What the init functions of packages do is done in worker processes too.
func WorkerMain() {
	workerMain.Store(true)
	if capi.InWorker() {
		// As the library has it. Go has taken SIGQUIT over.
		signal.Ignore(syscall.SIGINT, syscall.SIGQUIT)
		close(workerGate)
		capi.Park()
	}
}

// message is what a worker process gets: the length of the name, the name, and the argument.
func (t Task[A, R]) message(arg *A) ([]byte, error) {
	if !workerMain.Load() {
		return nil, statusError(capi.Unsupported,
			"worker processes cannot run %s: cfutures.WorkerMain is to be called first in main", t.name)
	}
	p, n, err := encode(t.arg, arg)
	if err != nil {
		return nil, err
	}
	message := make([]byte, 2, 2+len(t.name)+n)
	binary.LittleEndian.PutUint16(message, uint16(len(t.name)))
	message = append(message, t.name...)
	return append(message, unsafe.Slice((*byte)(p), n)...), nil
}

// runRegistered runs in a worker process, once main has come to WorkerMain.
func runRegistered(task capi.Task, message []byte) int32 {
	<-workerGate
	end := 2 + int(binary.LittleEndian.Uint16(message))
	name := string(message[2:end])
	registryLock.Lock()
	run := registry[name]
	registryLock.Unlock()
	if run == nil {
		return task.Fail(codeError, "no function is registered as "+name+" before WorkerMain")
	}
	return run(task, message[end:])
}

// serve runs a registered function with an encoded argument.
func (t Task[A, R]) serve(task capi.Task, payload []byte) int32 {
	var result R
	err := call(task, func(ctx context.Context) (err error) {
		var arg A
		if arg, err = decode[A](t.arg, payload); err == nil {
			result, err = t.run(ctx, arg)
		}
		return err
	})
	if panicked, ok := err.(*PanicError); ok {
		return fail(task, err, panicked.Error()+panicMark+string(panicked.Stack))
	} else if err != nil {
		return fail(task, err, err.Error())
	}
	p, n, err := encode(t.result, &result)
	if err != nil {
		return fail(task, err, err.Error())
	}
	return task.Return(p, n)
}

// panicMark parts the text of a panic from its stack.
const panicMark = "\n\n"

// splitPanic makes what came from a worker process a panic again, and leaves its text as the message.
func splitPanic(e *Error) error {
	text, stack, _ := strings.Cut(e.Message, panicMark)
	e.Message = text
	return &PanicError{Value: strings.TrimPrefix(text, "panic: "), Stack: []byte(stack)}
}

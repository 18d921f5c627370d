// What runs as a task: the calls that the library makes into Go, and where C functions are found.

package cfutures

/*
#include "bridge.h"
#include <stdlib.h>
*/
import "C"

import (
	"errors"
	"unsafe"
)

// Task is a cf_task pointer, and the thread that runs it.
type Task struct {
	c      *C.cf_task
	Thread uintptr
}

// Fail is cf_task_fail.
func (t Task) Fail(code int32, message string) int32 {
	s := C.CString(message)
	defer C.free(unsafe.Pointer(s))
	return int32(C.cf_task_fail(t.c, C.int32_t(code), s))
}

// Return is cf_task_return, of bytes without pointers.
func (t Task) Return(data unsafe.Pointer, size int) int32 {
	return int32(C.cfgo_return(t.c, (*C.char)(data), C.size_t(size)))
}

// Index is cf_task_index.
func (t Task) Index() int { return int(C.cf_task_index(t.c)) }

// Worker is cf_task_worker; -1 on a thread that is no worker of the task's pool.
func (t Task) Worker() int { return int(int32(C.cf_task_worker(t.c))) }

// RunClosure and RunRegistered run Go functions for the library. The public package sets them before it submits
// anything; they return what a task returns.
var (
	RunClosure    func(task Task, tag uintptr) int32
	RunRegistered func(task Task, message []byte) int32
)

//export cfgoRunClosure
func cfgoRunClosure(task *C.cf_task, tag, thread C.uintptr_t) C.int32_t {
	return C.int32_t(RunClosure(Task{task, uintptr(thread)}, uintptr(tag)))
}

//export cfgoRunRegistered
func cfgoRunRegistered(task *C.cf_task, arg unsafe.Pointer, size C.size_t, thread C.uintptr_t) C.int32_t {
	message := unsafe.Slice((*byte)(arg), int(size))
	return C.int32_t(RunRegistered(Task{task, uintptr(thread)}, message))
}

// Library is a shared library, opened for good: functions of it may be in use for ever.
type Library struct{ handle unsafe.Pointer }

// OpenLibrary is dlopen.
func OpenLibrary(path string) (Library, error) {
	s := C.CString(path)
	defer C.free(unsafe.Pointer(s))
	var why *C.char
	handle := C.cfgo_open(s, &why)
	return Library{handle}, takeError(why)
}

// Symbol is dlsym. The zero Library is the program with all that it is linked with.
func (l Library) Symbol(name string) (Function, error) {
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	var why *C.char
	symbol := C.cfgo_symbol(l.handle, s, &why)
	return Function(symbol), takeError(why)
}

func takeError(why *C.char) error {
	if why == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(why))
	return errors.New(C.GoString(why))
}

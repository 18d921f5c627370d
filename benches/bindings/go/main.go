// The library through its Go binding: T1, T2 and T8 with a no-op task in C, so that what a row needs more than that of
// the C program is what the binding costs.
//
// The same workloads, checks and output lines as the C programs. Arguments: WORKLOAD [REPS [WORKERS [FIB_N]]], or
// --list.
package main

/*
#cgo pkg-config: cfutures
#include "../../workloads/noop_task.c"

static void *noop_function(void) {
  return (void *)bench_noop_task;
}

static void *gate_function(void) {
  return (void *)bench_gate_task;
}
*/
import "C"

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"cfutures"
)

const (
	row             = "cfutures Go"
	throughputTasks = 1_000_000
	trips           = 50_000
	calls           = 50_000
)

var gate = cfutures.CPointer[struct{}, struct{}](C.gate_function())
var noop = cfutures.CPointer[uint64, uint64](C.noop_function())

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "benchmark: "+format+"\n", args...)
	os.Exit(3)
}

func emit(workload, metric string, value float64) {
	fmt.Printf("R\t%s\t%s\t%s\t%.6g\n", workload, row, metric, value)
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail("getrusage: %v", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func submit(pool *cfutures.Executor, n uint64) *cfutures.Future[uint64] {
	f, err := cfutures.Submit(pool, noop, n)
	if err != nil {
		fail("%v", err)
	}
	return f
}

func result(f *cfutures.Future[uint64]) uint64 {
	value, err := f.Result(context.Background())
	if err != nil {
		fail("%v", err)
	}
	return value
}

func check(sum, count uint64) {
	if expected := count*(count-1)/2 + count; sum != expected {
		fail("the results add up to %d, not to %d", sum, expected)
	}
}

func throughput(pool *cfutures.Executor, reps int) {
	futures := make([]*cfutures.Future[uint64], throughputTasks)
	for rep := 0; rep <= reps; rep++ {
		sum, cpu, start := uint64(0), cpuSeconds(), time.Now()
		for i := range futures {
			futures[i] = submit(pool, uint64(i))
		}
		for _, f := range futures {
			sum += result(f)
		}
		taken := time.Since(start)
		check(sum, throughputTasks)
		if rep > 0 {
			emit("T1", "Mtask/s", throughputTasks/taken.Seconds()/1e6)
			emit("T1", "cpu_us/task", (cpuSeconds()-cpu)*1e6/throughputTasks)
		}
	}
}

func roundTrips(pool *cfutures.Executor, reps int) {
	taken := make([]time.Duration, trips)
	for rep := 0; rep <= reps; rep++ {
		sum, cpu, start := uint64(0), cpuSeconds(), time.Now()
		for i := range taken {
			before := time.Now()
			sum += result(submit(pool, uint64(i)))
			taken[i] = time.Since(before)
		}
		cores := (cpuSeconds() - cpu) / time.Since(start).Seconds()
		check(sum, trips)
		if rep == 0 {
			continue
		}
		sort.Slice(taken, func(i, k int) bool { return taken[i] < taken[k] })
		emit("T2", "p50_us", float64(taken[trips/2].Nanoseconds())/1e3)
		emit("T2", "p99_us", float64(taken[trips*99/100].Nanoseconds())/1e3)
		emit("T2", "cores", cores)
	}
}

// closed has all workers stand at the gate; what it returns opens it.
func closed(pool *cfutures.Executor) (open func()) {
	C.bench_gate_shut()
	standing := make([]*cfutures.Future[struct{}], pool.Workers())
	for i := range standing {
		f, err := cfutures.Submit(pool, gate, struct{}{})
		if err != nil {
			fail("%v", err)
		}
		standing[i] = f
	}
	for int(C.bench_gate_inside()) < len(standing) {
		time.Sleep(100 * time.Microsecond)
	}
	return func() {
		C.bench_gate_open()
		for _, f := range standing {
			if _, err := f.Result(context.Background()); err != nil {
				fail("%v", err)
			}
		}
	}
}

func callsOnly(pool *cfutures.Executor, reps int) {
	futures := make([]*cfutures.Future[uint64], calls)
	for rep := 0; rep <= reps; rep++ {
		open := closed(pool)
		start := cpuSeconds()
		for i := range futures {
			futures[i] = submit(pool, uint64(i))
		}
		submitted := (cpuSeconds() - start) * 1e9 / calls
		open()
		sum := result(futures[calls-1])
		start = cpuSeconds()
		for _, f := range futures[:calls-1] {
			sum += result(f)
		}
		taken := (cpuSeconds() - start) * 1e9 / (calls - 1)
		check(sum, calls)
		if rep > 0 {
			emit("T8", "cpu_ns/task", submitted+taken)
			emit("T8", "submit_ns", submitted)
			emit("T8", "take_ns", taken)
		}
	}
}

// argument returns the number at a place of the command line, or what stands for it.
func argument(at, otherwise int) int {
	if len(os.Args) <= at {
		return otherwise
	}
	number, err := strconv.Atoi(os.Args[at])
	if err != nil || number < 1 || number > 1000 {
		fail("not a number from 1 to 1000: %s", os.Args[at])
	}
	return number
}

func main() {
	workloads := map[string]func(*cfutures.Executor, int){"T1": throughput, "T2": roundTrips, "T8": callsOnly}
	if len(os.Args) == 2 && os.Args[1] == "--list" {
		fmt.Printf("%s\t%s\nT1 T2 T8\n", row, strings.TrimPrefix(runtime.Version(), "go"))
		return
	}
	if len(os.Args) < 2 || workloads[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: bench-cfutures-go WORKLOAD [REPS [WORKERS [FIB_N]]] | --list")
		os.Exit(2)
	}
	pool, err := cfutures.NewThreadPool(&cfutures.ThreadPoolOptions{Workers: argument(3, 2)})
	if err != nil {
		fail("%v", err)
	}
	workloads[os.Args[1]](pool, argument(2, 3))
	if err := pool.Close(); err != nil {
		fail("%v", err)
	}
}

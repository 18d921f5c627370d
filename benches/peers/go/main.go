// Peer: Go. A pool is as many goroutines as there are workers, fed by one channel, with a channel for
// each result; T5 starts a goroutine for each call, as Go means it.
//
// The same workloads, checks and output lines as the C programs: a call of C from Go would cost more
// than a task. Arguments: WORKLOAD [REPS [WORKERS [FIB_N]]], or --list. This file has the workloads of
// loops and nested tasks, pool.go those of pools.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const poolRow = "Go channel pool"

// The arguments of one call of this program.
type settings struct {
	workload string
	reps     int
	workers  int
	fibN     int
}

var workloads = []struct {
	name string
	run  func(settings)
}{
	{"T1", throughput},
	{"T2", func(s settings) { roundTrips(s, 50_000, 0) }},
	{"T2i", func(s settings) { roundTrips(s, 2_000, 300*time.Microsecond) }},
	{"T3", submitters},
	{"T4a", func(s settings) { loop(s, 10_000_000, cheap) }},
	{"T4b", func(s settings) { loop(s, 100_000, oneMicrosecond) }},
	{"T5", nested},
	{"T6", memory},
	{"T7", completions},
}

func fail(format string, args ...interface{}) {
	fmt.Fprintf(os.Stderr, "benchmark: "+format+"\n", args...)
	os.Exit(3)
}

func emit(workload, row, metric string, value float64) {
	fmt.Printf("R\t%s\t%s\t%s\t%.6g\n", workload, row, metric, value)
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail("getrusage: %v", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// The work is called through a variable of a function type, so that nothing is inlined.

func noop(arg uint64) uint64 { return arg + 1 }

func cheap(item float64) float64 { return item*item + 1 }

// As many steps as workloads/bench.c does.
func oneMicrosecond(item float64) float64 {
	x := uint64(item) | 1
	for i := 0; i < 700; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return float64(x >> 40)
}

// inPieces is the loop: one contiguous piece for each worker, one of them in the calling goroutine.
func inPieces(workers int, in, out []float64, item func(float64) float64) {
	piece := func(worker int) {
		end := len(in) * (worker + 1) / workers
		for i := len(in) * worker / workers; i < end; i++ {
			out[i] = item(in[i])
		}
	}
	var others sync.WaitGroup
	for worker := 1; worker < workers; worker++ {
		others.Add(1)
		go func(worker int) {
			defer others.Done()
			piece(worker)
		}(worker)
	}
	piece(0)
	others.Wait()
}

// T4a, T4b. The serial loop just before each is what the items are checked against.
func loop(s settings, count int, item func(float64) float64) {
	in, out, expected := make([]float64, count), make([]float64, count), make([]float64, count)
	for i := range in {
		in[i] = float64(i & 1023)
	}
	for rep := 0; rep <= s.reps; rep++ {
		start := time.Now()
		for i := range in {
			expected[i] = item(in[i])
		}
		serial := time.Since(start)
		for i := range out {
			out[i] = 0
		}
		start = time.Now()
		inPieces(s.workers, in, out, item)
		taken := time.Since(start)
		for i := range out {
			if out[i] != expected[i] {
				fail("%s: item %d is wrong", s.workload, i)
			}
		}
		if rep > 0 {
			emit(s.workload, "Go goroutines", "ms", taken.Seconds()*1e3)
			emit(s.workload, "Go goroutines", "speed-up", serial.Seconds()/taken.Seconds())
		}
	}
}

func fib(n int) uint64 {
	if n < 2 {
		return uint64(n)
	}
	left := make(chan uint64, 1)
	go func() { left <- fib(n - 1) }()
	right := fib(n - 2)
	return <-left + right
}

// T5, as many times as workloads/bench_loops.c.
func nested(s settings) {
	const runs = 10
	runtime.GOMAXPROCS(s.workers)
	expected, next := uint64(0), uint64(1)
	for i := 0; i < s.fibN; i++ {
		expected, next = next, expected+next
	}
	calls := float64(2*next-1) * runs
	for rep := 0; rep <= s.reps; rep++ {
		cpu, start := cpuSeconds(), time.Now()
		for i := 0; i < runs; i++ {
			if fib(s.fibN) != expected {
				fail("T5: fib(%d) is wrong", s.fibN)
			}
		}
		taken := time.Since(start)
		if rep > 0 {
			emit("T5", "Go goroutines and channels", "ns/call", float64(taken.Nanoseconds())/calls)
			emit("T5", "Go goroutines and channels", "cpu_ns/call", (cpuSeconds()-cpu)*1e9/calls)
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

func list() {
	names := []string{}
	for _, w := range workloads {
		names = append(names, w.name)
	}
	fmt.Printf("%s\t%s\n%s\n", poolRow, strings.TrimPrefix(runtime.Version(), "go"),
		strings.Join(names, " "))
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--list" {
		list()
		return
	}
	for _, w := range workloads {
		if len(os.Args) > 1 && w.name == os.Args[1] {
			w.run(settings{w.name, argument(2, 3), argument(3, 2), argument(4, 22)})
			return
		}
	}
	fmt.Fprintln(os.Stderr, "usage: bench-go WORKLOAD [REPS [WORKERS [FIB_N]]] | --list")
	os.Exit(2)
}

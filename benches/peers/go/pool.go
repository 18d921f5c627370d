// The pool and the workloads of pools: T1, T2, T2i, T3, T6, T7. main.go calls them.
package main

import (
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	throughputTasks = 1_000_000
	submitterCount  = 4
	pendingFutures  = 1_000_000
	completionCount = 100_000
	// No submit ever waits for room.
	queueRoom = pendingFutures + 1024
)

type job struct {
	fn     func(uint64) uint64
	arg    uint64
	result chan<- uint64
}

type pool chan job

func openPool(workers int) pool {
	p := make(pool, queueRoom)
	for i := 0; i < workers; i++ {
		go func() {
			for j := range p {
				j.result <- j.fn(j.arg)
			}
		}()
	}
	return p
}

// submit gives each task a channel with room for its result: no worker waits for a reader.
func (p pool) submit(fn func(uint64) uint64, arg uint64) chan uint64 {
	result := make(chan uint64, 1)
	p <- job{fn, arg, result}
	return result
}

func noopSum(count uint64) uint64 { return count*(count-1)/2 + count }

func checkSum(s settings, sum, expected uint64) {
	if sum != expected {
		fail("%s: the results add up to %d, not to %d", s.workload, sum, expected)
	}
}

func submitAndCollect(p pool, handles []chan uint64) uint64 {
	sum := uint64(0)
	for i := range handles {
		handles[i] = p.submit(noop, uint64(i))
	}
	for i := range handles {
		sum += <-handles[i]
	}
	return sum
}

// rate runs body, which returns the sum of its results, once to warm up and then s.reps times.
func rate(s settings, tasks int, expected uint64, body func() uint64) {
	for rep := 0; rep <= s.reps; rep++ {
		cpu, start := cpuSeconds(), time.Now()
		sum := body()
		taken := time.Since(start)
		cpu = cpuSeconds() - cpu
		checkSum(s, sum, expected)
		if rep > 0 {
			emit(s.workload, poolRow, "Mtask/s", float64(tasks)/taken.Seconds()/1e6)
			emit(s.workload, poolRow, "cpu_us/task", cpu*1e6/float64(tasks))
		}
	}
}

// T1
func throughput(s settings) {
	p := openPool(s.workers)
	handles := make([]chan uint64, throughputTasks)
	rate(s, throughputTasks, noopSum(throughputTasks), func() uint64 {
		return submitAndCollect(p, handles)
	})
}

// T3
func submitters(s settings) {
	const share = throughputTasks / submitterCount
	p := openPool(s.workers)
	handles := make([]chan uint64, throughputTasks)
	rate(s, throughputTasks, submitterCount*noopSum(share), func() uint64 {
		var running sync.WaitGroup
		var sums [submitterCount]uint64
		for k := 0; k < submitterCount; k++ {
			running.Add(1)
			go func(k int) {
				defer running.Done()
				sums[k] = submitAndCollect(p, handles[k*share:(k+1)*share])
			}(k)
		}
		running.Wait()
		return sums[0] + sums[1] + sums[2] + sums[3]
	})
}

// T7: all results come through one channel, in the order of completion.
func completions(s settings) {
	p := openPool(s.workers)
	results := make(chan uint64, completionCount)
	rate(s, completionCount, noopSum(completionCount), func() uint64 {
		sum := uint64(0)
		for i := uint64(0); i < completionCount; i++ {
			p <- job{noop, i, results}
		}
		for i := 0; i < completionCount; i++ {
			sum += <-results
		}
		return sum
	})
}

// T2, T2i
func roundTrips(s settings, count int, pause time.Duration) {
	p := openPool(s.workers)
	taken := make([]time.Duration, count)
	for rep := 0; rep <= s.reps; rep++ {
		sum, cpu, start := uint64(0), cpuSeconds(), time.Now()
		for i := range taken {
			if pause > 0 {
				time.Sleep(pause)
			}
			before := time.Now()
			sum += <-p.submit(noop, uint64(i))
			taken[i] = time.Since(before)
		}
		cores := (cpuSeconds() - cpu) / time.Since(start).Seconds()
		checkSum(s, sum, noopSum(uint64(count)))
		if rep == 0 {
			continue
		}
		sort.Slice(taken, func(i, k int) bool { return taken[i] < taken[k] })
		emit(s.workload, poolRow, "p50_us", float64(taken[count/2].Nanoseconds())/1e3)
		emit(s.workload, poolRow, "p99_us", float64(taken[count*99/100].Nanoseconds())/1e3)
		emit(s.workload, poolRow, "cores", cores)
	}
}

func residentBytes() float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		fail("cannot read /proc/self/statm: %v", err)
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	if err != nil {
		fail("cannot read /proc/self/statm: %v", err)
	}
	return pages * float64(os.Getpagesize())
}

// T6. The array of handles is touched before; it does not count.
func memory(s settings) {
	p := openPool(s.workers)
	handles := make([]chan uint64, pendingFutures)
	placeholder := make(chan uint64)
	for i := range handles {
		handles[i] = placeholder
	}
	inside, gate := make(chan bool, s.workers), make(chan bool)
	gates := []chan uint64{}
	for i := 0; i < s.workers; i++ {
		gates = append(gates, p.submit(func(arg uint64) uint64 {
			inside <- true
			<-gate
			return arg
		}, 0))
	}
	for range gates {
		<-inside
	}
	before := residentBytes()
	for i := range handles {
		handles[i] = p.submit(noop, uint64(i))
	}
	emit(s.workload, poolRow, "B/pending", (residentBytes()-before)/pendingFutures)
	close(gate)
	sum := uint64(0)
	for i := range handles {
		sum += <-handles[i]
	}
	checkSum(s, sum, noopSum(pendingFutures))
	for _, result := range gates {
		<-result
	}
}

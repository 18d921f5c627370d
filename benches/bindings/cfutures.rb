# frozen_string_literal: true

# The library under test, used as a Ruby program would use it: through the binding, with a C function as task.
#
# Called by run.py with the library of that function, which finds the installed libcfutures, then as the C programs
# are: WORKLOAD [REPS [WORKERS [FIB_N]]], or --list. There are fewer tasks than in C; the figures are rates.

require "ffi"

file = ARGV.shift or abort("usage: cfutures.rb LIBRARY WORKLOAD [REPS [WORKERS]] | --list")
# Before the binding looks for the library: this has loaded it.
LOADED = FFI::DynamicLibrary.open(file, FFI::DynamicLibrary::RTLD_NOW | FFI::DynamicLibrary::RTLD_LOCAL)
require_relative "../../bindings/ruby/lib/cfutures"

NAME = "cfutures Ruby"
TASKS = 50_000
TRIPS = 10_000
CALLS = 50_000
NOOP = Cfutures::Library.new(file).task(:bench_noop_task, takes: "Q", gives: "Q")

# The gate of T8.
module Gate
  extend FFI::Library
  ffi_lib LOADED.name
  TASK = Cfutures::Library.new(LOADED.name).task(:bench_gate_task)
  attach_function :shut, :bench_gate_shut, [], :void
  attach_function :open, :bench_gate_open, [], :void
  attach_function :inside, :bench_gate_inside, [], :int

  # The block runs while all workers of the pool stand at the gate.
  def self.closed(pool)
    shut
    standing = Array.new(pool.max_workers) { pool.submit(TASK) }
    sleep(0.0001) until inside == standing.size
    yield
  ensure
    self.open
    standing.each(&:value)
  end
end

def emit(workload, metric, value)
  puts format("R\t%s\t%s\t%s\t%.6g", workload, NAME, metric, value)
end

def check_sum(workload, total, count)
  abort("#{workload}: the results add up to #{total}") unless total == (count * (count - 1) / 2) + count
end

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

# Runs the block, and gives the seconds that passed and those that processors were busy.
def timed
  cpu, start = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID), now
  yield
  [now - start, Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) - cpu]
end

# The block is run once to warm up, then so often, and gives the sum of its results.
def rates(workload, reps)
  (0..reps).each do |rep|
    total = nil
    seconds, cpu = timed { total = yield }
    check_sum(workload, total, TASKS)
    next if rep.zero?

    emit(workload, "Mtask/s", TASKS / seconds / 1e6)
    emit(workload, "cpu_us/task", cpu * 1e6 / TASKS)
  end
end

def round_trips(pool, reps)
  (0..reps).each do |rep|
    total = 0
    taken = []
    seconds, cpu = timed do
      TRIPS.times do |i|
        start = now
        total += pool.submit(NOOP, i).value
        taken << (now - start)
      end
    end
    check_sum("T2", total, TRIPS)
    next if rep.zero?

    taken.sort!
    emit("T2", "p50_us", taken[TRIPS / 2] * 1e6)
    emit("T2", "p99_us", taken[TRIPS / 100 * 99] * 1e6)
    emit("T2", "cores", cpu / seconds)
  end
end

# Nobody is woken by the submits, and nothing waited for by the taking.
def calls_only(pool, reps)
  (0..reps).each do |rep|
    futures = submitted = nil
    Gate.closed(pool) { _, submitted = timed { futures = Array.new(CALLS) { |i| pool.submit(NOOP, i) } } }
    total = futures.pop.value
    _, taken = timed { total += futures.sum(&:value) }
    check_sum("T8", total, CALLS)
    next if rep.zero?

    emit("T8", "cpu_ns/task", ((submitted / CALLS) + (taken / (CALLS - 1))) * 1e9)
    emit("T8", "submit_ns", submitted / CALLS * 1e9)
    emit("T8", "take_ns", taken / (CALLS - 1) * 1e9)
  end
end

WORKLOADS = {
  "T1" => ->(pool, reps) { rates("T1", reps) { Array.new(TASKS) { |i| pool.submit(NOOP, i) }.sum(&:value) } },
  "T2" => ->(pool, reps) { round_trips(pool, reps) },
  "T7" => lambda do |pool, reps|
    rates("T7", reps) { Cfutures.as_completed(Array.new(TASKS) { |i| pool.submit(NOOP, i) }).sum(&:value) }
  end,
  "T8" => ->(pool, reps) { calls_only(pool, reps) }
}.freeze

if ARGV == ["--list"]
  puts "#{NAME}\t#{RUBY_VERSION}, ffi #{FFI::VERSION}", WORKLOADS.keys.join(" ")
else
  workload, reps, workers = ARGV
  Cfutures::ThreadPool.open(max_workers: (workers || 2).to_i) do |pool|
    WORKLOADS.fetch(workload).call(pool, (reps || 1).to_i)
  end
end

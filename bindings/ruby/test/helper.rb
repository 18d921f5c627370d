# frozen_string_literal: true

# What the tests share: the tasks of bindings/tasks, gates, pools and counts.

require "minitest/autorun"
require "timeout"
require "tempfile"
require "cfutures"
require_relative "blocks"

# The C functions of bindings/tasks/tasks.h.
module Tasks
  PATH = ENV.fetch("CFUTURES_TASKS")
  LIBRARY = Cfutures::Library.new(PATH)
  SQUARE = LIBRARY.task(:tasks_square, takes: "q", gives: "q")
  FAIL = LIBRARY.task(:tasks_fail, takes: "l")
  GATE = LIBRARY.task(:tasks_gate, takes: "J", gives: "l")
  CRASH = LIBRARY.task(:tasks_crash, takes: "l")
  PID = LIBRARY.task(:tasks_pid, gives: "q")
  ENDLESS = LIBRARY.task(:tasks_endless)
  OBJECT = LIBRARY.task(:tasks_object, takes: "J")
  AWAIT = LIBRARY.task(:tasks_await, takes: "J", gives: "q")
end

# A gate at which tasks of thread pools wait.
class Gate
  module Native
    extend FFI::Library
    ffi_lib Tasks::PATH
    attach_function :tasks_gate_open, [:pointer], :void
    attach_function :tasks_gate_entered, [:pointer], :int32
  end

  # Where a test has failed, tasks may stand at a gate that nobody knows any more.
  KEPT = [] # rubocop:disable Style/MutableConstant

  def initialize
    @memory = FFI::MemoryPointer.new(:int32, 2)
    KEPT << @memory
  end

  def address = @memory.address
  def open = Native.tasks_gate_open(@memory)

  # Waits until so many tasks have come.
  def await(count)
    Thread.pass until Native.tasks_gate_entered(@memory) >= count
  end

  # A task that stands at the gate.
  def hold(pool, count = 1)
    futures = Array.new(count) { pool.submit(Tasks::GATE, address) }
    await(count)
    futures
  end
end

# What all tests are.
class CfuturesTest < Minitest::Test
  # Nothing here takes so long: what does hangs.
  LIMIT = 240

  def run
    Timeout.timeout(LIMIT) { super }
  end

  def threads(max_workers = 2, **options, &block)
    Cfutures::ThreadPool.open(max_workers: max_workers, **options, &block)
  end

  def processes(max_workers = 2, **options, &block)
    Cfutures::ProcessPool.open(max_workers: max_workers, **options, &block)
  end

  # A pool of threads with one worker, which stands at a gate while the block runs; yields what waits behind it.
  def behind_gate
    gate = Gate.new
    threads(1) do |pool|
      held, = gate.hold(pool)
      begin
        yield pool, held, gate
      ensure
        gate.open
      end
    end
  end

  def resident_bytes
    File.read("/proc/self/statm").split[1].to_i * 4096
  end

  def descriptors = Dir.children("/proc/self/fd").size

  def native_threads = Dir.children("/proc/self/task").size

  # What a program prints, and its status.
  def run_program(text, *options)
    Tempfile.create(["a program", ""]) do |file|
      file.write(text)
      file.close
      command = [RbConfig.ruby, *$LOAD_PATH.flat_map { |path| ["-I", path] }, *options]
      command << (options.empty? ? file.path : text)
      out = IO.popen(command, err: %i[child out], &:read)
      [out, $?]
    end
  end
end

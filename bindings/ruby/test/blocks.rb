# frozen_string_literal: true

# The blocks that the tests run in worker processes, which load this file too.

require "cfutures"
require "timeout"

# One that a worker knows and Marshal can carry.
class TestError < StandardError
  attr_reader :detail

  def initialize(message, detail)
    super(message)
    @detail = detail
  end
end

# One that Marshal cannot carry.
class UncarriableError < StandardError
  def initialize(message)
    super
    @lock = Mutex.new
  end
end

Cfutures.register(:twice) { |value| value * 2 }
Cfutures.register(:greet) { |name, greeting: "hello"| "#{greeting} #{name}" }
Cfutures.register(:pid) { Process.pid }
Cfutures.register(:fail) { |message| raise TestError.new(message, 42) }
Cfutures.register(:fail_uncarriably) { |message| raise UncarriableError, message }
Cfutures.register(:fail_at_length) { |size| raise TestError.new("long" * size, "x" * size) }
Cfutures.register(:fail_deep) do
  deeper = ->(n) { deeper[n + 1] }
  deeper[0]
end
Cfutures.register(:give_uncarriable) { Mutex.new }
Cfutures.register(:exit) { |code| exit(code) }
Cfutures.register(:kill_itself) { Process.kill(:KILL, Process.pid) }
Cfutures.register(:endless) { loop { sleep } }
remembered = nil
Cfutures.register(:remember) { |value| remembered = value }
Cfutures.register(:remembered) { remembered }
Cfutures.register(:environment) { |name| ENV.fetch(name, nil) }
Cfutures.register(:main_thread) { Thread.current == Thread.main }

# All that needs Ruby's own fork: timers, threads, children, pipes that are closed.
Cfutures.register(:use_ruby) do
  reader, writer = IO.pipe
  interrupted = begin
    Timeout.timeout(0.01) { reader.read }
  rescue Timeout::Error
    true
  end
  thread = Thread.new { reader.read }
  Thread.pass until thread.stop?
  thread.kill.join
  count = Array.new(3) { Thread.new { 1000.times.sum } }.sum(&:value)
  Process.wait(fork { exit!(3) })
  status = $?.exitstatus
  reader.close
  broken = begin
    writer.write("x")
  rescue Errno::EPIPE
    true
  end
  [interrupted, count, status, `echo shell`, broken]
end

# Makes a pool of its own.
Cfutures.register(:nested) do |value|
  Cfutures::ProcessPool.open(max_workers: 1) { |pool| pool.submit(:twice, value).value }
end

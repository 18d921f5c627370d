# frozen_string_literal: true

require_relative "helper"
require_relative "scheduler"

# The ends of pools, forks, interruptions, fibers, and what is left over.
class TestLifecycle < CfuturesTest
  def test_shutdown_waits
    gate = Gate.new
    pool = Cfutures::ThreadPool.new(max_workers: 1)
    held, = gate.hold(pool)
    later = pool.submit(Tasks::SQUARE, 4)
    ours = Queue.new
    block = pool.submit { ours.pop }
    refute pool.shutdown(timeout: 0.01)
    gate.open
    refute pool.shutdown(timeout: 0.01)
    ours.push(6)
    assert pool.shutdown
    assert_equal [true, true, true], [held, later, block].map(&:done?)
    assert_equal [16, 6], [later.value, block.value]
    assert pool.shutdown
  end

  def test_shutdown_cancels
    gate = Gate.new
    pool = Cfutures::ThreadPool.new(max_workers: 1)
    held, = gate.hold(pool)
    started, go = Queue.new, Queue.new
    busy = pool.submit { started.push(1) && go.pop }
    started.pop
    later = [pool.submit(Tasks::SQUARE, 4), pool.submit { 4 }]
    assert pool.shutdown(wait: false, cancel_futures: true)
    later.each { |future| assert_raises(Cfutures::CancelledError) { future.value } }
    go.push(2)
    gate.open
    assert pool.shutdown
    assert_equal [0, 2], [held.value, busy.value]
  end

  def test_submit_after_shutdown
    pools = [Cfutures::ThreadPool.new(max_workers: 1), Cfutures::ProcessPool.new(max_workers: 1)]
    pools.each do |pool|
      assert pool.shutdown(wait: false)
      assert_equal :shutdown, assert_raises(Cfutures::ShutdownError) { pool.submit(Tasks::SQUARE, 2) }.status
      assert pool.shutdown
      assert_raises(Cfutures::ShutdownError) { pool.submit(Tasks::SQUARE, 2) }
      assert_raises(Cfutures::ShutdownError) { pool.submit(:twice, 2) }
      assert_raises(Cfutures::ShutdownError) { pool.submit_many(Tasks::SQUARE, [1, 2]) }
      assert_raises(Cfutures::ShutdownError) { pool.map(Tasks::SQUARE, [1, 2]) }
      assert_nil pool.error
    end
  end

  # What has not begun is cancelled when the block of a pool raises.
  def test_open
    assert_equal 5, threads { 5 }
    gate = Gate.new
    later = nil
    assert_raises(KeyError) do
      threads(1) do |pool|
        gate.hold(pool)
        later = pool.submit(Tasks::SQUARE, 2)
        later.on_complete { gate.open }
        raise KeyError
      end
    end
    assert_predicate later, :cancelled?
    pool = Cfutures::ThreadPool.open(max_workers: 3)
    assert_equal 3, pool.max_workers
    assert pool.shutdown
  end

  # Leaving the block early is no failure: what was submitted is done.
  def test_open_that_is_left
    gate = Gate.new
    later, leaver = nil, Thread.current
    threads(1) do |pool|
      gate.hold(pool)
      later = pool.submit(Tasks::SQUARE, 5)
      Thread.new { (Thread.pass until leaver.stop?) || gate.open } # when it waits for the pool's end
      break
    end
    assert_equal 25, later.value
  end

  def test_waits_can_be_interrupted
    behind_gate do |pool, held, gate|
      waits = [-> { held.value }, -> { held.wait }, -> { Cfutures.wait([held]) },
               -> { pool.map([1]) { held.value }.to_a }, -> { Cfutures.as_completed([held]).to_a },
               -> { pool.shutdown }]
      waits.each do |wait|
        thread = Thread.new { wait.call }
        thread.report_on_exception = false
        Thread.pass until thread.stop?
        thread.raise(KeyError, "enough")
        assert_raises(KeyError) { thread.value }
        assert_raises(Timeout::Error) { Timeout.timeout(0.01) { wait.call } }
      end
      gate.open
      assert_equal 0, held.value
      assert pool.shutdown
    end
  end

  # While one fiber waits, others of its thread run.
  def test_fiber_scheduler
    gate = Gate.new
    order = Queue.new
    threads(1) do |pool|
      held, = gate.hold(pool)
      Thread.new do
        Fiber.set_scheduler(TestScheduler.new)
        Fiber.schedule { order << [:value, held.value] }
        Fiber.schedule { order << [:completed, Cfutures.as_completed([held]).map(&:value)] }
        Fiber.schedule { order << [:wait, Cfutures.wait([held], timeout: 300).last] }
        Fiber.schedule do
          order << :opened
          gate.open
        end
      end.join
      second = Gate.new
      second.hold(pool)
      Thread.new do
        Fiber.set_scheduler(TestScheduler.new)
        Fiber.schedule { order << [:shutdown, pool.shutdown] }
        Fiber.schedule { second.open }
      end.join
    end
    taken = Array.new(order.size) { order.pop }
    assert_equal :opened, taken.first
    assert_equal [[:completed, [0]], [:value, 0], [:wait, []]], taken[1..3].sort
    assert_equal [:shutdown, true], taken.last
  end

  def test_fork
    pools = [Cfutures::ThreadPool.new(max_workers: 1), Cfutures::ProcessPool.new(max_workers: 1)]
    pools.first.submit { 1 }.on_complete { |f| f }.wait
    done = pools.map { |pool| pool.submit(Tasks::SQUARE, 3) }.each(&:value)
    gate = Gate.new
    held, = gate.hold(pools.first)
    assert_equal "fine", in_child { in_forked_child(pools, done, held) }
    assert_equal "collected", in_child { GC.start || "collected" }
    gate.open
    assert_equal 0, held.value
    pools.each { |pool| assert_equal 4, pool.submit(Tasks::SQUARE, 2).value }
    assert(pools.all?(&:shutdown))
  end

  def in_child
    reader, writer = IO.pipe
    pid = fork do
      reader.close
      writer.write(yield)
      writer.close
      exit!(0)
    end
    writer.close
    reader.read.tap { Process.wait(pid) }
  end

  def in_forked_child(pools, done, held)
    assert_equal [9, 9], done.map(&:value)
    forked = [-> { held.value }, -> { held.wait(0) }, -> { Cfutures.wait([held]) }, -> { held.on_complete(&:value) }]
    pools.each do |pool|
      forked.push(-> { pool.submit(Tasks::SQUARE, 2) }, -> { pool.submit_many(Tasks::SQUARE, [2]) },
                  -> { pool.shutdown }, -> { pool.error })
    end
    forked.push(-> { pools.first.submit { 2 } })
    forked.each { |call| assert_raises(Cfutures::ForkedError, &call) }
    refute held.cancel
    threads { |pool| assert_equal [25, 6], [pool.submit(Tasks::SQUARE, 5).value, pool.submit { 6 }.value] }
    processes { |pool| assert_equal [25, 6], [pool.submit(Tasks::SQUARE, 5).value, pool.submit(:twice, 3).value] }
    calls = Queue.new
    threads { |pool| pool.submit(Tasks::SQUARE, 5).on_complete { |future| calls.push(future.value) } }
    assert_equal 25, calls.pop
    "fine"
  rescue Exception => e # rubocop:disable Lint/RescueException
    e.full_message(highlight: false)
  end

  # Its finalizers run, and harm nobody.
  def test_fork_that_exits
    out, status = run_program(<<~'RUBY')
      require "cfutures"
      square = Cfutures::Library.new(ENV.fetch("CFUTURES_TASKS")).task(:tasks_square, takes: "q", gives: "q")
      pools = [Cfutures::ThreadPool.new(max_workers: 1), Cfutures::ProcessPool.new(max_workers: 1)]
      futures = pools.map { |pool| pool.submit(square, 3) }
      futures << pools.first.submit { 1 }
      futures.first.on_complete { |future| future }
      Process.wait(fork { pools = futures = nil })
      p $?.success?, futures.map(&:value), pools.map { |pool| pool.submit(square, 2).value }, pools.map(&:shutdown)
    RUBY
    assert_predicate status, :success?, out
    assert_equal "true\n[9, 9, 1]\n[4, 4]\n[true, true]\n", out
  end

  def counts
    3.times { GC.start }
    [native_threads, descriptors, Thread.list.size, ObjectSpace.each_object(Cfutures::Future).count]
  end

  # So many tasks and pools of each kind.
  def use_up(tasks, pools)
    pools.times do |i|
      ((i % 10).zero? ? Cfutures::ProcessPool : Cfutures::ThreadPool).open(max_workers: 2) do |pool|
        squares = (0...tasks / 2).sum { |n| pool.submit(Tasks::SQUARE, n).value }
        assert_equal squares, pool.submit_many(Tasks::SQUARE, 0...(tasks / 2)).sum(&:value)
        pool.submit(Tasks::SQUARE, 5) # nobody asks for it
        pool.submit(5) { |n| n }.value if pool.is_a?(Cfutures::ThreadPool)
      end
    end
  end

  # Threads of the system go some time after those of Ruby, and what lies on a stack by chance is not collected: some
  # futures of 100,000 may be left.
  def test_leaks_nothing
    use_up(1000, 20)
    before = counts
    memory = resident_bytes
    use_up(1000, 100)
    Thread.pass until counts.zip(before).first(3).all? { |now, at_first| now <= at_first }
    assert_operator counts.last, :<=, before.last + 10
    assert_operator resident_bytes - memory, :<, 16 << 20
  end

  # How many results of a task there are. Where a test has failed, some may go when nobody knows them any more.
  class Objects
    KEPT = [] # rubocop:disable Style/MutableConstant

    def initialize
      @memory = FFI::MemoryPointer.new(:int64)
      KEPT << @memory
    end

    def submit(pool) = pool.submit(Tasks::OBJECT, @memory.address)
    def submit_many(pool, count) = pool.submit_many(Tasks::OBJECT, [@memory.address] * count)
    def count = @memory.get_int64(0)

    # The worker that has published the last result may still have a reference for a moment.
    def gone?
      1000.times { count.zero? ? (return true) : sleep(0.005) }
      false
    end

    # Futures share leases, and what lies on a stack by chance keeps one or two.
    def collected?
      3.times { GC.start }
      count <= 3 * Cfutures::Lease::PLACES
    end
  end

  # Results that were read go at once, others with the last that refers to their lease.
  def test_forgotten_futures
    objects = Objects.new
    threads do |pool|
      (Array.new(100) { objects.submit(pool) } + objects.submit_many(pool, 100)).each(&:value)
      assert_predicate objects, :gone?
      5000.times { objects.submit(pool) }
      objects.submit_many(pool, 5000)
    end
    assert_predicate objects, :collected?
  end

  # An exception from another thread comes between any two steps, and nothing is lost.
  def test_interrupted_at_any_step
    objects = Objects.new
    threads do |pool|
      2000.times do |i|
        thread = Thread.new do
          loop { objects.submit(pool).value + objects.submit_many(pool, 2).last.value }
        end
        (i % 7).times { Thread.pass }
        thread.kill.join
      end
      assert_equal 49, pool.submit(Tasks::SQUARE, 7).value
    end
    assert_predicate objects, :collected?
  end

  # With a collection at nearly every step.
  def test_under_stress_of_the_collector
    threads do |pool|
      GC.stress = true
      futures = pool.submit_many(Tasks::SQUARE, [2]) << pool.submit(2) { |n| n * n } << pool.submit(Tasks::FAIL, 3)
      values = Cfutures.as_completed(futures).map { |future| future.error ? future.error.code : future.value }
      GC.stress = false
      assert_equal [3, 4, 4], values.sort
    ensure
      GC.stress = false
    end
  end
end

# frozen_string_literal: true

require_relative "helper"

# Waiting for many, maps and callbacks.
class TestWait < CfuturesTest
  def test_map_order
    threads(2) do |pool|
      assert_equal (0...1000).map { |n| n * n }, pool.map(Tasks::SQUARE, 0...1000).to_a
      # The second item ends first.
      second_is_done = Queue.new
      results = pool.map([0, 1]) { |n| n.zero? ? second_is_done.pop : second_is_done.push(:done) && 1 }
      assert_equal [:done, 1], results.to_a
      assert_equal 2, pool.map(Tasks::SQUARE, [1, 2]).size
      assert_equal [[1, 0], [4, 1]], pool.map(Tasks::SQUARE, [1, 2]).with_index.to_a
    end
  end

  def test_map_error
    threads(1) do |pool|
      given = []
      error = assert_raises(RuntimeError) do
        pool.map([1, 2, 0, 4]) { |n| n.zero? ? raise("item #{n}") : n }.each { |n| given << n }
      end
      assert_equal ["item 0", [1, 2]], [error.message, given]
      failing = pool.map(Tasks::FAIL, [3])
      assert_equal 3, assert_raises(Cfutures::TaskFailedError) { failing.next }.code
    end
  end

  def test_map_timeout
    behind_gate do |pool, _, gate|
      ran = false
      results = pool.map(Tasks::SQUARE, [1, 2], timeout: 0.01)
      assert_raises(Cfutures::TimeoutError) { results.to_a }
      started, go = Queue.new, Queue.new
      busy = pool.submit { started.push(1) && go.pop }
      started.pop
      blocks = pool.map([1], timeout: 0.01) { ran = true }
      assert_raises(Cfutures::TimeoutError) { blocks.next }
      go.push(1)
      busy.wait
      gate.open
      pool.shutdown
      refute ran
    end
  end

  # What is left early is cancelled.
  def test_map_left_early
    behind_gate do |pool, _, gate|
      started, go = Queue.new, Queue.new
      results = pool.map([1, 2, 3]) { |n| n == 1 ? n : started.push(n) && go.pop }
      assert_equal 1, results.first
      go.push(:end)
      gate.open
      pool.shutdown
      assert_operator started.size, :<=, 1
    end
  end

  def test_wait_all
    behind_gate do |pool, held, gate|
      later = pool.submit(Tasks::SQUARE, 2)
      assert_equal [[], [held, later]], Cfutures.wait([held, later], timeout: 0)
      gate.open
      assert_equal [[held, later], []], Cfutures.wait([held, later])
      assert_equal [[held], []], Cfutures.wait([held, held])
      assert_equal [[], []], Cfutures.wait([])
    end
  end

  def test_wait_first_completed
    behind_gate do |_, held, _|
      threads(1) do |other|
        quick = other.submit(Tasks::SQUARE, 2)
        assert_equal [[quick], [held]], Cfutures.wait([held, quick], return_when: :first_completed)
      end
    end
  end

  def test_wait_first_exception
    behind_gate do |_, held, gate|
      threads(1) do |other|
        good = other.submit(Tasks::SQUARE, 2)
        bad = other.submit(Tasks::FAIL, 2)
        done, not_done = Cfutures.wait([held, good, bad], return_when: :first_exception)
        assert_equal [[good, bad], [held]], [done, not_done]
        gate.open
        cancelled_only = Cfutures.wait([held, good], return_when: :first_exception)
        assert_equal [[held, good], []], cancelled_only
      end
    end
  end

  def test_wait_timeout
    behind_gate do |_, held, _|
      threads(1) do |other|
        quick = other.submit(Tasks::SQUARE, 2).wait
        assert_equal [[quick], [held]], Cfutures.wait([quick, held], timeout: 0.01)
      end
    end
  end

  def test_times_that_are_none
    behind_gate do |_, held, gate|
      assert_raises(Cfutures::InvalidArgumentError) { held.wait(Float::NAN) }
      waiting = Thread.new { held.wait(Float::INFINITY) }
      Thread.pass until waiting.stop?
      gate.open
      assert_same held, waiting.value
    end
  end

  def test_as_completed_order
    behind_gate do |_, held, gate|
      threads(1) do |other|
        quick = other.submit(Tasks::SQUARE, 3)
        order = []
        Cfutures.as_completed([held, quick, quick]) do |future|
          order << future
          gate.open
        end
        assert_equal [quick, held], order
        assert_equal [quick, held].sort_by(&:__id__), Cfutures.as_completed([held, quick]).to_a.sort_by(&:__id__)
        external = Cfutures.as_completed([held])
        assert_same held, external.next
        assert_raises(StopIteration) { external.next }
      end
    end
  end

  def test_as_completed_timeout
    behind_gate do |_, held, _|
      threads(1) do |other|
        quick = other.submit(Tasks::SQUARE, 3).wait
        given = []
        error = assert_raises(Cfutures::TimeoutError) do
          Cfutures.as_completed([held, quick], timeout: 0.01).each { |future| given << future }
        end
        assert_equal [[quick], "1 of 2 futures are not done"], [given, error.message]
      end
    end
  end

  def test_done_callback
    behind_gate do |_, held, gate|
      calls = Queue.new
      callback = ->(future) { calls.push([:first, future.done? && future.value, Thread.current]) }
      assert_same held, held.on_complete(&callback)
      # A later callback has been called: the first one has not.
      threads(1) { |other| other.submit(Tasks::SQUARE, 2).on_complete { calls.push(:other) } }
      assert_equal :other, calls.pop
      gate.open
      name, value, thread = calls.pop
      assert_equal [:first, 0], [name, value]
      refute_includes [Thread.current, Thread.main], thread
      # After the end, with its outcome read or not.
      held.on_complete { |future| calls.push([:second, future.value, Thread.current]) }
      assert_equal [:second, 0, thread], calls.pop
      assert_empty calls
    end
  end

  def test_callback_that_fails
    threads(1) do |pool|
      calls = Queue.new
      _, printed = capture_io do
        pool.submit(Tasks::SQUARE, 2).on_complete { raise "in a callback" }
        pool.submit(Tasks::SQUARE, 2).on_complete { calls.push(:next) }
        assert_equal :next, calls.pop
      end
      assert_match(/a callback of .*tasks_square.* failed.*in a callback/m, printed)
    end
  end

  def test_deadlock_refused
    # C functions: each waits for the other's future, whose handle it finds in memory.
    threads(2) do |pool|
      gate = Gate.new
      gate.hold(pool, 2)
      slots = FFI::MemoryPointer.new(:pointer, 2)
      futures = [1, 0].map { |other| pool.submit(Tasks::AWAIT, slots.address + (8 * other)) }
      futures.each_with_index do |future, i|
        slots.put_uint64(8 * i, future.send(:referred))
      end
      gate.open
      codes = Cfutures.wait(futures).first.map { |future| future.error.code }
      assert_includes codes, Cfutures::DeadlockError.number
    end
  end

  def test_deadlock_of_blocks_refused
    threads(2) do |pool|
      shared = Queue.new
      first = pool.submit { shared.pop.value }
      second = pool.submit { first.value }
      shared.push(second)
      errors = [first, second].map { |future| assert_raises(Cfutures::DeadlockError) { future.value } }
      assert_equal %i[deadlock deadlock], errors.map(&:status)
      itself = Queue.new
      mine = pool.submit { itself.pop.wait }
      itself.push(mine)
      assert_raises(Cfutures::DeadlockError) { mine.value }
      assert_raises(Cfutures::DeadlockError) { pool.submit { pool.shutdown }.value }
      circle = Queue.new
      all = pool.submit { Cfutures.wait(circle.pop) }
      circle.push([all, pool.submit(Tasks::SQUARE, 2)])
      assert_raises(Cfutures::DeadlockError) { all.value }
    end
  end

  # Blocks that wait for blocks behind them in the queue, in a pool of one.
  def test_nested_blocks
    threads(1) do |pool|
      depth = ->(n) { n.zero? ? 0 : 1 + pool.submit { depth[n - 1] }.value }
      assert_equal 20, pool.submit { depth[20] }.value
      assert_equal [1, 4], pool.submit { pool.map(Tasks::SQUARE, [1, 2]).to_a }.value
      many = pool.submit { Cfutures.as_completed(pool.submit_many([1, 2, 3]) { _1 }).map(&:value).sort }
      assert_equal [1, 2, 3], many.value
    end
  end
end

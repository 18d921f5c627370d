# frozen_string_literal: true

require_relative "helper"

# Submitting, results and errors.
class TestSubmit < CfuturesTest
  def test_submit_result
    threads { |pool| assert_equal 144, pool.submit(Tasks::SQUARE, 12).value }
  end

  def test_submit_error
    threads do |pool|
      future = pool.submit(Tasks::FAIL, 7)
      error = assert_raises(Cfutures::TaskFailedError) { future.value }
      assert_equal [:task_failed, 7, "failed as asked"], [error.status, error.code, error.message]
      assert_equal 7, future.error.code
      assert_equal :failed, future.state
    end
  end

  def test_submit_closure
    threads do |pool|
      base = 40
      assert_equal 42, pool.submit(2) { |x| base + x }.value
      assert_equal "Hello you", pool.submit("you", word: "Hello") { |name, word:| "#{word} #{name}" }.value
      assert_equal 3, pool.submit([1, 2, 3].method(:size)).value
      assert_equal 14, pool.submit(:twice, 7).value
    end
  end

  # Blocks that wait do so side by side: each of them waits for the other.
  def test_closures_wait_side_by_side
    threads(2) do |pool|
      ours, theirs = Queue.new, Queue.new
      futures = [pool.submit { ours.push(1) && theirs.pop }, pool.submit { theirs.push(2) && ours.pop }]
      assert_equal [2, 1], futures.map(&:value)
    end
  end

  def test_closure_fails
    threads do |pool|
      exception = KeyError.new("no such key")
      future = pool.submit { raise exception }
      assert_same(exception, assert_raises(KeyError) { future.value })
      assert_same exception, future.error
      assert_predicate future, :failed?
      assert_raises(SystemExit) { pool.submit { exit(3) }.value }
      killed = pool.submit { Thread.current.kill }
      assert_raises(Cfutures::TaskFailedError) { killed.value }
      assert_equal 1, pool.submit { 1 }.value
    end
  end

  def test_submit_many
    threads do |pool|
      assert_equal (0...100).map { |n| n * n }, pool.submit_many(Tasks::SQUARE, 0...100).map(&:value)
      assert_equal [2, 4], pool.submit_many([1, 2]) { |n| 2 * n }.map(&:value)
      assert_equal [2, 4], pool.submit_many(:twice, [1, 2]).map(&:value)
      assert_empty pool.submit_many(Tasks::SQUARE, [])
      sizes = Tasks::LIBRARY.task(:tasks_square)
      mixed = pool.submit_many(sizes, [[5].pack("q"), "short"])
      assert_equal 25, mixed.first.value.unpack1("q")
      assert_equal Errno::EINVAL::Errno, mixed.last.wait.error.code
    end
  end

  # A result is what its bytes say, also where they are more or fewer than those of the number that it was said to be.
  def test_results_of_another_size
    gives = ->(format) { Tasks::LIBRARY.task(:tasks_square, takes: "q", gives: format) }
    threads do |pool|
      squares = { "q" => 49, "Q" => 49, "l" => 49, "S" => 49, "c" => 49, "d" => [49].pack("q").unpack1("d"),
                  "l2" => [49, 0], "q2" => [49, nil], "a8" => [49].pack("q") }
      squares.each { |format, square| assert_equal square, pool.submit(gives[format], 7).value, format }
      most = (2**32) - 1
      assert_equal [(most**2) - (2**64), most**2], %w[q Q].map { |format| pool.submit(gives[format], most).value }
      assert_nil pool.submit(Tasks::LIBRARY.task(:tasks_echo, gives: "q")).value
    end
  end

  def test_numbers
    echo = ->(format) { Tasks::LIBRARY.task(:tasks_echo, takes: format, gives: format) }
    limits = { "c" => 7, "s" => 15, "l" => 31, "q" => 63 }
    threads do |pool|
      limits.each do |format, bits|
        both = { format => [-(2**bits), -1, 0, (2**bits) - 1], format.upcase => [0, 1, (2**(bits + 1)) - 1] }
        both.each do |name, numbers|
          assert_equal numbers, numbers.map { |number| pool.submit(echo[name], number).value }, name
          assert_equal numbers, pool.submit_many(echo[name], numbers).map(&:value), name
          assert_equal numbers, pool.submit_many(echo[name], numbers.map { |number| [number] }).map(&:value), name
        end
      end
      # What is too large is what pack makes of it.
      large = [300, 2**31, 2**63, -(2**63) - 1, 1.5, 2.0**70]
      %w[c L q Q].product(large) do |format, number|
        packed = begin
          [number].pack(format)
        rescue RangeError
          nil
        end
        taken = -> { pool.submit(echo[format], number).value }
        packed ? assert_equal(packed.unpack1(format), taken.call) : assert_raises(RangeError, &taken)
      end
      %w[d f].each { |format| assert_equal [0.5, -1.0], pool.map(echo[format], [0.5, -1]).to_a }
      assert_equal [[1, 2.5]], pool.map(echo["qd"], [[1, 2.5]]).to_a
      assert_equal [], pool.submit_many(echo["q"], [])
      assert_raises(TypeError) { pool.submit_many(echo["q"], [1, nil]) }
    end
  end

  def test_result_timeout
    behind_gate do |_, held, gate|
      error = assert_raises(Cfutures::TimeoutError) { held.value(0.01) }
      assert_equal :timeout, error.status
      assert_raises(Cfutures::TimeoutError) { held.value(0) }
      assert_raises(Cfutures::TimeoutError) { held.value(-1) }
      assert_nil held.wait(0)
      gate.open
      assert_equal 0, held.value(300)
      assert_same held, held.wait(0)
    end
  end

  def test_cancel_pending
    behind_gate do |pool, _, gate|
      ran = false
      native = pool.submit(Tasks::SQUARE, 2)
      assert native.cancel
      assert native.cancel
      assert_predicate native, :cancelled?
      refute_predicate native, :failed?
      assert_equal :cancelled, assert_raises(Cfutures::CancelledError) { native.value }.status
      started = Queue.new
      go = Queue.new
      first = pool.submit { started.push(1) && go.pop }
      started.pop
      block = pool.submit { ran = true }
      assert block.cancel
      go.push(:gone)
      gate.open
      assert_equal :gone, first.value
      assert_raises(Cfutures::CancelledError) { block.value }
      pool.shutdown
      refute ran
    end
  end

  def test_cancel_running
    behind_gate do |pool, held, gate|
      refute held.cancel
      assert_predicate held, :running?
      started = Queue.new
      go = Queue.new
      block = pool.submit { started.push(1) && go.pop }
      started.pop
      refute block.cancel
      go.push(5)
      gate.open
      assert_equal [0, 5], [held.value, block.value]
      refute held.cancel
    end
  end

  def test_invalid_argument
    assert_raises(Cfutures::InvalidArgumentError) { Cfutures::ThreadPool.new(max_workers: 0) }
    assert_raises(Cfutures::InvalidArgumentError) { Cfutures::ThreadPool.new(max_workers: "many") }
    assert_raises(Cfutures::InvalidArgumentError) { Cfutures::ThreadPool.new(max_workers: -1) }
    assert_raises(Cfutures::InvalidArgumentError) { Cfutures::ProcessPool.new(max_workers: 5000) }
    assert_raises(Cfutures::InvalidArgumentError) { Cfutures::ProcessPool.new(on_worker_death: :shrug) }
    threads do |pool|
      assert_raises(Cfutures::InvalidArgumentError) { pool.submit(42) }
      assert_raises(Cfutures::InvalidArgumentError) { pool.submit }
      assert_raises(ArgumentError) { pool.submit(Tasks::SQUARE) }
      assert_raises(TypeError) { pool.submit(Tasks::SQUARE, "12") }
      assert_raises(Cfutures::UnknownFunctionError) { pool.submit(:nobody) }
      assert_raises(Cfutures::UnknownFunctionError) { Tasks::LIBRARY.task(:no_such_function) }
      future = pool.submit(Tasks::SQUARE, 2)
      assert_raises(Cfutures::InvalidArgumentError) { Cfutures.wait([future], return_when: :later) }
      assert_raises(Cfutures::InvalidArgumentError) { Cfutures.wait([future, 1]) }
      assert_raises(Cfutures::InvalidArgumentError) { Cfutures.as_completed([nil]) }
      assert_raises(Cfutures::InvalidArgumentError) { future.on_complete }
      assert_raises(Cfutures::UnsupportedError) { future.kill }
      assert_equal 4, future.value
      assert_equal Errno::EINVAL::Errno, pool.submit(Tasks::LIBRARY.task(:tasks_square), "xx").wait.error.code
    end
  end

  def test_released_futures
    threads do |pool|
      future = pool.submit(Tasks::SQUARE, 3)
      assert_nil future.release
      assert_nil future.release
      assert_raises(Cfutures::InvalidStateError) { future.value }
      assert_raises(Cfutures::InvalidStateError) { Cfutures.wait([future]) }
      known = pool.submit(Tasks::SQUARE, 3)
      assert_equal 9, known.value
      ran = Queue.new
      pool.submit { ran.push(:ran) }.release
      assert_equal :ran, ran.pop
      assert_nil known.send(:referred)
      known.release
      assert_equal 9, known.value
    end
  end

  def test_states_and_inspect
    behind_gate do |pool, held, gate|
      later = pool.submit(Tasks::SQUARE, 2)
      assert_equal %i[running pending], [held.state, later.state]
      assert_match(/tasks_square.*pending/, later.inspect)
      refute_predicate later, :done?
      assert_nil later.error
      gate.open
      later.wait
      assert_equal :finished, later.state
    end
  end
end

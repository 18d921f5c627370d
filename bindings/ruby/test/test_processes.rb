# frozen_string_literal: true

require_relative "helper"

# Worker processes: of the library's own program, and of Ruby.
class TestProcesses < CfuturesTest
  def test_process_result
    processes do |pool|
      assert_equal 144, pool.submit(Tasks::SQUARE, 12).value
      refute_equal Process.pid, pool.submit(Tasks::PID).value
      assert_equal (0...50).map { |n| n * n }, pool.map(Tasks::SQUARE, 0...50).to_a
      error = assert_raises(Cfutures::TaskFailedError) { pool.submit(Tasks::FAIL, 9).value }
      assert_equal [9, "failed as asked"], [error.code, error.message]
    end
  end

  def test_process_function
    processes do |pool|
      assert_equal 42, pool.submit(:twice, 21).value
      assert_equal "good day you", pool.submit(:greet, "you", greeting: "good day").value
      refute_equal Process.pid, pool.submit(:pid).value
      assert_equal [2, 4, "aa"], pool.map(:twice, [1, 2, "a"]).to_a
      big = "x" * 10_000_000
      assert_equal big * 2, pool.submit(:twice, big).value
      assert_equal true, pool.submit(:main_thread).value
    end
  end

  def test_process_function_fails
    processes(1) do |pool|
      error = assert_raises(TestError) { pool.submit(:fail, "from far").value }
      assert_equal ["from far", 42], [error.message, error.detail]
      assert_match(/blocks\.rb/, error.backtrace.first)
      error = assert_raises(Cfutures::TaskFailedError) { pool.submit(:fail_uncarriably, "no dump").value }
      assert_equal "UncarriableError: no dump", error.message
      error = assert_raises(Cfutures::TaskFailedError) { pool.submit(:fail_at_length, 100_000).value }
      assert_match(/\ATestError: longlong/, error.message)
      error = assert_raises(Cfutures::TaskFailedError) { pool.submit(:fail_deep).value }
      assert_equal "SystemStackError: stack level too deep", error.message
      assert_raises(TypeError) { pool.submit(:give_uncarriable).value }
      assert_raises(TypeError) { pool.submit(:twice, Mutex.new) }
      assert_raises(NoMethodError) { pool.submit(:twice).value }
      assert_raises(Cfutures::UnknownFunctionError) { pool.submit(:nobody).value }
      assert_raises(Cfutures::UnsupportedError) { pool.submit { 1 } }
      assert_equal 4, pool.submit(:twice, 2).value
    end
  end

  # Ruby in a worker is whole, though Ruby has not forked it; also in the second worker, and for the second time.
  def test_ruby_in_workers
    processes(2, max_tasks_per_child: 2) do |pool|
      futures = Array.new(6) { pool.submit(:use_ruby) }
      assert_equal [[true, 3 * 1000.times.sum, 3, "shell\n", true]], futures.map(&:value).uniq
      assert_equal 8, pool.submit(:nested, 4).value
      %w[RUBYLIB RUBYOPT].each do |name|
        assert_equal [ENV.fetch(name, nil)], [pool.submit(:environment, name).value]
      end
      assert_nil pool.submit(:environment, "CFUTURES_RUBY").value
      assert_nil pool.submit(:environment, "CFUTURES_WORKER").value
    end
  end

  def test_worker_crash
    processes(1) do |pool|
      pid = pool.submit(Tasks::PID).value
      error = assert_raises(Cfutures::WorkerDiedError) { pool.submit(Tasks::CRASH, Signal.list["SEGV"]).value }
      assert_equal [:worker_died, pid, Signal.list["SEGV"], nil],
                   [error.status, error.pid, error.signal, error.exit_code]
      pid = pool.submit(:pid).value
      error = assert_raises(Cfutures::WorkerDiedError) { pool.submit(:kill_itself).value }
      assert_equal [pid, Signal.list["KILL"]], [error.pid, error.signal]
      error = assert_raises(Cfutures::WorkerDiedError) { pool.submit(:exit, 7).value }
      assert_equal [7, nil], [error.exit_code, error.signal]
      assert_equal 4, pool.submit(Tasks::SQUARE, 2).value
      assert_nil pool.error
    end
  end

  def test_crash_that_breaks_the_pool
    processes(1, on_worker_death: :break_pool) do |pool|
      assert_raises(Cfutures::BrokenPoolError) { pool.submit(Tasks::CRASH, Signal.list["KILL"]).value }
      error = assert_raises(Cfutures::BrokenPoolError) { pool.submit(:twice, 2) }
      assert_equal Signal.list["KILL"], error.signal
    end
  end

  def test_kill_future
    processes(1) do |pool|
      [[Tasks::ENDLESS], [:endless]].each do |call|
        endless = pool.submit(*call)
        behind = pool.submit(Tasks::SQUARE, 3)
        Thread.pass until endless.running?
        assert endless.kill
        assert_raises(Cfutures::CancelledError) { endless.value }
        assert_predicate endless, :cancelled?
        assert_equal 9, behind.value
        refute behind.kill
      end
      gentle = pool.submit(:endless)
      Thread.pass until gentle.running?
      assert gentle.kill(nil)
      assert_raises(Cfutures::CancelledError) { gentle.value }
      pending = [pool.submit(:endless), pool.submit(:endless)]
      assert pending.last.kill
      pool.kill_workers
      assert_equal [true] * 2, pending.map { |future| future.wait.done? }
    end
  end

  def test_terminate_workers
    pool = Cfutures::ProcessPool.new(max_workers: 1)
    endless = pool.submit(Tasks::ENDLESS)
    Thread.pass until endless.running?
    pool.terminate_workers
    assert pool.shutdown
    error = assert_raises(Cfutures::WorkerDiedError) { endless.value }
    assert_equal Signal.list["TERM"], error.signal
  end

  def test_initializer_fails
    threads(1, initializer: Tasks::FAIL, initargs: [5]) { |pool| assert_broken(pool, [Tasks::SQUARE, 2], 5) }
    processes(1, initializer: Tasks::FAIL, initargs: [5]) { |pool| assert_broken(pool, [Tasks::SQUARE, 2], 5) }
    processes(1, initializer: :fail, initargs: ["no start"]) do |pool|
      assert_broken(pool, [:twice, 2], -1)
      assert_match(/TestError: no start/, pool.error.message)
    end
    assert_raises(Cfutures::InvalidArgumentError) { Cfutures::ProcessPool.new(initializer: 5) }
  end

  def assert_broken(pool, call, code)
    error = assert_raises(Cfutures::BrokenPoolError) { pool.submit(*call).value }
    assert_equal [:broken_pool, code], [error.status, error.code]
    assert_equal code, assert_raises(Cfutures::BrokenPoolError) { pool.submit(*call) }.code
    assert_equal code, pool.error.code
  end

  def test_initializer
    processes(2, initializer: :remember, initargs: [[1, 2]], max_tasks_per_child: 1) do |pool|
      assert_equal [[1, 2]] * 4, Array.new(4) { pool.submit(:remembered).value }
    end
  end

  # What the workers load is this program, if it says nothing of its own.
  def test_programs
    script = <<~'RUBY'
      require "cfutures"
      Cfutures.register(:triple) { |n| 3 * n }
      main = lambda do
        Cfutures::ProcessPool.open(max_workers: 1) { |pool| puts pool.submit(:triple, 5).value }
      end
    RUBY
    out, status = run_program("#{script}main.call if __FILE__ == $PROGRAM_NAME\n")
    assert_equal ["15\n", true], [out, status.success?]
    out, status = run_program("#{script}main.call\n")
    refute_predicate status, :success?
    assert_match(/belongs behind/, out)
    out, = run_program("raise 'in a worker' unless __FILE__ == $PROGRAM_NAME\n#{script}main.call\n")
    assert_match(/in a worker/, out)
    assert_match(/standard error says why.*OsError/, out)
    out, = run_program("#{script}main.call", "-e")
    assert_match(/write it into a file/, out)
  end

  # A pool that is given no Ruby runs the library's own program.
  def test_workers_without_ruby
    out, status = run_program(<<~'RUBY')
      require "cfutures"
      tasks = Cfutures::Library.new(ENV.fetch("CFUTURES_TASKS"))
      fail_task = tasks.task(:tasks_fail, takes: "l")
      return unless __FILE__ == $PROGRAM_NAME
      Cfutures::ProcessPool.open(max_workers: 1) do |pool|
        pid = pool.submit(tasks.task(:tasks_pid, gives: "q")).value
        puts File.basename(File.readlink("/proc/#{pid}/exe"))
        Cfutures.register(:late) { 1 }
        pool.submit(:late)
      rescue Cfutures::UnknownFunctionError => e
        puts e.message
      end
      Cfutures::ProcessPool.open(max_workers: 1, require: "json", initializer: fail_task, initargs: [6]) do |pool|
        pool.submit(:late).value
      rescue Cfutures::BrokenPoolError => e
        puts e.code
      end
    RUBY
    assert_predicate status, :success?, out
    assert_equal %w[cfutures-worker 6], out.lines(chomp: true).values_at(0, 2)
    assert_match(/run no Ruby/, out.lines[1])
  end

  # Ctrl-C ends a wait, and is the program's to deal with: the workers do not see it.
  def test_interrupt
    script = <<~'RUBY'
      require "cfutures"
      Cfutures.register(:pid) { Process.pid }
      Cfutures.register(:endless) { loop { sleep } }
      if __FILE__ == $PROGRAM_NAME
        $stdout.sync = true
        Cfutures::ProcessPool.open(max_workers: 1) do |pool|
          pid = pool.submit(:pid).value
          future = pool.submit(:endless)
          Thread.new { Thread.pass until Thread.main.stop? && future.running? && puts("waits").nil? }
          begin
            future.value
          rescue Interrupt
            puts "interrupted", pool.submit(:pid).pending?
            future.kill
            puts pool.submit(:pid).value != pid
          end
        end
      end
    RUBY
    Tempfile.create(["program", ".rb"]) do |file|
      file.write(script)
      file.close
      IO.popen([RbConfig.ruby, *$LOAD_PATH.flat_map { |path| ["-I", path] }, file.path], pgroup: true) do |program|
        assert_equal "waits\n", program.gets
        Process.kill(:INT, -program.pid)
        assert_equal "interrupted\ntrue\ntrue\n", program.read
      end
      assert_predicate $?, :success?
    end
  end
end

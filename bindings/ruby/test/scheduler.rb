# frozen_string_literal: true

# A scheduler of fibers, as small as Ruby's interface for them allows: waits are for descriptors and times only.
class TestScheduler
  def initialize
    @readable = {}
    @waiting = {}
    @ready = []
    @blocked = {}
    @lock = Thread::Mutex.new
    @urgent = IO.pipe
  end

  def run
    until @readable.empty? && @waiting.empty? && @ready.empty? && @blocked.empty?
      ready, = IO.select(@readable.keys + [@urgent[0]], nil, nil, patience)
      @urgent[0].read_nonblock(64, exception: false) if ready&.delete(@urgent[0])
      resume(ready || [])
    end
  end

  def close
    run
    @urgent.each(&:close)
  end

  def fiber(&block)
    Fiber.new(blocking: false, &block).tap(&:resume)
  end

  def io_wait(io, _events, timeout)
    @readable[io] ||= []
    @readable[io] << Fiber.current
    @waiting[Fiber.current] = now + timeout if timeout
    Fiber.yield
  ensure
    @readable[io]&.delete(Fiber.current)
    @readable.delete(io) if @readable.fetch(io, nil) == []
    @waiting.delete(Fiber.current)
  end

  def kernel_sleep(duration = nil)
    block(:sleep, duration)
  end

  def block(_blocker, timeout = nil)
    @blocked[Fiber.current] = true
    @waiting[Fiber.current] = now + timeout if timeout
    Fiber.yield
  ensure
    @blocked.delete(Fiber.current)
    @waiting.delete(Fiber.current)
  end

  def unblock(_blocker, fiber)
    @lock.synchronize { @ready << fiber }
    @urgent[1].write_nonblock(".")
  end

  private

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

  def patience
    return 0 unless @ready.empty?

    first = @waiting.values.min
    first && [first - now, 0].max
  end

  def resume(ready)
    late = @waiting.select { |_, at| at <= now }.keys
    woken = @lock.synchronize { @ready.slice!(0..) }
    fibers = ready.flat_map { |io| @readable.fetch(io, []).dup }
    fibers.each { |fiber| fiber.resume(IO::READABLE) if fiber.alive? }
    ((late - fibers) | woken).each { |fiber| fiber.resume(false) if fiber.alive? }
  end
end

# frozen_string_literal: true

# Ruby in processes that Ruby did not fork. Called by worker.rb.
#
# The library forks its workers from the worker program with plain fork(). Ruby's own fork does more, and without it
# a worker has the timer, the pipe and the threads of its parent: the first `Timeout.timeout` around a read ends it with
# "[ASYNC BUG] timer_settime". What Ruby does around its fork it also does around an exec, so an exec that fails does it
# here: once in the program before it forks, once in each worker.
#
#   program   the timer (before Ruby 3.3) is given up, and a new one is refused: a worker finds none to take for its own
#   worker    rb_thread_atfork() ends the threads that exist in the parent only; the exec makes timer and pipe anew;
#             the handlers that the library has reset but Ruby needs are put back

module Cfutures
  # @api private
  module Forking
    # The functions of Ruby and of libc that this takes.
    module Native
      extend FFI::Library
      ffi_lib FFI::CURRENT_PROCESS
      attach_function :rb_thread_atfork, [], :void
      attach_function :sigaction, %i[int pointer pointer], :int
      attach_function :sigfillset, [:pointer], :int
      attach_function :pthread_sigmask, %i[int pointer pointer], :int
    end

    # Ruby interrupts system calls by the first, waits for children by the second, and raises Errno::EPIPE by the third.
    SIGNALS = %w[VTALRM CHLD PIPE].freeze
    # More than a struct sigaction or a sigset_t needs.
    MUCH = 512
    SIG_SETMASK = 2
    # How long the system's threads may take to go that Ruby's threads have left.
    PATIENCE = 20
    # No directory: nothing in it can be executed.
    NOWHERE = "#{File::NULL}/nothing".freeze
    private_constant :Native, :SIGNALS, :MUCH, :SIG_SETMASK, :PATIENCE, :NOWHERE

    class << self
      # In the worker program, just before it forks workers. The block makes the callbacks, for which ffi starts a
      # thread: without signals, as one that it took would tell the program nothing of a worker's death.
      def prepare
        end_threads
        @actions = SIGNALS.to_h do |name|
          number = Signal.list.fetch(name)
          [number, FFI::MemoryPointer.new(MUCH).tap { |action| Native.sigaction(number, nil, action) }]
        end
        GC.start
        blocking_signals do
          yield
          without_timers { failing_exec }
        end
      end

      # In a worker, before anything else.
      def finish
        Native.rb_thread_atfork
        failing_exec
        @actions.each { |signal, action| Native.sigaction(signal, action, nil) }
      end

      private

      # Threads that the files have started would not live on in the workers, and would take signals here.
      def end_threads
        others = Thread.list - [Thread.current]
        return if others.empty?

        others.each(&:kill).each(&:join)
        deadline = Deadline.after(PATIENCE)
        sleep(0.01) until Dir.children("/proc/self/task").size == 1 || deadline.left.zero?
      end

      def blocking_signals
        all, before = Array.new(2) { FFI::MemoryPointer.new(MUCH) }
        Native.sigfillset(all)
        Native.pthread_sigmask(SIG_SETMASK, all, before)
        yield
      ensure
        Native.pthread_sigmask(SIG_SETMASK, before, nil)
      end

      # A timer takes room for a signal.
      def without_timers
        soft, hard = Process.getrlimit(:SIGPENDING)
        verbose = $VERBOSE
        Process.setrlimit(:SIGPENDING, 0, hard)
        # It would warn of what is wanted here.
        $VERBOSE = nil
        yield
      ensure
        $VERBOSE = verbose
        Process.setrlimit(:SIGPENDING, soft, hard)
      end

      def failing_exec
        exec(NOWHERE)
      rescue SystemCallError
        nil
      end
    end
  end
end

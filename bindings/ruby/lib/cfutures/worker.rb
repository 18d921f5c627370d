# frozen_string_literal: true

# Ruby in worker processes. The pool's side, called by process_pool.rb: which program the workers run, and how it
# learns what to load. The worker's side, called by worker_start.rb: loads that, and serves.
#
#   program --spawns--> ruby -rcfutures/worker_start   loads the files, then never leaves cf_worker_main
#                          \--forks--> worker           calls START once, then CALL for each task
#
# Always true:
# - the worker program is this very Ruby, with this program's load path, told by its environment alone: the library
#   may have to run it a second time, and passes no arguments;
# - workers are forked by the library and not by Ruby, so START first of all puts Ruby into the state in which its own
#   fork would leave it;
# - the library calls on the thread from which cf_worker_main was called, Ruby's main thread, with Ruby's lock held.

require "rbconfig"
require_relative "forking"

module Cfutures
  # @api private
  module Worker
    # In the environment of the worker program: what it is to load, and the environment that it is to restore.
    VARIABLE = "CFUTURES_RUBY"
    # The variable by which the library tells a program that it is to serve.
    LIBRARYS = "CFUTURES_WORKER"
    LIB = File.expand_path("..", __dir__)
    # What the library calls, and under which name it finds that in a worker.
    NAMES = { start: "cfutures.ruby.start", call: "cfutures.ruby.call" }.freeze
    private_constant :VARIABLE, :LIBRARYS, :LIB, :NAMES
    @lock = Mutex.new
    @loading = false

    class << self
      # The pool's side

      # The worker program.
      def program
        RbConfig.ruby
      end

      # The function that a pool submits: +:start+ or +:call+.
      def function(name)
        @lock.synchronize { @functions ||= register(PLACES) }.fetch(name)
      end

      # In the block this process has the environment that the worker program is to begin with.
      def environment(features)
        changed = { "RUBYLIB" => [LIB, *$LOAD_PATH].join(File::PATH_SEPARATOR),
                    "RUBYOPT" => [ENV.fetch("RUBYOPT", nil), "-rcfutures/worker_start"].compact.join(" ") }
        @lock.synchronize do
          before = changed.to_h { |name, _| [name, ENV.fetch(name, nil)] }
          begin
            ENV.update(changed.merge(VARIABLE => [Marshal.dump([features, before])].pack("m0")))
            yield
          ensure
            ENV.update(before.merge(VARIABLE => nil))
          end
        end
      end

      # What START takes: nothing to call, a block by name, or a C function by its library and name.
      def start_argument(initializer, arguments)
        Marshal.dump(case initializer
                     when nil then []
                     when Task then [*initializer.place, initializer.pack(arguments)]
                     else [initializer, arguments]
                     end)
      end

      def refuse_while_loading
        return unless @loading

        raise InvalidStateError, "a file that makes a pool is being loaded by a worker process: what it does beside " \
                                 "registering blocks belongs behind `if __FILE__ == $PROGRAM_NAME`"
      end

      # The worker's side

      # Serves, and never returns, if a pool has started this process.
      def main
        told = ENV.fetch(VARIABLE, nil)
        return unless told && ENV.key?(LIBRARYS)

        features, @before = Marshal.load(told.unpack1("m0")) # rubocop:disable Security/MarshalLoad
        @before = @before.merge(VARIABLE => nil)
        serving = ENV.slice(*@before.keys, LIBRARYS)
        # What the files may start is no worker, and has nothing of the library's socket.
        IO.for_fd(ENV.fetch(LIBRARYS).to_i, autoclose: false).close_on_exec = true
        ENV.update(@before.merge(LIBRARYS => nil))
        load_all(features)
        ENV.update(serving)
        Forking.prepare do
          @functions = register(NAMES.to_h { |name, _| [name, callback(method(name))] })
        end
        C.cf_worker_main
        exit!(1)
      end

      # The first call in each worker.
      def start(task, argument, size)
        Forking.finish
        ENV.update(@before)
        serve(task, Error.method(:text_of)) { initialize_by(task, *read(argument, size)) }
      end

      # A call of a named block.
      def call(task, argument, size)
        serve(task, Call.method(:message_of)) do
          name, arguments, keywords = read(argument, size)
          result = Marshal.dump(Registry.fetch(name).call(*arguments, **keywords))
          C.cf_task_return(task, result, result.bytesize)
        end
      end

      private

      def callback(method)
        FFI::Function.new(:int32, %i[pointer pointer size_t], &method)
      end

      def register(functions)
        functions.each { |name, function| Error.check(C.cf_register_task(NAMES.fetch(name), function)) }
      end

      def load_all(features)
        @loading = true
        features.each do |feature|
          # The program itself may have any name.
          File.file?(feature) && File.extname(feature) != ".rb" ? load(feature) : require(feature)
        end
      ensure
        @loading = false
      end

      def read(argument, size)
        Marshal.load(argument.read_bytes(size)) # rubocop:disable Security/MarshalLoad
      end

      def initialize_by(task, what = nil, *rest)
        case rest
        in [] then 0
        in [Array => arguments]
          Registry.fetch(what).call(*arguments)
          0
        in [name, String => bytes]
          function = Library.new(what).task(name).function
          memory = FFI::MemoryPointer.new([bytes.bytesize, 1].max).put_bytes(0, bytes)
          FFI::Function.new(:int32, %i[pointer pointer size_t], function).call(task, memory, bytes.bytesize)
        end
      end

      # What the block gives is for the library. An exception never leaves it: there is C behind it.
      def serve(task, describe)
        yield
      rescue SystemExit => e
        flush
        exit!(e.status)
      rescue UnknownFunctionError => e
        C.cf_task_fail(task, e.class.number, e.message)
      rescue Exception => e # rubocop:disable Lint/RescueException
        C.cf_task_fail(task, -1, describe.call(e))
      ensure
        flush
      end

      def flush
        $stdout.flush
      rescue SystemCallError, IOError
        nil # nobody reads it
      end
    end

    # What stands for the functions in a process that does not serve: places that nobody calls.
    PLACES = NAMES.to_h { |function, _| [function, FFI::MemoryPointer.new(:char)] }.freeze
    private_constant :PLACES
  end
end

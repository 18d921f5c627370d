# frozen_string_literal: true

# Pools of worker processes, and which program these run. What a Ruby worker does is in worker.rb.

module Cfutures
  # A pool of worker processes, for tasks that may crash, leak or have to be killed, and for Ruby blocks that compute,
  # as each worker has a Ruby of its own.
  #
  # Tasks are C functions of shared libraries, and blocks by name, see {Cfutures.register}. Where no block is registered
  # and nothing is to be required, the workers run a small program of the library, without Ruby.
  #
  # @example
  #   Cfutures::ProcessPool.open(max_workers: 2) do |pool|
  #     pool.submit(:shout, "hello").value
  #   end
  class ProcessPool < Executor
    # Makes a pool: starts a program, of which the workers are copies.
    #
    # @param max_workers [Integer, nil] how many tasks may run at the same time; nil: the number of processors
    # @param name [String, nil] what workers are called, followed by their numbers
    # @param require [String, Array<String>, nil] what the workers require, by name or path, beside the files in which
    #   blocks are registered now
    # @param initializer [Task, Symbol, nil] what each worker calls first; if it fails, the pool is broken
    # @param initargs [Array] its arguments
    # @param max_tasks_per_child [Integer, nil] after how many tasks a worker is replaced; nil: never
    # @param on_worker_death [Symbol, nil] +:replace_worker+: its task fails and another worker takes its place; or
    #   +:break_pool+
    # @param shared_memory_limit [Integer, nil] bytes for all that the pool shares with its workers
    # @param worker_memory_limit [Integer, nil] bytes that each worker may allocate
    # @raise [InvalidArgumentError]
    # @raise [OsError] the workers cannot be started: what they print to the standard error says why
    def initialize(max_workers: nil, name: nil, require: nil, initializer: nil, initargs: [], max_tasks_per_child: nil,
                   on_worker_death: nil, shared_memory_limit: nil, worker_memory_limit: nil)
      super()
      Worker.refuse_while_loading
      features = [*require, *Registry.files]
      @ruby = !features.empty?
      options = { start_method: :spawn, max_workers: max_workers, name: name, on_worker_death: on_worker_death,
                  max_tasks_per_child: max_tasks_per_child, shared_memory_limit: shared_memory_limit,
                  worker_memory_limit: worker_memory_limit, initializer: first_call(initializer, initargs) }
      @ruby ? make_of_ruby(features, options) : make(:cf_process_pool_new_with, options)
    end

    # Ends the pool at once, but lets workers clean up: what has not begun is cancelled, and every worker is sent
    # SIGTERM. It does not wait: {#shutdown} does.
    #
    # @return [nil]
    def terminate_workers
      Critical::LOCK.synchronize { Error.check(C.cf_executor_terminate_workers(handle)) }
      nil
    end

    # Ends the pool at once, with SIGKILL.
    #
    # @return [nil]
    def kill_workers
      Critical::LOCK.synchronize { Error.check(C.cf_executor_kill_workers(handle)) }
      nil
    end

    private

    def make_of_ruby(features, options)
      Worker.environment(features) { make(:cf_process_pool_new_with, options.merge(worker_program: Worker.program)) }
    rescue OsError => e
      raise OsError.new("Ruby as a worker cannot be started, its standard error says why: #{e.message}", code: e.code)
    end

    # The library's initializer, with its argument. Workers that run Ruby always have one.
    def first_call(task, arguments)
      case task
      when nil, Task, Symbol, String
        return [Worker.function(:start), Worker.start_argument(task, arguments)] if @ruby
        return task && [task.function, task.pack(arguments)] if task.nil? || task.is_a?(Task)

        raise UnknownFunctionError, no_ruby(task)
      else raise InvalidArgumentError, "#{task.inspect} is no task"
      end
    end

    def submit_named(name, arguments, keywords)
      raise UnknownFunctionError, no_ruby(name) unless @ruby

      call = Call.new(name)
      submit_bytes(Worker.function(:call), call.dump(arguments, keywords), call)
    end

    def no_ruby(name)
      "the workers of this pool run no Ruby and know no block #{name}: register it before the pool is made, or say " \
        "what they are to require"
    end

    def submit_block(*)
      raise UnsupportedError, "a block cannot travel to a worker process: register it under a name"
    end

    def close(cancel:); end

    def inside?
      false
    end
  end
end

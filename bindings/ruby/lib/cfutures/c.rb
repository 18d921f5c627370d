# frozen_string_literal: true

# The C interface as it is: the functions of libcfutures that the binding calls, and the options as it passes them.
# Everything in lib/ goes through here; no program needs to.
#
# Always true:
# - what can wait is attached with `blocking: true`, so that the other threads of Ruby go on meanwhile;
# - no Ruby code is ever given to the library as a callback in the program itself, only in worker processes, where it
#   is called on the main thread (see worker.rb).

require "ffi"

module Cfutures
  # @api private
  # Functions of libcfutures, under their own names.
  module C
    extend FFI::Library

    SONAME = "libcfutures.so.0"

    # The loader finds it, or pkg-config says where it lies.
    def self.libraries
      folder = IO.popen(%w[pkg-config --variable=libdir cfutures], err: File::NULL, &:read).chomp
      folder.empty? ? [SONAME] : [SONAME, File.join(folder, SONAME)]
    rescue SystemCallError
      [SONAME]
    end
    private_class_method :libraries

    begin
      ffi_lib SONAME
    rescue LoadError
      ffi_lib libraries
    end

    attach_function :cf_version_string, [], :string

    # While the first part is 0, a new second one may change the interface.
    unless cf_version_string.split(".").first(2) == VERSION.split(".").first(2)
      raise LoadError, "cfutures #{VERSION} does not know libcfutures #{cf_version_string}"
    end

    FOREVER = (2**63) - 1
    # The status of what is not done: the binding polls.
    TIMEOUT = -1

    attach_function :cf_status_name, [:int], :string
    attach_function :cf_status_message, [:int], :string
    attach_function :cf_error_status, [:pointer], :int
    attach_function :cf_error_code, [:pointer], :int32
    attach_function :cf_error_message, [:pointer], :string
    attach_function :cf_error_pid, [:pointer], :int32
    attach_function :cf_error_signal, [:pointer], :int32
    attach_function :cf_error_exit_code, [:pointer], :int32
    attach_function :cf_error_free, [:pointer], :void

    # In a worker process.
    attach_function :cf_task_return, %i[pointer buffer_in size_t], :int32
    attach_function :cf_task_fail, %i[pointer int32 string], :int32
    attach_function :cf_register_task, %i[string pointer], :int
    attach_function :cf_worker_main, [], :void

    attach_function :cf_options_new, [:pointer], :int
    attach_function :cf_options_free, [:pointer], :void
    attach_function :cf_options_set_max_workers, %i[pointer size_t], :int
    attach_function :cf_options_set_name, %i[pointer string], :int
    attach_function :cf_options_set_initializer, %i[pointer pointer buffer_in size_t], :int
    attach_function :cf_options_set_stack_size, %i[pointer size_t], :int
    attach_function :cf_options_set_max_spares, %i[pointer size_t], :int
    attach_function :cf_options_set_inline_wait, %i[pointer bool], :int
    attach_function :cf_options_set_start_method, %i[pointer int], :int
    attach_function :cf_options_set_worker_program, %i[pointer string], :int
    attach_function :cf_options_set_max_tasks_per_child, %i[pointer size_t], :int
    attach_function :cf_options_set_on_worker_death, %i[pointer int], :int
    attach_function :cf_options_set_shared_memory_limit, %i[pointer size_t], :int
    attach_function :cf_options_set_worker_memory_limit, %i[pointer size_t], :int

    attach_function :cf_thread_pool_new_with, %i[pointer pointer pointer], :int, blocking: true
    attach_function :cf_process_pool_new_with, %i[pointer pointer pointer], :int, blocking: true
    attach_function :cf_executor_submit, %i[pointer pointer buffer_in size_t size_t], :int
    attach_function :cf_executor_submit_many, %i[pointer pointer buffer_in size_t size_t pointer pointer], :int
    attach_function :cf_executor_max_workers, [:pointer], :size_t
    attach_function :cf_executor_error, [:pointer], :pointer
    attach_function :cf_executor_shutdown, %i[pointer bool bool], :int
    attach_function :cf_executor_join, %i[pointer int64], :int, blocking: true
    attach_function :cf_executor_free, [:pointer], :void, blocking: true
    attach_function :cf_executor_detach, [:pointer], :void
    attach_function :cf_executor_terminate_workers, [:pointer], :int
    attach_function :cf_executor_kill_workers, [:pointer], :int

    # A future is the number that its address is: a Pointer for each would take longer to make than a call does.
    # So are the places in which references stand, see lease.rb.
    attach_function :cf_future_new, [:size_t], :int
    attach_function :cf_future_set_running_or_notify_cancel, %i[size_t pointer], :int
    attach_function :cf_future_set_result, %i[size_t buffer_in size_t], :int
    attach_function :cf_future_set_exception, %i[size_t int32 string], :int
    attach_function :cf_future_cancel, [:size_t], :bool
    attach_function :cf_future_state, [:size_t], :int
    attach_function :cf_future_result, %i[size_t int64 pointer pointer], :int
    attach_function :cf_future_result_into, %i[size_t int64 pointer size_t], :int
    attach_function :cf_future_error, [:size_t], :pointer
    attach_function :cf_future_kill, %i[size_t int64], :int
    attach_function :cf_future_retain, [:size_t], :size_t
    attach_function :cf_future_release, [:size_t], :void
    attach_function :cf_futures_cancel, %i[pointer size_t], :size_t
    attach_function :cf_futures_release, %i[size_t size_t], :void

    attach_function :cf_completion_queue_new, [:pointer], :int
    attach_function :cf_completion_queue_add, %i[pointer size_t size_t pointer], :int
    attach_function :cf_completion_queue_next, %i[pointer int64 pointer pointer], :int
    attach_function :cf_completion_queue_fd, [:pointer], :int
    attach_function :cf_completion_queue_free, [:pointer], :void

    # Seconds as the library takes times; nil is no limit.
    def self.nanoseconds(seconds)
      return FOREVER if seconds.nil?

      (seconds * 1_000_000_000).clamp(-1, FOREVER).to_i
    end
  end

  # @api private
  # A handle of the library. The garbage collector gives it back if nobody has. In a forked child that does nothing.
  class Handle < FFI::AutoPointer
    # The kinds, each with the function that gives it back and never waits.
    Executor = Class.new(self) { def self.release(pointer) = C.cf_executor_detach(pointer) }
    Queue = Class.new(self) { def self.release(pointer) = C.cf_completion_queue_free(pointer) }
  end

  # @api private
  # Short calls of the library that read or write shared memory of the binding: one at a time, under LOCK.
  module Critical
    LOCK = Mutex.new
    MASK = { Object => :never }.freeze
    # Where the library writes what it hands out: two values of at most eight bytes.
    OUT = FFI::MemoryPointer.new(:pointer, 2)
    OUT2 = OUT + 8
    private_constant :MASK

    # Several steps that belong together, as an exception from another thread between two of them would lose what the
    # library has given: until the end of the block there is none.
    def self.section(&block)
      Thread.handle_interrupt(MASK) { LOCK.synchronize(&block) }
    end
  end
end

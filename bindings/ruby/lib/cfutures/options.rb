# frozen_string_literal: true

# Options of pools as the library takes them. Called by executor.rb.

module Cfutures
  # @api private
  module Options
    ON_WORKER_DEATH = { replace_worker: 0, break_pool: 1 }.freeze
    START = { auto: 0, fork: 1, spawn: 2 }.freeze

    class << self
      # Yields a +cf_options+ with these options set; nil means the default.
      def with(options)
        out = FFI::MemoryPointer.new(:pointer)
        Error.check(C.cf_options_new(out))
        native = out.get_pointer(0)
        begin
          options.compact.each { |name, value| Error.check(set(native, name, value)) }
          yield native
        ensure
          C.cf_options_free(native)
        end
      end

      private

      def set(native, name, value)
        case name
        when :initializer then C.cf_options_set_initializer(native, value[0], value[1], value[1].bytesize)
        when :on_worker_death
          C.cf_options_set_on_worker_death(native, number(ON_WORKER_DEATH, name, value))
        when :start_method then C.cf_options_set_start_method(native, number(START, name, value))
        else C.public_send("cf_options_set_#{name}", native, value)
        end
      rescue ::TypeError, ::RangeError => e
        raise InvalidArgumentError, "#{name}: #{e.message}"
      end

      def number(names, option, value)
        names.fetch(value) do
          raise InvalidArgumentError, "#{option} is one of #{names.keys.inspect}, not #{value.inspect}"
        end
      end
    end
  end
end

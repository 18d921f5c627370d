# frozen_string_literal: true

# Where references to the library's futures stand: in memory that the library itself writes and clears. Called by
# executor.rb, future.rb and blocks.rb.
#
# An exception from another thread may come between any two steps of Ruby. So no reference is ever in Ruby's hands
# alone: the call that makes a future writes it into its place, and the call that gives it back clears that place.
# Nothing has to be shielded, which would take longer than the calls.
#
# A finalizer for each future would take longer still. So futures share leases, and a lease whose futures were all
# collected gives back what is left of it.
#
# Always true: the places of a lease are used under Critical::LOCK, while a future refers to the lease; each is given
# to one future only.

module Cfutures
  # @api private
  # A lease is the Pointer to its places; its finalizer keeps their memory.
  module Lease
    PLACES = 32
    # Bytes of a place.
    WIDTH = FFI::Pointer.size

    # The finalizer of a lease.
    Returns = Struct.new(:memory, :places) do
      def call(_)
        C.cf_futures_release(memory.address, places)
      end
    end
    private_constant :Returns

    # The lease of which the next places are taken.
    class Open
      # @return [FFI::Pointer] the lease of the place that was taken last
      attr_reader :lease
      # @return [Integer] the address of the first place of {#lease}
      attr_reader :address

      def initialize
        @next = @end = 0
      end

      # A place that nobody else has: its distance from the first one.
      def take
        renew if @next == @end
        place = @next
        @next = place + WIDTH
        place
      end

      private

      # Whole, as a part of it would have the library write elsewhere.
      def renew
        Thread.handle_interrupt(Object => :never) do
          @lease, = Lease.many(PLACES)
          @address = @lease.address
          @next = 0
          @end = PLACES * WIDTH
        end
      end
    end

    OPEN = Open.new

    # Leases for so many futures, side by side in memory: the first one points to all of it.
    def self.many(count)
      memory = FFI::MemoryPointer.new(:pointer, [count, 1].max)
      (0...[count, 1].max).step(PLACES).map do |first|
        part = memory.slice(first * WIDTH, [memory.size - (first * WIDTH), PLACES * WIDTH].min)
        lease = FFI::Pointer.new(part.address)
        ObjectSpace.define_finalizer(lease, Returns.new(part, part.size / WIDTH))
        lease
      end
    end
  end

  # @api private
  # What has a reference to a future of the library: a place of a lease. Under Critical::LOCK.
  module Reference
    private

    def refer(lease, place)
      @lease = lease
      @place = place
    end

    # The library's future; nil when the reference was given back.
    def referred
      future = @lease&.get_uint64(@place)
      future unless future == 0 # rubocop:disable Style/NumericPredicate
    end

    def give_back
      return unless @lease

      C.cf_futures_release(@lease.address + @place, 1)
      @lease = nil
    end
  end
end

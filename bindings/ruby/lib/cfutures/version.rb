# frozen_string_literal: true

module Cfutures
  # The version of this gem. It is that of the library.
  VERSION = "0.1.0"
end

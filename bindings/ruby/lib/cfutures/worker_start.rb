# frozen_string_literal: true

# What the worker program requires first, by RUBYOPT; see worker.rb. In any other process it does nothing.

require "cfutures"

Cfutures::Worker.main

# frozen_string_literal: true

require_relative "lib/cfutures/version"

Gem::Specification.new do |spec|
  spec.name = "cfutures"
  spec.version = Cfutures::VERSION
  spec.summary = "Pools of threads and of crash-isolated worker processes, with futures"
  spec.description = "Python's concurrent.futures for Ruby: C functions and Ruby blocks as tasks of thread pools and " \
                     "of process pools whose workers may crash, from the C library cfutures."
  spec.authors = ["The cfutures authors"]
  spec.licenses = %w[MIT Apache-2.0]
  spec.required_ruby_version = ">= 3.0"
  spec.requirements << "libcfutures 0.1, where the loader or pkg-config finds it"
  # The licences lie here where the library is installed.
  spec.files = Dir.chdir(__dir__) { Dir["lib/**/*.rb", "sig/**/*.rbs", "examples/*.rb", "README.md", "LICENSE-*"] }
  spec.add_dependency "ffi", "~> 1.15"
end

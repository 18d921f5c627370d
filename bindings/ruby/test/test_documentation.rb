# frozen_string_literal: true

require_relative "helper"

# What is public has a comment and a signature, and what has a signature is there.
class TestDocumentation < CfuturesTest
  SIGNATURES = File.join(__dir__, "../sig/cfutures.rbs")
  # The classes of programs; all else is the binding's own.
  CLASSES = ObjectSpace.each_object(Class).select { |it| it <= Cfutures::Error } +
            [Cfutures::Library, Cfutures::Task, Cfutures::Future, Cfutures::Executor, Cfutures::ThreadPool,
             Cfutures::ProcessPool, Cfutures.singleton_class, Cfutures::Executor.singleton_class]

  # Class (or "Cfutures.") and name of what is written in the signatures.
  def declared
    owner = nil
    File.readlines(SIGNATURES).flat_map do |line|
      owner = $1 if line =~ /^  class (\w+)/
      case line
      when /^  def self\.([\w?]+):/ then [["Cfutures.", $1]]
      when /^    def self\.([\w?]+):/ then [["#{owner}.", $1]]
      when /^    (?:def|alias) ([\w?]+)/ then [[owner, $1]]
      else []
      end
    end
  end

  # The comment above a method.
  def comment(method)
    file, line = method.source_location
    File.readlines(file).first(line - 1).reverse.take_while { |text| text =~ /^\s*#/ }.reverse.join
  end

  def public_methods_of(owner)
    methods = owner.public_instance_methods(false).map { |name| owner.instance_method(name) }
    methods.push(owner.instance_method(:initialize)) if owner.private_method_defined?(:initialize, false)
    methods.reject { |method| comment(method).include?("@api private") }
  end

  def label(owner)
    return owner.name.split("::").last unless owner.singleton_class?

    "#{owner.inspect[/Cfutures(::\w+)?/].delete_prefix("Cfutures::")}."
  end

  def test_versions
    assert_equal Cfutures::VERSION, Cfutures.library_version
  end

  def test_public_methods_are_documented
    CLASSES.each do |owner|
      public_methods_of(owner).each { |method| refute_empty comment(method), "#{owner}##{method.name}" }
    end
  end

  def test_public_methods_have_signatures
    existing = CLASSES.flat_map { |owner| public_methods_of(owner).map { |m| [label(owner), m.name.to_s] } }
    assert_equal existing.uniq.sort, declared.uniq.sort
    classes = File.read(SIGNATURES).scan(/^  class (\w+)/).flatten
    assert_equal CLASSES.reject(&:singleton_class?).map { |it| label(it) }.sort, classes.sort
  end
end

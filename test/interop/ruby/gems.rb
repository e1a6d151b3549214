# frozen_string_literal: true

# The gems of a stack: where they lie, and how they come onto the load path. Loaded first by every Ruby process of
# the interop tests (ruby -r…/gems.rb, with INTEROP_STACK naming the stack). It brings its paths itself, without
# Bundler, which would cost each process more time than Resque does.
require 'json'

module InteropGems
  TABLE = JSON.parse(File.read(File.expand_path('../gems.json', __dir__)))
  CACHE = ENV.fetch('INTEROP_CACHE') { File.expand_path('../../../.cache/interop', __dir__) }
  HOME = File.join(CACHE, 'gems')

  module_function

  # Gem name => version.
  def of(stack)
    entry = TABLE['stacks'].find { |each| each['name'] == stack } or raise "There is no stack named #{stack.inspect}."
    entry['groups'].map { |group| TABLE['groups'].fetch(group) }.reduce(entry['gems'], :merge)
  end

  def all
    TABLE['stacks'].flat_map { |stack| of(stack['name']).to_a }.uniq.sort
  end

  def dir(name, version)
    File.join(HOME, 'gems', "#{name}-#{version}")
  end

  def activate(stack)
    of(stack).each do |name, version|
      paths = [File.join(dir(name, version), 'lib')]
      # The one gem of the table that keeps its code deeper.
      paths << File.join(dir(name, version), 'lib', 'concurrent-ruby') if name == 'concurrent-ruby'
      $LOAD_PATH.unshift(*paths)
    end
  end
end

InteropGems.activate(ENV['INTEROP_STACK']) if ENV['INTEROP_STACK']

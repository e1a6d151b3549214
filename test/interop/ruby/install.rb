# frozen_string_literal: true

# Installs the gems of gems.json that are missing, and node-resque, into the cache folder. Run by script/interop-gems.
# Exit status: 0 everything is there, 3 something cannot be had from here (one line says why), 1 anything else.
require 'fileutils'
require 'open3'
require_relative 'gems'

def unavailable(why)
  puts "interop: SKIPPED: #{why}"
  exit 3
end

# Installed for good: a gem's specification is the last thing that is written of it.
def missing_gems
  InteropGems.all.reject do |name, version|
    File.exist?(File.join(InteropGems::HOME, 'specifications', "#{name}-#{version}.gemspec"))
  end
end

UNREACHABLE = /Unable to download|SocketError|Errno::|FetchError|[Tt]imed? ?out|E(AI_AGAIN|NOTFOUND|CONN|TIMEDOUT)|ENOTCACHED/

def run(command, chdir: '.')
  Open3.capture2e(*command, chdir: chdir)
end

def install_gems
  missing = missing_gems
  return if missing.empty?

  warn "Installing #{missing.size} gems for the tests beside Ruby"
  command = ['gem', 'install', '--install-dir', InteropGems::HOME, '--bindir', File.join(InteropGems::HOME, 'bin'),
             '--ignore-dependencies', '--no-document', '--force', '--quiet']
  output, status = run(command + missing.map { |name, version| "#{name}:#{version}" })
  # With --force, gem also ends well when it could not install something.
  still = missing_gems
  return if status.success? && still.empty?

  unavailable('the gems cannot be fetched from here.') if output.match?(UNREACHABLE)
  warn output
  abort "interop: #{still.map { |gem| gem.join(' ') }.join(', ')} could not be installed."
end

def install_node_resque
  source = File.expand_path('../node-resque', __dir__)
  target = File.join(InteropGems::CACHE, 'node-resque')
  FileUtils.mkdir_p(target)
  FileUtils.cp([File.join(source, 'package.json'), File.join(source, 'package-lock.json')], target)
  output, status = run(%w[npm ci --no-audit --no-fund --ignore-scripts --loglevel=error], chdir: target)
  return if status.success?

  unavailable('node-resque cannot be fetched from here.') if output.match?(UNREACHABLE)
  warn output
  abort 'interop: node-resque could not be installed.'
end

FileUtils.mkdir_p(InteropGems::CACHE)
File.open(File.join(InteropGems::CACHE, 'lock'), 'w') do |lock|
  lock.flock(File::LOCK_EX)
  stamp = File.join(InteropGems::CACHE, 'stamp')
  unless File.exist?(stamp) && File.read(stamp) == ENV['INTEROP_STAMP']
    install_gems
    install_node_resque
    File.write(stamp, ENV['INTEROP_STAMP'].to_s)
  end
end

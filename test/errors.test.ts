// Error classes: their codes, their names in a failed record, and what is made of things that are no errors.

import * as door from 'resque-ts'
import {
  ConfigError,
  DirtyExit,
  DontPerform,
  PruneDeadWorkerDirtyExit,
  ResqueError,
  TermException,
} from 'resque-ts'
import { expect, test } from 'vitest'
import { FailureHookError, messageOf, wireNameOf } from '#built/errors.js'

const classes = Object.values(door).filter(
  (value): value is typeof ResqueError =>
    typeof value === 'function' && (value === ResqueError || value.prototype instanceof ResqueError),
)

test('every error has a code of its own', () => {
  const codes = classes.map((each) => new each('x').code)
  expect(codes.length).toBeGreaterThan(12)
  expect(new Set(codes).size).toBe(codes.length)
  for (const code of codes) expect(code).toMatch(/^[A-Z_]+$/)
})

test('every error is an Error and is named after its class', () => {
  for (const each of classes) {
    const error = new each('x')
    expect(error).toBeInstanceOf(Error)
    expect(error.name).toBe(each.name)
    expect(error.stack).toContain(each.name)
  }
})

test('a hint is part of the message and stands by itself too', () => {
  const cause = new Error('below')
  const error = new ConfigError('Expected this.', { hint: 'Do that.', cause })
  expect(error.message).toBe('Expected this. Do that.')
  expect(error.hint).toBe('Do that.')
  expect(error.cause).toBe(cause)
})

test("errors that Ruby has too carry Ruby's names in a failed record", () => {
  expect(new DirtyExit('x').wireName).toBe('Resque::DirtyExit')
  expect(new PruneDeadWorkerDirtyExit('x').wireName).toBe('Resque::PruneDeadWorkerDirtyExit')
  expect(new TermException('x').wireName).toBe('Resque::TermException')
  expect(new DontPerform().wireName).toBe('Resque::Job::DontPerform')
  expect(new FailureHookError('x').wireName).toBe('RuntimeError')
  expect(new ConfigError('x').wireName).toBe('ConfigError')
})

test('anything that can be thrown has a name', () => {
  expect(wireNameOf(new TypeError('x'))).toBe('TypeError')
  expect(wireNameOf(new (class Odd extends Error {})('x'))).toBe('Odd')
  expect(wireNameOf(Object.assign(new Error('x'), { name: 'AbortError' }))).toBe('AbortError')
  expect(wireNameOf(Object.assign(new Error('x'), { name: '' }))).toBe('Error')
  expect(wireNameOf('text')).toBe('string')
  expect(wireNameOf(undefined)).toBe('undefined')
  expect(wireNameOf(null)).toBe('null')
})

test('anything that can be thrown has a sentence, and it is well-formed text', () => {
  expect(messageOf(new Error('a \ud83d b'))).toBe('a \ufffd b')
  expect(messageOf('\udc00')).toBe('\ufffd')
  expect(messageOf(undefined)).toBe('undefined')
  expect(messageOf(7n)).toBe('7')
  expect(messageOf(Object.create(null))).toBe('A value that cannot be shown as text was thrown.')
  expect(messageOf(Object.assign(new Error(), { message: 42 }))).toBe('42')
})

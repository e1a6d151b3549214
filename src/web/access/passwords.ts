/**
 * Passwords and API tokens, kept as what cannot be turned back: scrypt for what a person chose, SHA-256 for what is
 * random. Every comparison takes the same time whatever differs.
 */
import { createHash, createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

const COST = 2 ** 15
const BLOCK = 8
const KEY_BYTES = 32

/** `scrypt$<cost>$<salt>$<key>`, for `auth.users[].password`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(password, salt, COST)
  return `scrypt$${COST}$${salt.toString('base64url')}$${key.toString('base64url')}`
}

/** `sha256$…`, for `auth.tokens[].token`. A token should be random, and at least 20 characters long. */
export function hashToken(token: string): string {
  return `sha256$${createHash('sha256').update(token).digest('base64url')}`
}

const shape = /^scrypt\$(\d{4,7})\$([\w-]{16,})\$([\w-]{43})$/

export function isPasswordHash(text: string): boolean {
  const cost = Number(shape.exec(text)?.[1] ?? 0)
  return cost >= 2 ** 12 && cost <= 2 ** 20 && Number.isInteger(Math.log2(cost))
}

export async function passwordMatches(password: string, hash: string): Promise<boolean> {
  const [, cost, salt = '', key = ''] = shape.exec(hash) ?? []
  const wanted = Buffer.from(key, 'base64url')
  const found = await derive(password, Buffer.from(salt, 'base64url'), Number(cost ?? COST))
  return wanted.length === found.length && timingSafeEqual(wanted, found)
}

/** A hash that no password has: compared with where there is no such user, so that a name takes as long as another. */
export const noPassword = `scrypt$${COST}$${randomBytes(16).toString('base64url')}$${randomBytes(32).toString('base64url')}`

/** Whether two texts are equal, in a time that does not tell where they differ. */
export function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

/** A keyed digest: what only a holder of the key can make. */
export function sign(key: string, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url')
}

export function randomToken(): string {
  return randomBytes(32).toString('base64url')
}

function derive(password: string, salt: Buffer, cost: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const limits = { N: cost, r: BLOCK, p: 1, maxmem: 256 * cost * BLOCK }
    scrypt(password.normalize('NFC'), salt, KEY_BYTES, limits, (error, key) => {
      if (error) reject(error)
      else resolve(key)
    })
  })
}

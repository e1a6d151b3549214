// @ts-check
// The sandboxed processor of BullMQ.
import { wait } from './wait.js'

export default async function perform() {
  await wait()
}

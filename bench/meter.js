// @ts-check
// What Redis says it spent, before and after: CPU seconds, commands, bytes on the network.

/**
 * @typedef {object} RedisSpent
 * @property {number} cpuSeconds  user and system, all threads of the server
 * @property {number} commands  scripts' inner commands count, as INFO counts them
 * @property {number} networkBytes  in and out
 */

/**
 * Runs `work` and measures what Redis spent meanwhile.
 * @template T
 * @param {import('ioredis').Redis} client
 * @param {() => Promise<T>} work
 * @returns {Promise<{ result: T, spent: RedisSpent }>}
 */
export async function metered(client, work) {
  const before = await read(client)
  const result = await work()
  const after = await read(client)
  return {
    result,
    spent: {
      cpuSeconds: after.cpuSeconds - before.cpuSeconds,
      // The first reading itself is in the second.
      commands: after.commands - before.commands - 1,
      networkBytes: after.networkBytes - before.networkBytes,
    },
  }
}

/**
 * @param {import('ioredis').Redis} client
 * @returns {Promise<RedisSpent>}
 */
async function read(client) {
  const info = await client.info('stats', 'cpu')
  return {
    cpuSeconds: field(info, 'used_cpu_sys') + field(info, 'used_cpu_user'),
    commands: field(info, 'total_commands_processed'),
    networkBytes: field(info, 'total_net_input_bytes') + field(info, 'total_net_output_bytes'),
  }
}

/**
 * Memory that the data and its book-keeping take, as Redis counts it.
 * @param {import('ioredis').Redis} client
 */
export async function usedMemoryBytes(client) {
  return field(await client.info('memory'), 'used_memory')
}

/**
 * @param {string} info
 * @param {string} name
 */
function field(info, name) {
  const found = new RegExp(`^${name}:(\\S+)`, 'm').exec(info)
  if (found === null) throw new Error(`expected ${name} in Redis' INFO`)
  return Number(found[1])
}

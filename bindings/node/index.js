// What people call. The work is in the Rust library; this makes classes and names of JavaScript
// out of its JSON.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { fileURLToPath } = require('node:url')
const native = require('./native.js')

/** Keys whose objects are keyed by names of tables and columns: `NamedByData` in types.d.ts. */
const NAMED_BY_DATA = new Set(['columns', 'rows'])

function camel(value) {
  if (Array.isArray(value)) return value.map(camel)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const isData = NAMED_BY_DATA.has(key) && !Array.isArray(inner)
      return [key.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()), isData ? inner : camel(inner)]
    }),
  )
}

class HeirloomError extends Error {
  constructor(failure, options) {
    super(failure.message, options)
    const { message, ...rest } = failure
    Object.assign(this, rest)
    // As of everything else that an AbortSignal ends.
    this.name = failure.interrupted ? 'AbortError' : 'HeirloomError'
  }
}

function refuse(kind, message, help) {
  return new HeirloomError({
    kind, message, help, remedies: [], databaseUnchanged: true, data: 'the database was not changed',
    details: `${message}\ndata: the database was not changed\nhelp: ${help}`, interrupted: false,
    migration: null, file: null, line: null, column: null, statement: null, backup: null, restoredFrom: null,
  })
}

/** Read by Node, which sees into Electron's asar; native code does not. */
function readFolder(folder, schemaFile) {
  const files = []
  const read = (below) => {
    const entries = fs.readdirSync(path.join(folder, below), { withFileTypes: true })
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue
      const name = below ? `${below}/${entry.name}` : entry.name
      const full = path.join(folder, name)
      if (entry.isDirectory() || (entry.isSymbolicLink() && fs.statSync(full).isDirectory())) {
        read(name)
      } else if (schemaFile === undefined || path.resolve(full) !== path.resolve(schemaFile)) {
        files.push([name, /\.sql$/i.test(name) ? text(full) : ''])
      }
    }
  }
  try {
    read('')
  } catch (error) {
    if (error instanceof HeirloomError) throw error
    const message = `the migrations folder ${folder} cannot be read (${error.code ?? error.message})`
    throw refuse('not-found', message, 'check the path; in a bundle, the folder must be among its files')
  }
  return files
}

/** Byte for byte, with a byte order mark: the checksum is of the file as it is. */
function text(file) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(fs.readFileSync(file))
  } catch (error) {
    if (error instanceof TypeError) throw refuse('invalid-migration', `${file} is not UTF-8`, 'save it as UTF-8')
    throw error
  }
}

function migrations(given, schemaFile) {
  if (given === undefined) return []
  if (given instanceof URL) return readFolder(fileURLToPath(given), schemaFile)
  if (typeof given === 'string') return readFolder(given, schemaFile)
  if (Array.isArray(given)) return given.map(({ name, sql }) => [name, sql])
  return Object.entries(given)
}

function configuration(options) {
  const { onEvent, signal, schemaFile, ...rest } = options
  return {
    ...rest,
    migrations: migrations(rest.migrations, schemaFile),
    ...(rest.components && {
      components: rest.components.map((component) => ({
        ...component,
        migrations: migrations(component.migrations),
      })),
    }),
  }
}

async function call(database, options, method, own = {}) {
  const { onEvent = options.onEvent, signal = options.signal } = own
  signal?.throwIfAborted()
  const request = JSON.stringify({ database, options: configuration(options), call: method })
  const cancel = new native.Cancel()
  const abort = () => cancel.cancel()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    let answer
    if (onEvent) {
      let failed
      await new Promise((resolve, reject) => {
        // The promise may be settled before the last event has arrived.
        const told = (event) => {
          if (event === '') return resolve()
          try {
            onEvent(camel(JSON.parse(event)))
          } catch (error) {
            // A listener decides nothing; what it throws is thrown when the call is over.
            failed ??= { error }
          }
        }
        answer = native.call(request, cancel, told)
        answer.catch(reject)
      })
      answer = await answer
      if (failed) throw failed.error
    } else {
      answer = await native.call(request, cancel, undefined)
    }
    const { value, failure } = JSON.parse(answer)
    if (failure) {
      const cause = failure.interrupted && signal?.aborted ? { cause: signal.reason } : undefined
      throw new HeirloomError(camel(failure), cause)
    }
    return camel(value)
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

class Database {
  #path
  #options

  constructor(database, options = {}) {
    this.#path = database instanceof URL ? fileURLToPath(database) : database
    this.#options = options
  }

  get path() {
    return this.#path
  }

  #call(method, more, own) {
    return call(this.#path, this.#options, { method, ...more }, own)
  }

  migrate({ to, ...own } = {}) { return this.#call('migrate', { to }, own) }
  status() { return this.#call('status') }
  plan({ to } = {}) { return this.#call('plan', { to }) }
  rehearse({ to, ...own } = {}) { return this.#call('rehearse', { to }, own) }
  async revert({ steps, version, ...own }) { return this.#call('revert', { to: backTo(steps, version) }, own) }
  async planRevert({ steps, version }) { return this.#call('planRevert', { to: backTo(steps, version) }) }
  backups({ verify = 'digest' } = {}) { return this.#call('backups', { verify }) }
  snapshot(name, { folders = [], ...own } = {}) { return this.#call('snapshot', { name, folders }, own) }
  planRestore(backup) { return this.#call('planRestore', { backup }) }
  restore(backup, { keepNewer = false, ...own } = {}) { return this.#call('restore', { backup, keepNewer }, own) }
  downgradeOptions() { return this.#call('downgradeOptions') }
  revertToKnown(own) { return this.#call('revertToKnown', {}, own) }
  openAnyway() { return this.#call('openAnyway') }
  reindex(own) { return this.#call('reindex', {}, own) }
  recover(into, own) { return this.#call('recover', { into }, own) }
  inspect(table) { return this.#call('inspect', { table }) }
  stats() { return this.#call('stats') }
  doctor() { return this.#call('doctor') }
  log() { return this.#call('log') }
  compare(from, to = 'live') { return this.#call('compare', { from: state(from), to: state(to) }) }
  compareRows(from, to, table) { return this.#call('compareRows', { from: state(from), to: state(to), table }) }
  compareSql(from, to = 'live') { return this.#call('compareSql', { from: state(from), to: state(to) }) }
  adopt(tool, own) { return this.#call('adopt', { tool }, own) }
  planAdopt(tool) { return this.#call('planAdopt', { tool }) }
  baseline(version, own) { return this.#call('baseline', { version }, own) }
  planBaseline(version) { return this.#call('planBaseline', { version }) }
  backfill({ onEvent, signal, ...backfill }) { return this.#call('backfill', { backfill }, { onEvent, signal }) }
  planBackfill(backfill) { return this.#call('planBackfill', { backfill }) }
}

function backTo(steps, version) {
  if ((steps === undefined) === (version === undefined)) {
    throw refuse('usage', 'neither or both of steps and version are given', 'give one: { steps: 1 } or { version: 3 }')
  }
  return steps === undefined ? { version } : { steps }
}

function state(of) {
  return of === 'live' ? of : { backup: of }
}

async function migrate({ database, ...options }) {
  return new Database(database, options).migrate()
}

module.exports = { migrate, Database, HeirloomError }

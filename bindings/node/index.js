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

const usage = (message, help = 'correct the call') => refuse('usage', message, help)

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
    const where = error.path === undefined || error.path === folder ? '' : `: ${error.path}`
    const message = `the migrations folder ${folder} cannot be read (${error.code ?? error.message}${where})`
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

/** What was given in the place of something else. */
function named(value) {
  if (value === null || value === undefined) return `${value}`
  return `of type ${typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value}`
}

function pathOf(given, what) {
  if (given instanceof URL) {
    if (given.protocol !== 'file:') throw usage(`${what} is ${given}`, 'give a file: URL, or a path')
    return fileURLToPath(given)
  }
  if (typeof given === 'string' && given !== '') return given
  throw usage(`${what} is ${given === '' ? 'empty' : named(given)}`, 'give a path as a string, or a file: URL')
}

function databasePath(given) {
  const file = pathOf(given, 'database')
  if (file === ':memory:') throw usage('database is :memory:', 'give the path of a file')
  if (/^file:/i.test(file)) throw usage(`database is ${file}`, `give a path, or new URL('${file}')`)
  return path.resolve(file)
}

function migrations(given, schemaFile) {
  if (typeof given === 'string' || given instanceof URL) return readFolder(pathOf(given, 'migrations'), schemaFile)
  const help = "give a folder, [{ name: 'V1__notes.sql', sql: '…' }] or { 'V1__notes.sql': '…' }"
  // An imported module too. Others, a Map or a Promise, would be taken for no migrations at all.
  const isObject = ['[object Object]', '[object Module]'].includes(Object.prototype.toString.call(given))
  if (!Array.isArray(given) && !isObject) throw usage(`migrations is ${named(given)}`, help)
  const files = isObject ? Object.entries(given) : given.map((file) => [file?.name, file?.sql])
  files.forEach(([name, sql], at) => {
    if (typeof name !== 'string') throw usage(`the name of migration ${at + 1} is ${named(name)}`, help)
    if (typeof sql !== 'string') throw usage(`the SQL of ${name} is ${named(sql)}`, help)
  })
  return files
}

/** Calls that would take no migrations for an app that has none. */
const NEED_MIGRATIONS = new Set(['migrate', 'plan', 'rehearse'])

function configuration(options, method) {
  const { onEvent, signal, schemaFile, components = [], ...rest } = options
  if (!Array.isArray(components)) {
    throw usage(`components is ${named(components)}`, 'give an array of { name, migrations }')
  }
  const isNeeded = NEED_MIGRATIONS.has(method) && components.length === 0 && !rest.withoutMigrating
  return {
    ...rest,
    migrations: rest.migrations === undefined && !isNeeded ? [] : migrations(rest.migrations, schemaFile),
    components: components.map((component) => ({ ...component, migrations: migrations(component?.migrations) })),
  }
}

/** JSON, which leaves out functions and takes NaN for nothing, without a word. */
function json(request) {
  return JSON.stringify(request, (key, value) => {
    const unfit = typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint'
    if (unfit || (typeof value === 'number' && !Number.isFinite(value))) {
      throw usage(`${key} is ${typeof value === 'number' ? value : named(value)}`, 'leave it out, or correct it')
    }
    return value
  })
}

/** What the process would wait for where it exits. A worker that is terminated says nothing: native code sees to it. */
const atWork = new Set()
process.on('exit', () => atWork.forEach((cancel) => cancel.cancel()))

async function call(database, options, method, own = {}, shape = camel) {
  const { onEvent = options.onEvent, signal = options.signal } = own
  if (onEvent !== undefined && typeof onEvent !== 'function') {
    throw usage(`onEvent is ${named(onEvent)}`, 'give a function')
  }
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw usage(`signal is ${named(signal)}`, 'give an AbortSignal')
  }
  const ended = (failure) => new HeirloomError(failure, { cause: signal.reason })
  if (signal?.aborted) {
    const { message, ...rest } = refuse('migration-failed', 'interrupted before it began', 'call it again')
    throw ended({ ...rest, message, interrupted: true })
  }
  const request = json({ database, options: configuration(options, method.method), call: method })
  const cancel = new native.Cancel()
  const abort = () => cancel.cancel()
  signal?.addEventListener('abort', abort, { once: true })
  atWork.add(cancel)
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
    if (failure?.interrupted && signal?.aborted) throw ended(camel(failure))
    if (failure) throw new HeirloomError(camel(failure))
    return shape(value)
  } finally {
    atWork.delete(cancel)
    signal?.removeEventListener('abort', abort)
  }
}

/** A value for a statement, by its type: JSON has no BigInt, no bytes and no infinity. */
function given(value, name) {
  const unfit = (help) => usage(`the value for ${name} is ${typeof value === 'number' ? value : named(value)}`, help)
  if (value === null) return 'null'
  if (typeof value === 'bigint') {
    if (BigInt.asIntN(64, value) !== value) throw unfit('an integer of SQLite has 64 bits: it is too large')
    return { integer: `${value}` }
  }
  if (typeof value === 'number') {
    if (Number.isNaN(value)) throw unfit('give null, or a number')
    if (Number.isSafeInteger(value)) return { integer: `${value}` }
    // Below 2^63 it may be a key that was rounded to another one.
    if (Number.isInteger(value) && Math.abs(value) < 2 ** 63) throw unfit('it is too large to be exact: give a BigInt')
    return { real: `${value}` }
  }
  if (typeof value === 'string') {
    // Half a character is none of UTF-8.
    if (/\p{Surrogate}/u.test(value)) throw unfit('it is cut within a character: cut it between two')
    return { text: value }
  }
  if (value instanceof Uint8Array) {
    return { blob: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex') }
  }
  throw unfit('give null, a number, a BigInt, a string or a Buffer')
}

function values(params = []) {
  if (Array.isArray(params)) return Array.from(params, (value, at) => given(value, `parameter ${at + 1}`))
  if (params === null || typeof params !== 'object' || params instanceof Uint8Array) {
    throw usage(`the values are ${named(params)}`, 'give an array, or an object with a value for each name')
  }
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, given(value, `\`${name}\``)]))
}

function sqlOf(sql) {
  if (typeof sql !== 'string') throw usage(`the SQL is ${named(sql)}`, 'give a string')
  return sql
}

function returned(value) {
  if (value === null || typeof value !== 'object') return value
  if ('integer' in value) return BigInt(value.integer)
  return 'blob' in value ? Buffer.from(value.blob, 'hex') : value.infinity * Infinity
}

function rows({ columns, rows }) {
  return rows.map((row) => Object.fromEntries(row.map((value, at) => [columns[at], returned(value)])))
}

function statement({ sql, params, changes, ...unknown }, at) {
  const [other] = Object.keys(unknown)
  if (other !== undefined) throw usage(`statement ${at + 1} has \`${other}\``, 'it takes sql, params and changes')
  if (changes !== 'any' && !(Number.isSafeInteger(changes) && changes >= 0)) {
    const help = "say how many rows it must change, or 'any'; where it is another number, nothing is changed"
    throw usage(`\`changes\` of statement ${at + 1} is ${typeof changes === 'number' ? changes : named(changes)}`, help)
  }
  return { sql: sqlOf(sql), params: values(params), changes: changes === 'any' ? null : changes }
}

class Database {
  #path
  #options

  constructor(database, options = {}) {
    if (options === null || typeof options !== 'object') {
      throw usage(`the options are ${named(options)}`, 'give an object')
    }
    this.#path = databasePath(database)
    this.#options = options
  }

  get path() {
    return this.#path
  }

  #call(method, more, own, shape) {
    return call(this.#path, this.#options, { method, ...more }, own, shape)
  }

  migrate({ to, ...own } = {}) { return this.#call('migrate', { to }, own) }
  status() { return this.#call('status') }
  plan({ to } = {}) { return this.#call('plan', { to }) }
  rehearse({ to, ...own } = {}) { return this.#call('rehearse', { to }, own) }
  async revert({ steps, version, ...own } = {}) { return this.#call('revert', { to: backTo(steps, version) }, own) }
  async planRevert({ steps, version } = {}) { return this.#call('planRevert', { to: backTo(steps, version) }) }
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
  backfill({ onEvent, signal, ...backfill } = {}) { return this.#call('backfill', { backfill }, { onEvent, signal }) }
  planBackfill(backfill = {}) { return this.#call('planBackfill', { backfill }) }
  async read(sql, params, { state: of = 'live', ...own } = {}) {
    return this.#call('read', { state: state(of), sql: sqlOf(sql), params: values(params) }, own, rows)
  }
  async edit(statements, own) {
    if (!Array.isArray(statements) || statements.length === 0) {
      const what = Array.isArray(statements) ? 'there is no statement' : `the statements are ${named(statements)}`
      throw usage(what, 'give an array of { sql, params, changes }')
    }
    const done = (all) => all.map((one) => ({ changes: one.changes, rows: rows(one) }))
    return this.#call('edit', { statements: statements.map((one, at) => statement(one ?? {}, at)) }, own, done)
  }
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

async function migrate({ database, ...options } = {}) {
  return new Database(database, options).migrate()
}

module.exports = { migrate, Database, HeirloomError }

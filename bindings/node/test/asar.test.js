// Migrations inside Electron's archive. There is no Electron here: `app.asar` was made by `asar pack app
// app.asar` of @electron/asar 4.3.2, and three methods of `fs` answer from it as Electron's do, which puts its
// own in their place in the same module.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { test } = require('node:test')
const { pathToFileURL } = require('node:url')
const { Database, migrate } = require('..')
const { failure, folder, rows } = require('./support')

const archive = path.join(__dirname, 'app.asar')

/** Puts what reads the archive in the place of methods of `fs`. */
function seeInto(t) {
  const bytes = fs.readFileSync(archive)
  const headerSize = bytes.readUInt32LE(4)
  const header = JSON.parse(bytes.toString('utf8', 16, 16 + bytes.readUInt32LE(12)))
  function entry(file) {
    const names = path.relative(archive, file).split(path.sep).filter(Boolean)
    const found = names.reduce((at, name) => at?.files?.[name], header)
    if (!found) throw Object.assign(new Error(`ENOENT, ${file} not found`), { code: 'ENOENT', path: file })
    return found
  }
  const answers = {
    readdirSync(folder) {
      return Object.entries(entry(folder).files).map(([name, { files }]) => ({
        name, isDirectory: () => files !== undefined, isFile: () => files === undefined, isSymbolicLink: () => false,
      }))
    },
    statSync: (file) => ({ isDirectory: () => entry(file).files !== undefined }),
    readFileSync(file) {
      const { offset, size } = entry(file)
      const from = 8 + headerSize + Number(offset)
      return bytes.subarray(from, from + size)
    },
  }
  let asked = 0
  for (const [name, answer] of Object.entries(answers)) {
    const original = fs[name]
    t.after(() => { fs[name] = original })
    fs[name] = (file, ...rest) => {
      if (!`${file}`.startsWith(archive)) return original(file, ...rest)
      asked++
      return answer(file)
    }
  }
  return () => asked
}

test('a folder inside the archive is read, below it too, as a path and as a URL', async (t) => {
  const asked = seeInto(t)
  const at = folder(t)
  const inside = path.join(archive, 'migrations')
  for (const [index, migrations] of [inside, pathToFileURL(inside)].entries()) {
    const database = path.join(at, `${index}.db`)
    assert.equal((await migrate({ database, migrations })).version, 2)
    const columns = rows(database, "SELECT name FROM pragma_table_info('notes')")
    assert.deepEqual(columns.map(({ name }) => name), ['id', 'text', 'done'])
    const app = new Database(database, { migrations })
    assert.equal((await app.revert({ steps: 1 })).version, 1)
  }
  assert.ok(asked() > 0)
})

test('a folder that is not in the archive, or an archive that nobody sees into, is named', async (t) => {
  const database = path.join(folder(t), 'a.db')
  const unseen = await failure(migrate({ database, migrations: path.join(archive, 'migrations') }))
  assert.deepEqual([unseen.kind, unseen.message.includes('ENOTDIR')], ['not-found', true])
  seeInto(t)
  const missing = await failure(migrate({ database, migrations: path.join(archive, 'none') }))
  assert.deepEqual([missing.kind, missing.message.includes('ENOENT')], ['not-found', true])
  assert.equal(fs.existsSync(database), false)
})

// Builds the command beside the library: `node scripts/command.js [--release] [--target TARGET]`.
'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const release = process.argv.includes('--release')
const at = process.argv.indexOf('--target')
const target = at > 0 ? process.argv[at + 1] : undefined
const root = path.join(__dirname, '..', '..', '..')
const folder = process.env.CARGO_TARGET_DIR ?? path.join(root, 'target')
execFileSync(
  'cargo',
  ['build', '--quiet', '--locked', '--features', 'cli', ...(release ? ['--release'] : []), ...(target ? ['--target', target] : [])],
  { cwd: root, stdio: 'inherit', env: { ...process.env, CARGO_TARGET_DIR: folder } },
)
const name = (target ?? process.platform).includes('win') && !(target ?? process.platform).includes('darwin') ? 'heirloom.exe' : 'heirloom'
const built = path.join(folder, target ?? '', release ? 'release' : 'debug', name)
fs.copyFileSync(built, path.join(__dirname, '..', 'bin', name))

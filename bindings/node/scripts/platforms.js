// Puts the command beside the native module in the package of each platform, when they are published:
// `node scripts/platforms.js ARTIFACTS`, after `napi create-npm-dirs` and `napi artifacts`. In ARTIFACTS
// each platform has a folder `command-PLATFORM` with the command.
'use strict'

const fs = require('node:fs')
const path = require('node:path')

const artifacts = process.argv[2]
const npm = path.join(__dirname, '../npm')
for (const platform of fs.readdirSync(npm)) {
  const name = platform.startsWith('win32') ? 'heirloom.exe' : 'heirloom'
  const to = path.join(npm, platform, name)
  fs.copyFileSync(path.join(artifacts, `command-${platform}`, name), to)
  fs.chmodSync(to, 0o755)
  const manifest = path.join(npm, platform, 'package.json')
  const said = JSON.parse(fs.readFileSync(manifest, 'utf8'))
  if (!said.files.includes(name)) said.files.push(name)
  fs.writeFileSync(manifest, `${JSON.stringify(said, null, 2)}\n`)
}

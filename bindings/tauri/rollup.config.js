import resolve from '@rollup/plugin-node-resolve'
import typescript from '@rollup/plugin-typescript'

const input = 'guest-js/index.ts'

export default [
  {
    input,
    external: [/^@tauri-apps\/api/],
    output: [
      { file: 'dist-js/index.js', format: 'esm' },
      { file: 'dist-js/index.cjs', format: 'cjs' },
    ],
    plugins: [typescript()],
  },
  // For `withGlobalTauri`: `window.__TAURI__.heirloom`. It goes with the crate, and is committed.
  {
    input,
    output: {
      file: 'api-iife.js',
      format: 'iife',
      name: '__TAURI_PLUGIN_HEIRLOOM__',
      banner: "if ('__TAURI__' in window) {",
      footer: "Object.defineProperty(window.__TAURI__, 'heirloom', { value: __TAURI_PLUGIN_HEIRLOOM__ }) }",
    },
    plugins: [typescript(), resolve()],
  },
]

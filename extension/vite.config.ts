// How the extension's code is built: one ES build for the worker and the pages, one self-contained file per content
// script. `scripts/build.ts` runs both and writes the manifests beside them.
import { fileURLToPath } from 'node:url';
import type { InlineConfig, Plugin } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Unminified by default: reviewers of a store read what was written. `minify` is for measuring sizes. */
export type BuildOptions = { readonly outDir: string; readonly minify?: boolean };

const shared = ({ outDir, minify = false }: BuildOptions): InlineConfig => ({
  configFile: false,
  logLevel: 'warn',
  publicDir: false,
  resolve: { conditions: ['farthing-source', 'module', 'browser', 'default'] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir,
    emptyOutDir: false,
    minify,
    target: 'chrome123',
    modulePreload: false,
    assetsInlineLimit: 0,
    sourcemap: false,
    cssCodeSplit: true,
    reportCompressedSize: false,
  },
});

export function pagesBuild(options: BuildOptions): InlineConfig {
  const base = shared(options);
  return {
    ...base,
    root: here('src/pages'),
    base: './',
    plugins: [noHtmlSink()],
    build: {
      ...base.build,
      rolldownOptions: {
        input: {
          popup: here('src/pages/popup.html'),
          approve: here('src/pages/approve.html'),
          goods: here('src/pages/goods.html'),
          welcome: here('src/pages/welcome.html'),
          background: here('src/background/main.ts'),
        },
        output: {
          entryFileNames: '[name].js',
          chunkFileNames: 'chunks/[name].js',
          assetFileNames: 'assets/[name][extname]',
        },
      },
    },
  };
}

export function contentBuild(name: 'bridge' | 'wrapper', options: BuildOptions): InlineConfig {
  const base = shared(options);
  return {
    ...base,
    build: {
      ...base.build,
      lib: {
        entry: here(`src/content/${name}.ts`),
        formats: ['iife'],
        name: 'farthing',
        fileName: () => `content/${name}.js`,
      },
    },
  };
}

/**
 * Preact can set `innerHTML`, which `trusted-types 'none'` forbids and reviewers ask about. No screen of ours uses it,
 * so the sink is made harmless; a new version of Preact that spells it otherwise stops the build.
 */
function noHtmlSink(): Plugin {
  let seen = false;
  return {
    name: 'no-html-sink',
    transform(code, id) {
      if (!/[\\/]preact[\\/]dist[\\/]/.test(id)) return null;
      if (!code.includes('.innerHTML')) return null;
      seen = true;
      return { code: code.replaceAll('.innerHTML', '.textContent'), map: null };
    },
    buildEnd(error) {
      if (!error && !seen) throw new Error("Preact's innerHTML was not found: look at how it sets HTML now");
    },
  };
}

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { manifest } from './manifest.ts';

const store = manifest({ target: 'chromium', test: false, version: '0.1.0' });
const forTests = manifest({ target: 'chromium', test: true, version: '0.1.0' });

test('a store build sees no site at install, and may be granted them one by one', () => {
  expect(store).not.toHaveProperty('host_permissions');
  expect(store).not.toHaveProperty('content_scripts');
  expect(store['optional_host_permissions']).toEqual(['https://*/*', 'http://localhost/*', 'http://127.0.0.1/*']);
});

test('a demo origin is the only site that a store build may see', () => {
  const demo = manifest({ target: 'chromium', test: false, version: '0.1.0', demoOrigin: 'https://demo.example' });
  expect(demo['host_permissions']).toEqual(['https://demo.example/*']);
});

test('only a test build has a key and every site', () => {
  expect(store).not.toHaveProperty('key');
  expect(forTests['host_permissions']).toEqual(['http://*/*', 'https://*/*']);
  const hash = createHash('sha256')
    .update(Buffer.from(String(forTests['key']), 'base64'))
    .digest('hex')
    .slice(0, 32);
  const id = [...hash].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 16))).join('');
  expect(id).toBe('oigeaankknofepkkhglmjmdgpechflgb');
});

test('no permission came in unseen', () => {
  expect(store['permissions']).toEqual([
    'storage',
    'unlimitedStorage',
    'alarms',
    'activeTab',
    'scripting',
    'webRequest',
    'webNavigation',
    'declarativeNetRequestWithHostAccess',
  ]);
});

test('its pages run nothing but their own scripts, load nothing foreign, and cannot be framed', () => {
  const { extension_pages: csp } = store['content_security_policy'] as { extension_pages: string };
  for (const rule of [
    "default-src 'none'",
    "script-src 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ])
    expect(csp).toContain(rule);
  expect(csp).not.toMatch(/unsafe|\*(?! |:|;|$)/);
});

test('private windows have a worker, storage and cookies of their own', () => {
  expect(store).toMatchObject({ incognito: 'split' });
});

test('its icons are there', () => {
  for (const path of Object.values(store['icons'] as Record<string, string>))
    expect(existsSync(new URL(path, import.meta.url))).toBe(true);
});

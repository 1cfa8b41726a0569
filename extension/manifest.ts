// The manifest, written for one target: what the store gets, or a test build that sees every site without a prompt.

/** `demoOrigin` is the one site that the wallet may see right after install, so that the first run needs no prompt. */
export type ManifestOptions = {
  readonly target: 'chromium';
  readonly test: boolean;
  readonly version: string;
  readonly demoOrigin?: string;
};

/** A test build has a fixed id, oigeaankknofepkkhglmjmdgpechflgb, so that tests can name its pages. */
const TEST_KEY =
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAq6HZ4MQmI2DFoKV9Ln0SVhFNHCO2Ot/18dMOXmOiPqnVpTg2/tBneXlqce40gBLOgOc11/yo2ZbRugcguP7fRzQwcuDh9M1bAEgShJN/FY+s0qp4jSCLpkJZD5cFwCdCtyvqUQjiqr9VcLvJVMG9EUvY6F7C2s87spyBxeDqmwWmKnFMUJ885KC68LVNbj30PzlXbj0YD/S1j5FK2jYgLN5cRPyw42K4kaPN7gTG3PK+Dbp763K+/RnPkv2zelqpDeBlMR0dJmGdjwzqwWBXyWVhszr2/kz2RMQl0Zv453F5Q4HvfOjGM2D122a94AzCD0zUTJnIsMmZKrjUVjmuCwIDAQAB';

const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self' https: http://localhost:* http://127.0.0.1:*",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const ICONS = { 16: 'icons/16.png', 32: 'icons/32.png', 48: 'icons/48.png', 128: 'icons/128.png' };
/** Loopback over plain http is for developers: a payment never crosses a network in the clear. */
const WEB = ['https://*/*', 'http://localhost/*', 'http://127.0.0.1/*'];

export function manifest({ test, version, demoOrigin }: ManifestOptions): Record<string, unknown> {
  const hosts = test ? ['http://*/*', 'https://*/*'] : demoOrigin === undefined ? [] : [`${demoOrigin}/*`];
  return {
    manifest_version: 3,
    name: '__MSG_ext_name__',
    description: '__MSG_ext_description__',
    version,
    default_locale: 'en',
    icons: ICONS,
    action: { default_icon: ICONS, default_title: '__MSG_ext_name__', default_popup: 'popup.html' },
    options_ui: { page: 'popup.html', open_in_tab: true },
    background: { service_worker: 'background.js', type: 'module' },
    minimum_chrome_version: '123',
    // A worker of its own for private windows: nothing that it knows reaches the other.
    incognito: 'split',
    permissions: [
      'storage',
      'unlimitedStorage',
      'alarms',
      'activeTab',
      'scripting',
      'webRequest',
      'webNavigation',
      'declarativeNetRequestWithHostAccess',
    ],
    optional_permissions: ['notifications'],
    ...(hosts.length > 0 ? { host_permissions: hosts } : {}),
    optional_host_permissions: WEB,
    content_security_policy: { extension_pages: CSP },
    commands: {
      _execute_action: { suggested_key: { default: 'Alt+Shift+P' } },
      'toggle-pause': { suggested_key: { default: 'Alt+Shift+X' }, description: '__MSG_command_pause__' },
    },
    ...(test ? { key: TEST_KEY } : {}),
  };
}

// The one file of the pages and the worker that names the extension API.
import browser from 'webextension-polyfill';

export type {
  Action,
  Alarms,
  DeclarativeNetRequest,
  Runtime,
  Storage,
  Tabs,
  WebNavigation,
  WebRequest,
} from 'webextension-polyfill';
export { browser };

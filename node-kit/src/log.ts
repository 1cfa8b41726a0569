// What a program says to its operator: one line an event, for people or as JSON. Messages are fixed words and what varies is a
// field, so that nobody puts a key, a code or somebody's account into a sentence.

/** Figures, codes and names of our own; never credentials, keys, accounts, serials, or texts that others sent. */
export type LogFields = Readonly<Record<string, string | number | bigint | boolean>>;

/** The shape that pino and its like have too. */
export type Logger = Readonly<Record<LogLevel, (fields: LogFields, message: string) => void>>;

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogFormat = 'text' | 'json';

export type LogOptions = {
  readonly format?: LogFormat;
  /** The least that is written. Default `info`. */
  readonly level?: LogLevel;
};

/** @param write gets one line without its end */
export function lineLogger(
  write: (line: string) => void,
  { format = 'text', level = 'info' }: LogOptions = {},
): Logger {
  const print = format === 'json' ? asJson : asText;
  const least = logLevels.indexOf(level);
  const at = (one: LogLevel) =>
    logLevels.indexOf(one) < least
      ? () => {}
      : (fields: LogFields, message: string) => write(print(one, fields, message));
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** For JSON lines, whose reader has no clock of its own. */
const asJson = (level: LogLevel, fields: LogFields, message: string): string => {
  const head = { time: new Date().toISOString(), level, message };
  // First to be read, last to be set: no field takes their place.
  const line = { ...head, ...fields, ...head };
  return JSON.stringify(line, (_key, value) => (typeof value === 'bigint' ? value.toString() : value));
};

const asText = (level: LogLevel, fields: LogFields, message: string): string => {
  const told = Object.entries(fields).map(([name, value]) => ` ${name}=${plain(String(value))}`);
  return `${level === 'error' ? 'ERROR ' : ''}${message}${told.join('')}`;
};

/** One line stays one line, whatever an error says. */
const plain = (text: string): string => (/^[^\s"=]*$/.test(text) ? text : JSON.stringify(text));

/** Longer than any word, and as long as the shortest key, secret or id. */
const TOKEN = /[A-Za-z0-9_-]{16,}/g;

/** A fault of ours in a line: what kind and why, without values that its message may quote. */
export function faultOf(error: unknown): string {
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return said.slice(0, 300).replace(TOKEN, '…');
}

// The small pieces that every screen is made of.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { isPrivate } from '../browser.ts';
import { Icon } from './icons.tsx';
import { has, type Key, t } from './t.ts';

/** A host as it is, whatever the direction of the text around it. Punycode stays punycode. */
export const hostOf = (origin: string) => (URL.canParse(origin) ? new URL(origin).host : origin);

export function Host({ origin }: { origin: string }) {
  return (
    <bdi dir="ltr" class="host">
      {hostOf(origin)}
    </bdi>
  );
}

export function Avatar({ of }: { of: string }) {
  return (
    <span class="avatar" aria-hidden="true">
      {hostOf(of)
        .replace(/^www\./, '')
        .charAt(0)
        .toUpperCase()}
    </span>
  );
}

export type Tone = 'plain' | 'ok' | 'warn' | 'bad';
export function Chip({ tone = 'plain', children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={`chip ${tone}`}>{children}</span>;
}

/** The heading of a screen takes the focus when the screen arrives. */
export function Title({ children, quiet = false }: { children: ComponentChildren; quiet?: boolean }) {
  return (
    <h1 tabIndex={-1} class={quiet ? 'hidden' : ''}>
      {children}
    </h1>
  );
}

export type ButtonProps = {
  readonly kind?: 'primary' | 'quiet' | 'danger';
  readonly wide?: boolean;
  readonly busy?: boolean;
  readonly onPress: (event: MouseEvent) => void;
  readonly children: ComponentChildren;
};
export function Button({ kind, wide = false, busy = false, onPress, children }: ButtonProps) {
  return (
    <button type="button" class={`btn ${kind ?? ''} ${wide ? 'grow' : ''}`} disabled={busy} onClick={onPress}>
      {children}
    </button>
  );
}

export type SegmentedProps<Value extends string> = {
  readonly legend: string;
  readonly value: Value | undefined;
  readonly options: readonly (readonly [Value, Key])[];
  readonly onPick: (value: Value) => void;
};
export function Segmented<Value extends string>({ legend, value, options, onPick }: SegmentedProps<Value>) {
  const name = useId();
  return (
    <fieldset class="seg">
      <legend class="hidden">{legend}</legend>
      {options.map(([option, label]) => (
        <label key={option}>
          <input type="radio" name={name} checked={option === value} onChange={() => onPick(option)} />
          {t(label)}
        </label>
      ))}
    </fieldset>
  );
}

/** `part` of `whole` in base units; numbers are for pixels and assistive technology only. */
export function Meter({ label, part, whole, text }: { label: string; part: bigint; whole: bigint; text: string }) {
  const percent = whole > 0n ? Math.min(100, Number((part * 1000n) / whole) / 10) : 0;
  return (
    // biome-ignore lint/a11y/useSemanticElements: browsers do not let a meter element be styled alike
    <div
      class="bar"
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(percent)}
      aria-valuetext={text}
    >
      <svg width="100%" height="8" aria-hidden="true">
        <rect width={`${part > 0n ? Math.max(percent, 2) : 0}%`} height="8" rx="4" />
      </svg>
    </div>
  );
}

export type FieldProps = {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly error?: string | undefined;
  readonly kind?: 'text' | 'url' | 'search' | 'password';
  readonly decimal?: boolean;
  readonly hint?: string;
  readonly longest?: number;
  /** A password that is chosen now. */
  readonly fresh?: boolean;
};
export function Field(props: FieldProps) {
  const { label, value, onInput, error, kind = 'text', decimal = false, hint, longest, fresh = false } = props;
  const id = useId();
  return (
    <div class="field">
      <label for={id} class={kind === 'search' ? 'hidden' : ''}>
        {label}
      </label>
      <input
        id={id}
        type={kind}
        dir={kind === 'search' ? 'auto' : 'ltr'}
        value={value}
        placeholder={hint}
        maxLength={longest}
        inputMode={decimal ? 'decimal' : undefined}
        autocomplete={kind !== 'password' ? 'off' : fresh ? 'new-password' : 'current-password'}
        spellcheck={false}
        aria-invalid={error !== undefined}
        aria-describedby={error === undefined ? undefined : `${id}-error`}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {error !== undefined && (
        <span id={`${id}-error`} class="error">
          {error}
        </span>
      )}
    </div>
  );
}

export type AreaProps = {
  readonly label: string;
  readonly value: string;
  readonly rows: number;
  readonly onInput?: (value: string) => void;
  readonly hint?: string;
};
/** Text of several lines, such as a gift or words. Without `onInput` it is only to be read and copied. */
export function Area({ label, value, rows, onInput, hint }: AreaProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        class="mono"
        dir="ltr"
        rows={rows}
        value={value}
        placeholder={hint}
        readOnly={onInput === undefined}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        onFocus={(event) => onInput === undefined && event.currentTarget.select()}
        onInput={(event) => onInput?.(event.currentTarget.value)}
      />
    </div>
  );
}

/** What happened, and a code that help knows. */
export function Problem({ code }: { code: string }) {
  return (
    <div class="banner bad" role="alert">
      {problemText(code)}
    </div>
  );
}

export function problemText(code: string): string {
  if (isPrivate && code === 'offer-unusable') return t('private_only');
  if (isPrivate && (code === 'no-account' || code === 'funds-short')) return t('private_empty');
  const key = `problem_${code.replaceAll('-', '_')}`;
  return has(key) ? t(key) : t('problem_other', { code });
}

/** Text of a method's own description, by its key. */
export const says = (key: string | undefined) => (key !== undefined && has(key) ? t(key) : '');

/** Announces without moving the focus. */
export function Live({ children }: { children: ComponentChildren }) {
  return (
    <div role="status" class="hidden">
      {children}
    </div>
  );
}

export function BackLink({ href }: { href: string }) {
  return (
    <a class="back" href={href}>
      <Icon name="back" flips />
      {t('back')}
    </a>
  );
}

/** Runs once when the screen arrives, and again when `keys` change. */
export function useLoad(load: () => Promise<void>, keys: readonly unknown[]): void {
  const run = useRef(load);
  run.current = load;
  useEffect(() => {
    void run.current();
  }, [...keys]);
}

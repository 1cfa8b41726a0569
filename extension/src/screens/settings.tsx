// Appearance, language, access to sites, who learns what, and which version this is.
import { useState } from 'preact/hooks';
import { browser, isPrivate } from '../browser.ts';
import { snapshot } from '../ui/client.ts';
import { BackLink, Button, Segmented, Title, useLoad } from '../ui/parts.tsx';
import { go, link } from '../ui/router.ts';
import { language, setLanguage, setTheme, type Theme, theme } from '../ui/settings.ts';
import { type Key, languages, t } from '../ui/t.ts';

const THEMES = [
  ['system', 'theme_system'],
  ['light', 'theme_light'],
  ['dark', 'theme_dark'],
] as const satisfies readonly (readonly [Theme, Key])[];
/** Each language under its own name, so that who lands in the wrong one finds the way out. */
const NAMES = { en: 'English', de: 'Deutsch', es: 'Español', ar: 'العربية' } as const;
const ALL = { origins: ['https://*/*'] };

export function Settings() {
  return (
    <>
      <BackLink href={link('more')} />
      <Title>{t('settings')}</Title>
      <section class="card stack">
        <h2>{t('appearance')}</h2>
        <Segmented
          legend={t('appearance')}
          value={theme.value}
          options={THEMES}
          onPick={(next) => void setTheme(next)}
        />
        <div class="field">
          <label for="language">{t('language')}</label>
          <select
            id="language"
            value={language.value ?? ''}
            onChange={(event) => void setLanguage(event.currentTarget.value || undefined)}
          >
            <option value="">{t('theme_system')}</option>
            {languages.map((one) => (
              <option key={one} value={one} lang={one}>
                {NAMES[one]}
              </option>
            ))}
          </select>
        </div>
      </section>
      {!isPrivate && snapshot.value.ready && (
        <section class="card stack">
          <h2>{t('password')}</h2>
          <p class="muted s">{t(snapshot.value.password?.set ? 'password_is_set' : 'password_text')}</p>
          <Button onPress={() => go('password')}>
            {t(snapshot.value.password?.set ? 'password_change' : 'password_set')}
          </Button>
        </section>
      )}
      <Access />
      <section class="card stack">
        <h2>{t('privacy')}</h2>
        <p class="s">{t('privacy_text')}</p>
      </section>
      <p class="muted xs">
        Farthing <bdi dir="ltr">{browser.runtime.getManifest().version}</bdi> · Apache-2.0
      </p>
    </>
  );
}

export function Access() {
  const [all, setAll] = useState<boolean>();
  useLoad(async () => setAll(await browser.permissions.contains(ALL)), []);
  if (all === undefined) return null;
  // The browser's own prompt must come straight from the click.
  const change = () =>
    (all ? browser.permissions.remove(ALL).then(() => false) : browser.permissions.request(ALL)).then(
      setAll,
      () => undefined,
    );
  return (
    <section class="card stack">
      <h2>{t('access')}</h2>
      <p class="muted s">{t(all ? 'access_all' : 'access_some')}</p>
      <Button onPress={() => void change()}>{t(all ? 'access_remove' : 'access_allow')}</Button>
    </section>
  );
}

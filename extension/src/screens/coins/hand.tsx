// What goes to another person: a link to send, a picture for a camera, and the text itself.
import { useMemo, useState } from 'preact/hooks';
import { Area, Button, Live } from '../../ui/parts.tsx';
import { Qr, qrCode } from '../../ui/qr.tsx';
import { t } from '../../ui/t.ts';

type HandProps = { readonly text: string; readonly link: string; readonly label: string; readonly picture: string };

export function Hand({ text, link, label, picture }: HandProps) {
  const [said, setSaid] = useState('');
  const code = useMemo(() => qrCode(link), [link]);
  const copy = () => void navigator.clipboard.writeText(link).then(() => setSaid(t('copied')));
  return (
    <section class="card stack">
      <Button kind="primary" onPress={copy}>
        {said === '' ? t('copy_link') : `✓ ${said}`}
      </Button>
      {code ? <Qr code={code} label={picture} /> : <p class="muted s">{t('no_picture')}</p>}
      <Area label={label} value={text} rows={3} />
      <Live>{said}</Live>
    </section>
  );
}

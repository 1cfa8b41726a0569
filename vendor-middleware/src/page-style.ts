// The style of the 402 page: system fonts, light and dark, right-to-left by logical properties, 320 px and print.

export const css = `:root{color-scheme:light dark;--bg:light-dark(#f6f7f9,#111418);--surface:light-dark(#fff,#191d23);--line:light-dark(#d9dee5,#323943);--text:light-dark(#14181f,#e9edf2);--muted:light-dark(#566070,#a3adba);--accent:light-dark(#0b6b53,#4cc9a4);--accent-soft:light-dark(#e2f3ed,#12332a);--warn:light-dark(#8a5300,#f0b455);--warn-soft:light-dark(#fff3df,#35270f);--bad:light-dark(#b3261e,#ff9b92);--bad-soft:light-dark(#fdecea,#3b1a17)}
*{box-sizing:border-box}
body{margin:0;padding:16px;background:var(--bg);color:var(--text);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
p,h1{margin:0;overflow-wrap:anywhere}
h1{font-size:1.75rem;line-height:1.2}
main{max-inline-size:520px;margin:24px auto;padding:clamp(16px,6vw,32px);background:var(--surface);border:1px solid var(--line);border-radius:16px;display:grid;gap:16px}
.site{display:flex;gap:12px;align-items:center;font-weight:700}
.avatar{inline-size:36px;block-size:36px;flex:none;display:grid;place-items:center;border-radius:6px;background:var(--accent-soft);color:var(--accent)}
.card{border:1px solid var(--line);border-radius:10px;padding:16px}
.amount{font-size:2.25rem;font-weight:700;line-height:1.1;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.button{display:block;padding:12px 16px;border-radius:10px;background:var(--accent);color:var(--surface);font-weight:700;text-align:center;text-decoration:none}
.muted,footer{color:var(--muted)}
.test,.refused{padding:8px 12px;border-radius:10px}
.test{max-inline-size:520px;margin:0 auto;background:var(--warn-soft);color:var(--warn);font-weight:600}
.refused{background:var(--bad-soft);color:var(--bad)}
kbd{border:1px solid var(--line);border-radius:6px;padding:0 6px;font:inherit}
summary{min-block-size:32px;cursor:pointer}
footer{max-inline-size:520px;margin:0 auto;padding-inline:16px;font-size:.8125rem}
:focus-visible{outline:2px solid light-dark(#0b57d0,#8ab4f8);outline-offset:2px}
@media(prefers-contrast:more){:root{--line:light-dark(#4b5563,#c7cdd6);--muted:var(--text)}}
@media(forced-colors:active){main,.card,.test,.refused{border:1px solid CanvasText}}
@media print{body{background:#fff}main{border:0}}`;

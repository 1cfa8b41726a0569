// The style of the hosted wallet's page: system fonts, light and dark, right-to-left by logical properties, from 320 px, print.

export const css = `:root{color-scheme:light dark;--bg:light-dark(#f6f7f9,#111418);--surface:light-dark(#fff,#191d23);--line:light-dark(#d9dee5,#323943);--field:light-dark(#78818e,#7d8794);--text:light-dark(#14181f,#e9edf2);--muted:light-dark(#566070,#a3adba);--accent:light-dark(#0b6b53,#4cc9a4);--on-accent:light-dark(#fff,#0b1f19);--accent-soft:light-dark(#e2f3ed,#12332a);--warn:light-dark(#8a5300,#f0b455);--warn-soft:light-dark(#fff3df,#35270f);--bad:light-dark(#b3261e,#ff9b92);--bad-soft:light-dark(#fdecea,#3b1a17)}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;padding:16px;background:var(--bg);color:var(--text);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
p,h1,h2,ul{margin:0;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.2}
h2{font-size:1rem}
main,section,form{display:grid;gap:16px}
main{max-inline-size:480px;margin:16px auto;padding:clamp(16px,6vw,32px);background:var(--surface);border:1px solid var(--line);border-radius:16px}
.site{display:flex;gap:12px;align-items:center;font-weight:700}
.avatar{inline-size:36px;block-size:36px;flex:none;display:grid;place-items:center;border-radius:6px;background:var(--accent-soft);color:var(--accent)}
.card{border:1px solid var(--line);border-radius:10px;padding:16px;gap:4px}
.amount{font-size:2.25rem;font-weight:700;line-height:1.1;font-variant-numeric:tabular-nums}
.balance{display:flex;justify-content:space-between;gap:12px}
.muted,footer{color:var(--muted)}
.test,.refused,.inbox{padding:8px 12px;border-radius:10px}
.test{max-inline-size:480px;margin:0 auto;background:var(--warn-soft);color:var(--warn);font-weight:600}
.inbox{background:var(--warn-soft);color:var(--warn)}
.refused{background:var(--bad-soft);color:var(--bad)}
button{min-block-size:48px;padding:10px 16px;border:1px solid var(--accent);border-radius:10px;background:var(--accent);color:var(--on-accent);font:inherit;font-weight:700;cursor:pointer}
button.second{background:transparent;color:var(--accent)}
button.small{min-block-size:36px;padding:4px 12px;font-weight:400}
button:disabled{opacity:.6;cursor:default}
label{display:grid;gap:4px}
input{min-block-size:48px;padding:8px 12px;border:1px solid var(--field);border-radius:10px;background:var(--surface);color:var(--text);font:inherit;inline-size:100%}
ul{padding:0;list-style:none;display:grid;gap:8px}
li{display:flex;justify-content:space-between;align-items:center;gap:12px}
a{color:var(--accent);padding-block:8px;display:inline-block}
summary{min-block-size:40px;padding-block:8px;cursor:pointer}
details[open]>summary{margin-block-end:8px}
form+form{margin-block-start:16px}
.code{font:700 1.25rem/1.6 ui-monospace,monospace;text-align:center;border:1px dashed var(--field);border-radius:10px;padding:12px}
:focus-visible{outline:2px solid light-dark(#0b57d0,#8ab4f8);outline-offset:2px}
@media(prefers-contrast:more){:root{--line:light-dark(#4b5563,#c7cdd6);--muted:var(--text)}}
@media(forced-colors:active){main,.card,.test,.refused{border:1px solid CanvasText}}
@media print{body{background:#fff}main{border:0}button,details,a{display:none!important}}
`;

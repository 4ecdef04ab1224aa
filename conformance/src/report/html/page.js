'use strict';
const find = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];

// Clauses are shown that have the word, the profile and one of the states; no state is every state.
const form = find('#filter');
const clauses = all('.clause').map((card) => ({ card, text: card.textContent.toLowerCase() }));
function apply() {
  const words = find('#search').value.toLowerCase().split(/\s+/).filter(Boolean);
  const profile = find('#profile').value;
  const states = all('#filter input:checked').map((box) => box.value);
  let shown = 0;
  for (const { card, text } of clauses) {
    const fits = (!profile || card.dataset.profile === profile)
      && (!states.length || states.includes(card.dataset.state))
      && words.every((word) => text.includes(word));
    card.hidden = !fits;
    shown += fits;
  }
  find('#shown').textContent = `${shown} of ${clauses.length} clauses`;
}
form.hidden = false;
form.addEventListener('input', apply);
form.addEventListener('reset', () => setTimeout(apply));
form.addEventListener('submit', (event) => event.preventDefault());

const toggle = find('#toggle');
toggle.addEventListener('click', () => {
  const open = toggle.textContent === 'Open all';
  for (const { card } of clauses) card.open = open;
  toggle.textContent = open ? 'Close all' : 'Open all';
});

// A link into the page opens what it leads to, even where a filter had hidden it.
function reveal() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.hidden) form.reset();
  if (target.hidden !== undefined) target.hidden = false;
  if (target.tagName === 'DETAILS') target.open = true;
  target.scrollIntoView();
}
addEventListener('hashchange', reveal);
apply();
reveal();

// Where the clipboard may not be used, the line is selected instead, for people to copy.
for (const button of all('.copy')) {
  const line = button.previousElementSibling;
  button.hidden = false;
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(line.textContent);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(line);
      button.textContent = 'Selected';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  });
}

// On paper, everything that is shown is open.
let closed = [];
addEventListener('beforeprint', () => {
  closed = all('details:not([open])');
  for (const one of closed) one.open = true;
});
addEventListener('afterprint', () => { for (const one of closed) one.open = false; });

// The page: makes the parts, and shows the state again whenever it has changed.

import { Client } from './client.js';
import { Composer } from './composer.js';
import { $ } from './elements.js';
import { Sidebar } from './sidebar.js';
import { currentLanguage, labelPage, setLanguage, t } from './texts.js';
import { Thread } from './thread.js';

let waiting = false;

// Many changes, one rendering. A hidden page gets no animation frames, but its title still counts the unread.
function changed(now = false) {
  if (now) return render();
  if (waiting) return;
  waiting = true;
  const go = () => { waiting = false; render(); };
  if (document.hidden) setTimeout(go, 100);
  else requestAnimationFrame(go);
}

const client = new Client(changed);
const views = [new Sidebar(client), new Thread(client), new Composer(client)];
const { session } = client;
let entered = false; // is the chat on the screen?
let lastState;

function render() {
  entered = session.state === 'online' || (session.state !== 'out' && session.lasting);
  renderLogin();
  $('chat').hidden = !entered;
  $('chat').dataset.pane = client.current ? 'thread' : 'sidebar'; // which one a narrow screen shows
  $(entered ? 'chat-language' : 'login-language').append($('language-label'));
  if (entered) views.forEach((view) => view.render());
  renderBanner();
  $('notice').hidden = client.notice === '';
  $('notice').textContent = client.notice;
  const unread = client.chats.unread();
  document.title = unread > 0 && entered ? `(${unread}) imtw` : 'imtw';
}

function renderLogin() {
  $('login').hidden = entered;
  const busy = session.state === 'connecting';
  $('login-button').disabled = busy;
  $('login-button').textContent = t(busy ? 'signingIn' : 'signIn');
  if (session.state === 'out') $('login-error').textContent = session.reason ? t(session.reason) : '';
  if (session.state === 'out' && lastState !== 'out') {
    $('login-name').value ||= session.me;
    $($('login-name').value ? 'login-password' : 'login-name').focus();
  }
  lastState = session.state;
}

function renderBanner() {
  $('banner').hidden = session.state === 'online';
  const seconds = Math.max(0, Math.ceil((session.retryAt - Date.now()) / 1000));
  $('banner-text').textContent = session.state === 'waiting' ? t('bannerWaiting', seconds) : t('bannerConnecting');
  $('retry-button').hidden = session.state !== 'waiting';
}

$('login-form').onsubmit = (event) => {
  event.preventDefault();
  const name = $('login-name').value.trim();
  const password = $('login-password').value;
  if (!name || !password) {
    $('login-error').textContent = t('needBoth');
    return;
  }
  $('login-password').value = '';
  $('login-error').textContent = '';
  session.login(name, password);
};

$('retry-button').onclick = () => session.retry();
$('language').value = currentLanguage();
$('language').onchange = (event) => {
  setLanguage(event.target.value);
  labelPage();
  changed();
};

setInterval(() => { if (session.state === 'waiting') renderBanner(); }, 1000);
labelPage();
session.resume();

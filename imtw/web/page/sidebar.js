// The left side: who I am, my groups, and the people I can write to.

import { $, make, paintAvatar, showList } from './elements.js';
import { t } from './texts.js';

const MOST_PEOPLE = 300; // shown; the rest is found by typing

export class Sidebar {
  #client;

  constructor(client) {
    this.#client = client;
    $('logout-button').onclick = () => client.session.logout();
    $('find-person').oninput = () => this.render();
    $('find-form').onsubmit = (event) => {
      event.preventDefault();
      $('people').querySelector('button')?.click();
    };
    $('join-form').onsubmit = (event) => {
      event.preventDefault();
      const id = $('join-group').value.trim();
      if (id) client.join(id);
      $('join-group').value = '';
    };
    $('lists').onclick = (event) => {
      const button = event.target.closest('[data-chat]');
      if (!button) return;
      const [, kind, id] = /^(group|user):(.*)$/s.exec(button.dataset.chat);
      $('find-person').value = '';
      client.open(client.chats.of(kind, id));
    };
  }

  render() {
    const { chats, session } = this.#client;
    paintAvatar($('my-avatar'), session.me, chats.nameOf(session.me));
    $('my-name').textContent = chats.nameOf(session.me);
    const status = t(session.state === 'out' ? 'offline' : session.state);
    if ($('status').textContent !== status) $('status').textContent = status; // else it would be read out again
    $('status').dataset.state = session.state;

    const groups = [...chats.groups.values()].map((group) => chats.of('group', group.id));
    showList($('groups'), groups.map((chat) => this.#item(chat)), create, fill);

    const wanted = $('find-person').value.trim();
    const people = this.#people(wanted);
    const items = people.slice(0, MOST_PEOPLE).map((id) => this.#item(chats.of('user', id), chats.people.get(id)));
    if (wanted && wanted !== chats.me && !people.includes(wanted)) items.push(stranger(wanted));
    showList($('people'), items, create, fill);
    $('people-empty').textContent = items.length > 0 ? '' : t(wanted ? 'nobodyFound' : 'nobodyElse');
    const online = [...chats.people.values()].filter((person) => person.online && person.id !== chats.me).length;
    $('online-count').textContent = online ? t('countOnline', online) : '';
  }

  // Those I talk with first, the latest on top; then who is online; then the others. Each by name.
  #people(wanted) {
    const { chats } = this.#client;
    const talkedTo = [...chats.all.values()].filter((chat) => chat.kind === 'user'
      && (chat.messages.length > 0 || chat === this.#client.current));
    const ids = new Set([...chats.people.keys(), ...talkedTo.map((chat) => chat.id)]);
    ids.delete(chats.me);
    const rank = (id) => [chats.all.get(`user:${id}`)?.changed ?? 0, Number(chats.people.get(id)?.online ?? false)];
    const looksLike = (text) => text.toLowerCase().includes(wanted.toLowerCase());
    return [...ids].filter((id) => looksLike(id) || looksLike(chats.nameOf(id))).map((id) => [id, ...rank(id)])
      .sort((a, b) => b[1] - a[1] || b[2] - a[2] || chats.nameOf(a[0]).localeCompare(chats.nameOf(b[0])))
      .map(([id]) => id);
  }

  #item(chat, person) {
    const { chats, current } = this.#client;
    const last = chat.messages.findLast((message) => !message.recalled);
    const who = last?.from === chats.me ? t('you') : last && chat.kind === 'group' ? chats.nameOf(last.from) : '';
    const item = {
      key: chat.key, id: chat.id, name: this.#client.titleOf(chat), isGroup: chat.kind === 'group',
      preview: last ? `${who ? `${who}: ` : ''}${last.content || t('otherKind')}`.slice(0, 100) : '',
      unread: chat.unread, open: chat === current, online: person?.online ?? false,
    };
    if (!item.preview && !item.isGroup) item.preview = t(item.online ? 'online' : 'offline');
    if (!item.preview) item.preview = t('countOnline', chats.groups.get(chat.id).online.size);
    return { ...item, look: JSON.stringify([Object.values(item), t('unread', 0)]) };
  }
}

const stranger = (id) => ({
  key: `user:${id}`, id, name: t('writeTo', id), known: false, isGroup: false, preview: '', unread: 0,
  look: t('writeTo', id),
});

function create(item) {
  const button = make('button', { type: 'button', className: 'chat-item' },
    make('span', { ariaHidden: 'true' }),
    make('span', { className: 'chat-text' }, make('span', { className: 'chat-name', dir: 'auto' }),
      make('span', { className: 'chat-preview', dir: 'auto' })),
    make('span', { className: 'badge', role: 'img', hidden: true }));
  button.dataset.chat = item.key;
  return make('li', {}, button);
}

function fill(node, item) {
  const button = node.firstChild;
  const [avatar, text, badge] = button.children;
  paintAvatar(avatar, item.id, item.known === false ? item.id : item.name, item.isGroup);
  avatar.classList.toggle('online', Boolean(item.online));
  text.children[0].textContent = item.name;
  text.children[1].textContent = item.preview;
  badge.hidden = item.unread === 0;
  badge.textContent = item.unread > 99 ? '99+' : item.unread;
  badge.setAttribute('aria-label', t('unread', item.unread));
  button.title = item.name === item.id ? '' : item.id;
  button.ariaCurrent = item.open ? 'true' : null;
  button.classList.toggle('away', !item.isGroup && !item.online);
  button.classList.toggle('has-unread', item.unread > 0);
}

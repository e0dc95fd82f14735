// The right side: the open conversation, its messages and who is typing.

import { PAGE } from './chats.js';
import { $, linked, make, paintAvatar, showList } from './elements.js';
import { currentLanguage, dayOf, fullTimeOf, t, timeOf } from './texts.js';

const TOGETHER = 300_000; // ms between two messages of one sender that are shown as one block
const RECALL_FOR = 600_000; // ms after which taking back is not offered; the server decides, and usually sooner
const NEAR = 80; // pixels from the end that still count as "at the end"

export class Thread {
  #client;
  #shown = null; // the conversation on the screen
  #last = null; // its last message there
  #first = null; // its first item there
  #atEnd = true;

  constructor(client) {
    this.#client = client;
    const box = $('messages');
    box.onscroll = () => {
      this.#atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
      if (this.#atEnd) $('jump-latest').hidden = true;
    };
    // A keyboard or a growing composer takes room from below: the end stays in sight.
    new ResizeObserver(() => { if (this.#atEnd) this.#toEnd(); }).observe(box);
    $('jump-latest').onclick = () => this.#toEnd();
    $('load-earlier').onclick = () => client.loadEarlier();
    $('leave-group').onclick = () => client.leave(client.current);
    $('back-button').onclick = () => client.close();
    $('message-list').onclick = (event) => {
      const action = event.target.dataset.action;
      const message = client.current?.messages.find(({ key }) => key === event.target.closest('.message')?.dataset.key);
      if (message && action) client[action](client.current, message);
    };
  }

  render() {
    const chat = this.#client.current;
    $('thread').classList.toggle('closed', chat === null);
    if (chat) {
      this.#renderHeader(chat);
      this.#renderMessages(chat);
    }
    const names = chat ? this.#client.chats.typists(chat) : [];
    $('typing').textContent = names.length > 0 ? t('typing', names) : '';
    this.#shown = chat;
  }

  #renderHeader(chat) {
    const { chats } = this.#client;
    const name = this.#client.titleOf(chat);
    const isGroup = chat.kind === 'group';
    const id = name === chat.id ? '' : ` · ${chat.id}`;
    paintAvatar($('thread-avatar'), chat.id, name, isGroup);
    $('thread-name').textContent = name;
    $('thread-about').textContent = (isGroup ? t('countOnline', chats.groups.get(chat.id)?.online.size ?? 0)
      : t(chats.people.get(chat.id)?.online ? 'online' : 'offline')) + id;
    $('leave-group').hidden = !isGroup;
    $('leave-group').setAttribute('aria-label', t('leaveGroup', name));
    const isNew = chat.messages.length === 0;
    const hasMore = chat.shown < chat.messages.length || !chat.ended;
    $('load-earlier').hidden = isNew || !hasMore;
    $('load-earlier').disabled = chat.loading;
    $('load-earlier').textContent = t(chat.loading ? 'loading' : 'loadEarlier');
    $('beginning').hidden = isNew || hasMore;
    $('empty').hidden = !isNew;
    $('empty-title').textContent = t(isGroup ? 'emptyGroup' : 'emptyUser', name);
    $('empty-text').textContent = t(isGroup ? 'emptyGroupText' : 'emptyUserText');
  }

  #renderMessages(chat) {
    const box = $('messages');
    const fromEnd = box.scrollHeight - box.scrollTop;
    if (this.#atEnd && chat.shown > 4 * PAGE) chat.shown = 2 * PAGE; // hours of chat need not all stay on the screen
    const items = this.#items(chat);
    const last = chat.messages.at(-1);
    const isOther = chat !== this.#shown;
    showList($('message-list'), items, create, fill);
    if (isOther || this.#atEnd || (last !== this.#last && last?.from === this.#client.chats.me)) this.#toEnd();
    else if (items[0]?.key !== this.#first) box.scrollTop = box.scrollHeight - fromEnd; // more was put in above
    else if (last !== this.#last) $('jump-latest').hidden = false;
    this.#first = items[0]?.key;
    this.#last = last;
  }

  #toEnd() {
    $('messages').scrollTop = $('messages').scrollHeight;
    $('jump-latest').hidden = true;
    this.#atEnd = true;
  }

  // Messages with a line at each new day, and one where the unread ones begin.
  #items(chat) {
    const { chats, session } = this.#client;
    const items = [];
    let before = null;
    for (const message of chat.messages.slice(-chat.shown)) {
      const day = dayOf(message.createTime);
      const isNewDay = day !== '' && day !== (before && dayOf(before.createTime));
      if (isNewDay) items.push({ key: `day ${message.key}`, look: day, line: day });
      if (message === chat.firstUnread) items.push({ key: 'new', look: t('newHere'), line: t('newHere'), isNew: true });
      const mine = message.from === chats.me;
      const item = {
        message, mine, name: nickOf(chats, message),
        first: isNewDay || before?.from !== message.from || before.recalled
          || !(message.createTime - before.createTime < TOGETHER),
        withName: chat.kind === 'group' && !mine,
        state: message.state === 'sending' && session.state !== 'online' ? 'queued' : message.state ?? '',
      };
      item.canRecall = mine && ['', 'kept'].includes(item.state) && Date.now() - message.createTime < RECALL_FOR;
      item.key = message.key;
      item.look = JSON.stringify([item.name, item.first, item.state, item.canRecall, message.recalled, message.content,
        message.createTime, currentLanguage()]);
      items.push(item);
      before = message;
    }
    return items;
  }
}

function create(item) {
  if (item.line) return make('div', { className: item.isNew ? 'line new' : 'line' });
  const node = make('article', {});
  Object.assign(node.dataset, { id: item.message.id, key: item.message.key });
  return node;
}

function fill(node, item) {
  if (item.line) {
    node.textContent = item.line;
    return;
  }
  const { message, mine, first, state } = item;
  node.className = ['message', mine && 'mine', first && 'first', state, message.recalled && 'recalled']
    .filter(Boolean).join(' ');
  if (message.recalled) {
    node.replaceChildren(make('p', { className: 'line' }, mine ? t('recalled') : t('recalledBy', item.name)));
    return;
  }
  const body = make('div', { className: 'message-body' });
  if (first && item.withName) body.append(nameOf(item));
  const text = make('div', { className: 'message-text', dir: 'auto' }, ...kindOf(message), ...linked(message.content));
  body.append(make('div', { className: 'message-row' }, text, footOf(item)));
  node.replaceChildren(body);
  if (item.withName) node.prepend(first ? avatarOf(item) : make('span', { className: 'avatar blank' }));
}

// What the server calls somebody, or what the message says if the server knows no name.
function nickOf(chats, message) {
  const name = chats.nameOf(message.from);
  return name === message.from ? message.nick || name : name;
}

const avatarOf = (item) => paintAvatar(make('span', { ariaHidden: 'true' }), item.message.from, item.name);

// A nick can be anybody's; the id beside it cannot.
const nameOf = ({ name, message }) => make('div', { className: 'message-from' }, make('bdi', {}, name),
  ...(name === message.from ? [] : [' ', make('bdi', { className: 'message-id' }, message.from)]));

const kindOf = ({ msgType }) => (msgType === 0 ? []
  : [make('span', { className: 'kind' }, t('kinds')[msgType] ?? t('otherKind')), ' ']);

function footOf({ message, state, canRecall }) {
  const time = make('time', { title: fullTimeOf(message.createTime) }, timeOf(message.createTime));
  const foot = make('div', { className: 'message-foot' }, time);
  if (state && state !== 'sending') foot.append(make('span', { className: 'message-state' }, t(state)));
  if (state === 'failed') foot.append(action('retry', t('retry')));
  if (canRecall) foot.prepend(action('recall', t('recall'), t('recallThis', message.content.slice(0, 40))));
  return foot;
}

function action(name, text, label = text) {
  const button = make('button', { type: 'button', className: `quiet ${name}`, ariaLabel: label }, text);
  button.dataset.action = name;
  return button;
}

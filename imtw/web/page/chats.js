// What the page knows: people, groups, and conversations with their messages. No sockets and no elements here.

import { placeOf, randomId, readMessage } from './wire.js';

export const PAGE = 50; // messages shown at first, and more at each "load earlier"
const MOST_KEPT = 3_000; // messages of one conversation in memory
const TYPING_FOR = 5_000; // ms
const SMALL = 65_536; // characters

export class Chats {
  people = new Map(); // id -> {id, nick, online}; Maps throughout, because "__proto__" is a possible id
  groups = new Map(); // id -> {id, name, online: Set of user ids}
  all = new Map(); // key -> conversation
  me = '';
  #count = 0;

  constructor(me) {
    this.me = me;
  }

  /** The conversation with a group or a user, made at its first mention. */
  of(kind, id) {
    const key = `${kind}:${id}`;
    if (!this.all.has(key)) {
      this.all.set(key, {
        key, kind, id, messages: [], unread: 0, firstUnread: null, draft: '', typing: new Map(),
        shown: PAGE, ended: false, loading: false, loadedAt: 0, changed: 0,
      });
    }
    return this.all.get(key);
  }

  nameOf(id) {
    return this.people.get(id)?.nick || id;
  }

  groupName(id) {
    return this.groups.get(id)?.name || id;
  }

  /** A user object of the server's, seen online or not. */
  meet(user, online) {
    if (typeof user?.id !== 'string' || user.id === '') return;
    this.people.set(user.id, { id: user.id, nick: String(user.nick || user.id), online });
  }

  /** The answer to "get user": who is online (the whole truth), or with ALL everybody, with a status each. */
  takeUsers(data, all) {
    if (!all) {
      for (const person of this.people.values()) person.online = false;
      const joined = (data.groups ?? []).map((group) => String(group.group_id));
      for (const id of this.groups.keys()) if (!joined.includes(id)) this.groups.delete(id);
    }
    for (const group of data.groups ?? []) {
      const id = String(group.group_id);
      const known = this.groups.get(id);
      const online = all ? known?.online : (group.users ?? []).map((user) => user?.id);
      this.groups.set(id, { id, name: String(group.name || id), online: new Set(online) });
    }
    for (const circle of [...(data.groups ?? []), ...(data.friends ?? [])]) {
      for (const user of circle.users ?? []) {
        const isOnline = user?.status === 'online' || this.people.get(user?.id)?.online;
        this.meet(user, Boolean(all ? isOnline : user?.status !== 'offline'));
      }
    }
  }

  /** The body of a push, or one pending message. Its conversation, or null if the message was there already. */
  receive(body) {
    const chat = this.of(...placeOf(body, this.me));
    const message = readMessage(body);
    chat.typing.delete(message.from);
    const known = this.#find(chat.messages, message);
    if (known) {
      this.#update(known, message);
      return null;
    }
    chat.messages.push(this.#keyed(message));
    chat.changed = Date.now();
    chat.shown += 1; // the window's upper edge stays where it is
    if (chat.messages.length > MOST_KEPT) {
      chat.messages.splice(0, chat.messages.length - MOST_KEPT);
      chat.ended = false;
    }
    return chat;
  }

  /** A message of our own, on its way. */
  write(chat, content) {
    const message = this.#keyed({
      id: randomId(), from: this.me, nick: '', content, createTime: Date.now(), msgType: 0,
      state: 'sending', ours: true,
    });
    chat.messages.push(message);
    chat.shown += 1;
    chat.changed = Date.now();
    return message;
  }

  /** The newest page of the history has come; SEEN are the messages there were when it was asked for. */
  takeNewest(chat, bodies, seen) {
    const page = this.#pageOf(chat, bodies);
    const inPage = new Set(page);
    const firstShared = seen.findIndex((message) => inPage.has(message));
    // With nothing shared there is a gap before the page: what is older is forgotten here and loaded again on demand.
    const older = firstShared < 0 ? [] : seen.slice(0, firstShared);
    const known = new Set(seen);
    const newer = chat.messages.filter((message) => !inPage.has(message)
      && (!known.has(message) || message.state === 'sending' || message.state === 'failed'));
    chat.messages = [...older, ...page, ...newer];
    chat.ended = older.length === 0 ? isWhole(bodies) : chat.ended;
    chat.changed = Math.max(chat.changed, page.at(-1)?.createTime || 0);
  }

  takeEarlier(chat, bodies) {
    const known = new Set(chat.messages);
    const earlier = this.#pageOf(chat, bodies).filter((message) => !known.has(message));
    chat.messages = [...earlier, ...chat.messages];
    chat.shown += Math.min(PAGE, earlier.length);
    chat.ended = earlier.length === 0 || isWhole(bodies);
  }

  /**
   * The time from which to ask for earlier messages. Times are written by the senders' clocks, so one message can be
   * years off; the median of the first few is not. What comes twice is dropped.
   */
  earliest(chat) {
    const times = chat.messages.slice(0, 21).map((message) => message.createTime).filter(Number.isFinite);
    return times.sort((a, b) => a - b)[times.length >> 1] ?? Date.now();
  }

  /** A message was taken back, by us or by its sender. */
  takeBack(chat, message) {
    Object.assign(message, { recalled: true, content: '' });
    if (chat.firstUnread === message) chat.firstUnread = null;
  }

  /** The body of a push that says so. */
  hearRecall(body) {
    const chat = this.of(...placeOf({ ...body, chatType: body.group_id == null ? 2 : 1 }, this.me));
    const message = chat.messages.findLast(({ id, from }) => id === body.id && from === body.from);
    if (message) this.takeBack(chat, message);
  }

  /** Somebody types. The names are asked for again when this has run out. */
  hearTyping(body) {
    if (body.from === this.me) return null;
    const chat = body.group == null ? this.of('user', String(body.from)) : this.of('group', String(body.group));
    chat.typing.set(String(body.from), Date.now() + TYPING_FOR);
    return TYPING_FOR;
  }

  typists(chat) {
    const now = Date.now();
    return [...chat.typing].filter(([, until]) => until > now).map(([id]) => this.nameOf(id));
  }

  markUnread(chat) {
    if (chat.unread === 0) chat.firstUnread = chat.messages.at(-1);
    chat.unread += 1;
  }

  unread() {
    return [...this.all.values()].reduce((sum, chat) => sum + chat.unread, 0);
  }

  #keyed(message) {
    this.#count += 1;
    return Object.assign(message, { key: `m${this.#count}` });
  }

  #pageOf(chat, bodies) {
    return bodies.map(readMessage).map((message) => {
      const known = this.#find(chat.messages, message);
      return known ? this.#update(known, message) : this.#keyed(message);
    });
  }

  // Sender and id name a message; but old clients use an id again for other words, and those are another message.
  // One of ours that the server has not shown us yet is known by its id alone: a filter may have changed its words.
  #find(messages, { id, from, content }) {
    const isIt = (known) => known.id === id && known.from === from && (known.ours || known.content === content);
    return id === '' ? undefined : messages.findLast(isIt);
  }

  #update(known, { content, createTime }) {
    Object.assign(known, { content: known.recalled ? '' : content, createTime, ours: false });
    if (known.state === 'failed') known.state = '';
    return known;
  }
}

// The server cuts an answer by number or by size; one that is small in both was all there is.
const isWhole = (bodies) => bodies.length < PAGE && JSON.stringify(bodies).length < SMALL;

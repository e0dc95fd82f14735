// The words of the wire: J-IM's command and status codes, and the frames the page sends.

import { lasting } from './storage.js';

/** Let the server tell this browser from the user's other ones. Off: the server treats the page as any J-IM client. */
const SEND_DEVICE = true;

export const COMMAND = {
  login: 5, loginReply: 6, join: 7, joinReply: 8, joined: 9, left: 10, chat: 11, chatReply: 12, heartbeat: 13,
  close: 14, recall: 15, recallReply: 16, users: 17, usersReply: 18, messages: 19, messagesReply: 20,
  leave: 100, received: 101, typing: 104, revoke: 118, token: 119,
};

const CODES_OF_OK = [10000, 10100]; // of what J-IM knows, and of what it does not

export const CODE = {
  ok: 10000, recipientOffline: 10001, loginOk: 10007, joinOk: 10011, noMessages: 10015, unknownCommand: 10017,
};

export const isOk = (reply) => CODES_OF_OK.includes(reply?.code);

const GROUP = 1;
const PRIVATE = 2;

/** Random hex, as J-IM's message ids look. (crypto.randomUUID is missing on pages served without TLS.) */
export function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function device() {
  if (!lasting.get('device')) lasting.set('device', randomId());
  return lasting.get('device') ?? randomId();
}

// Three commands, three spellings of "the other side": that is how J-IM has them.
const target = (chat) => (chat.kind === 'group' ? { group_id: chat.id } : { to: chat.id });
const typingTarget = (chat) => (chat.kind === 'group' ? { group: chat.id } : { to: chat.id });
const historyTarget = (chat) => (chat.kind === 'group' ? { groupId: chat.id } : { fromUserId: chat.id });

/** SECRET is {password} or {token}. */
export const login = (name, secret) => ({
  cmd: COMMAND.login, loginname: name, ...secret, ...(SEND_DEVICE ? { device: device() } : {}),
});
export const revoke = (token) => ({ cmd: COMMAND.revoke, token });
export const askToken = () => ({ cmd: COMMAND.token });
export const close = () => ({ cmd: COMMAND.close });
export const heartbeat = () => ({ cmd: COMMAND.heartbeat });
export const onlineUsers = (me) => ({ cmd: COMMAND.users, type: 0, userid: me });
export const allUsers = (me) => ({ cmd: COMMAND.users, type: 2, userid: me });
export const pending = (me) => ({ cmd: COMMAND.messages, type: 0, userId: me });
export const join = (group) => ({ cmd: COMMAND.join, group_id: group });
export const leave = (group) => ({ cmd: COMMAND.leave, group });
export const received = (place, seq) => ({ cmd: COMMAND.received, ...place, seq });
export const placeFor = (body, me) => (body.group_id === undefined
  ? { to: String(body.from === me ? body.to : body.from) } : { group: String(body.group_id) });
export const typing = (chat) => ({ cmd: COMMAND.typing, ...typingTarget(chat) });
export const recall = (chat, id) => ({ cmd: COMMAND.recall, id, ...target(chat) });

/** The newest messages of CHAT, or the newest that are not younger than UNTIL (ms). */
export const history = (me, chat, until) => ({
  cmd: COMMAND.messages, type: 1, userId: me, ...historyTarget(chat),
  ...(until === undefined ? {} : { beginTime: 0, endTime: until }),
});

export const chat = (to, message) => ({
  cmd: COMMAND.chat, chatType: to.kind === 'group' ? GROUP : PRIVATE, ...target(to), msgType: 0,
  content: message.content, id: message.id, createTime: message.createTime,
});

const text = (value) => (typeof value === 'string' ? value : value == null ? '' : JSON.stringify(value));

/** A message as the page keeps it, from a push or the history. Other clients wrote it: nothing about it is sure. */
export const readMessage = (body) => ({
  id: text(body.id),
  from: text(body.from),
  nick: text(body.nick),
  content: text(body.content),
  createTime: Number(body.createTime),
  msgType: Number(body.msgType ?? 0),
});

/** Which conversation the body of a push belongs to, seen by ME: its kind and the id of the other side. */
export function placeOf(body, me) {
  if (Number(body.chatType) === GROUP) return ['group', text(body.group_id)];
  return ['user', text(body.from) === me ? text(body.to) : text(body.from)];
}

// Every word the page says, in both languages, and dates as each language writes them.

import { lasting } from './storage.js';

const LANGUAGES = ['en', 'zh'];

const TEXTS = { // [English, Chinese]
  tagline: ['Sign in and say hello', '登录，打个招呼吧'],
  name: ['Name', '用户名'],
  password: ['Password', '密码'],
  signIn: ['Sign in', '登录'],
  signingIn: ['Signing in…', '正在登录…'],
  signInHint: ['New here? Pick a name: your first sign-in creates the account with this password.',
    '第一次来？随便取个名字，首次登录会用这个密码创建账号。'],
  signOut: ['Sign out', '退出登录'],
  language: ['Language', '语言'],
  wrong: ['That name and password do not match.', '用户名或密码不正确。'],
  expired: ['Your session has ended. Please sign in again.', '登录已失效，请重新登录。'],
  again: ['The connection was lost. Please sign in again.', '连接已断开，请重新登录。'],
  unreachable: ['The server cannot be reached. Please try again in a moment.', '无法连接服务器，请稍后再试。'],
  needBoth: ['Please enter a name and a password.', '请输入用户名和密码。'],
  online: ['Online', '在线'],
  offline: ['Offline', '离线'],
  connecting: ['Connecting…', '连接中…'],
  waiting: ['Reconnecting…', '正在重新连接…'],
  bannerConnecting: ['Connecting to the server…', '正在连接服务器…'],
  bannerWaiting: [(n) => `Connection lost. Trying again in ${n} s. What you write is sent when you are back.`,
    (n) => `连接已断开，${n} 秒后重试。现在写的消息会在恢复后发送。`],
  retryNow: ['Try now', '立即重试'],
  conversations: ['Conversations', '会话'],
  groups: ['Groups', '群组'],
  people: ['People', '联系人'],
  lobby: ['Lobby', 'J-IM朋友圈'],
  joinHint: ['Join or start a group by id', '输入群号加入或新建群组'],
  join: ['Join group', '加入群组'],
  joined: [(name) => `You joined ${name}.`, (name) => `已加入 ${name}。`],
  joinFailed: [(name, why) => `${name} ${{ 2: 'does not exist', 3: 'is full', 4: 'does not admit you',
    5: 'has removed you' }[why] ?? 'could not be joined'}.`,
    (name, why) => `${name} ${{ 2: '不存在', 3: '人数已满', 4: '已将你拉黑', 5: '已将你移出' }[why] ?? '无法加入'}。`],
  leave: ['Leave', '退出'],
  leaveGroup: [(name) => `Leave ${name}`, (name) => `退出 ${name}`],
  left: [(name) => `You left ${name}.`, (name) => `已退出 ${name}。`],
  leaveFailed: [(name) => `Could not leave ${name}.`, (name) => `无法退出 ${name}。`],
  findHint: ['Find or write to someone', '查找或给某人写消息'],
  writeTo: [(name) => `Write to “${name}”`, (name) => `给“${name}”写消息`],
  nobodyElse: ['Nobody else is here yet. Share the address of this page.', '这里还没有别人，把本页地址分享给朋友吧。'],
  nobodyFound: ['No one here matches.', '没有找到相符的人。'],
  countOnline: [(n) => `${n} online`, (n) => `${n} 人在线`],
  unread: [(n) => `${n} unread`, (n) => `${n} 条未读`],
  back: ['Back to conversations', '返回会话列表'],
  nothingOpen: ['Choose a conversation to start.', '选择一个会话开始聊天。'],
  messages: ['Messages', '消息'],
  loadEarlier: ['Load earlier messages', '加载更早的消息'],
  loading: ['Loading…', '加载中…'],
  loadFailed: ['Earlier messages could not be loaded.', '无法加载更早的消息。'],
  beginning: ['This is where the conversation begins.', '会话从这里开始。'],
  jumpLatest: ['New messages ↓', '新消息 ↓'],
  newHere: ['New', '新消息'],
  emptyGroup: [(name) => `Welcome to ${name}`, (name) => `欢迎来到 ${name}`],
  emptyGroupText: ['It is quiet here. Write the first message: everybody in this group will see it.',
    '这里还很安静。发出第一条消息吧，群里的每个人都能看到。'],
  emptyUser: [(name) => `Say hello to ${name}`, (name) => `和 ${name} 打个招呼吧`],
  emptyUserText: ['Only the two of you can see what you write here. If they are away, it is kept for them.',
    '这里的内容只有你们两人能看到。对方不在线时，消息会为其保留。'],
  writeHint: ['Write a message', '输入消息'],
  send: ['Send', '发送'],
  you: ['You', '我'],
  sending: ['Sending…', '发送中…'],
  queued: ['Will be sent when you are back online', '恢复连接后发送'],
  kept: ['They are away; it is kept for them', '对方不在线，消息已保留'],
  failed: ['Not sent.', '发送失败。'],
  retry: ['Try again', '重试'],
  recall: ['Recall', '撤回'],
  recallThis: [(text) => `Recall message: ${text}`, (text) => `撤回消息：${text}`],
  recalled: ['You recalled a message', '你撤回了一条消息'],
  recalledBy: [(name) => `${name} recalled a message`, (name) => `${name} 撤回了一条消息`],
  recallFailed: ['This message cannot be recalled (any more).', '这条消息无法撤回，可能已超过时限。'],
  kinds: [['', 'Image', 'Voice', 'Video', 'Music', 'News'], ['', '图片', '语音', '视频', '音乐', '图文']],
  otherKind: ['Attachment', '附件'],
  typing: [(names) => (names.length > 2 ? 'Several people are typing…'
    : `${names.join(' and ')} ${names.length > 1 ? 'are' : 'is'} typing…`),
    (names) => (names.length > 2 ? '好几个人正在输入…' : `${names.join('、')} 正在输入…`)],
  today: ['Today', '今天'],
  yesterday: ['Yesterday', '昨天'],
};

let language = lasting.get('language');
if (!LANGUAGES.includes(language)) language = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';

export const currentLanguage = () => language;

export function setLanguage(name) {
  language = name;
  lasting.set('language', name);
}

/** The text named KEY, with its blanks filled in. */
export function t(key, ...values) {
  const text = TEXTS[key][LANGUAGES.indexOf(language)];
  return typeof text === 'function' ? text(...values) : text;
}

/** Write the words of the page itself: what an element says, its label, its placeholder. */
export function labelPage() {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  for (const node of document.querySelectorAll('[data-text]')) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll('[data-label]')) {
    node.setAttribute('aria-label', t(node.dataset.label));
    if (node.tagName === 'BUTTON') node.title = t(node.dataset.label);
  }
  for (const node of document.querySelectorAll('[data-hint]')) node.placeholder = t(node.dataset.hint);
}

const formats = new Map();

function formatted(ms, options) {
  const key = language + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(document.documentElement.lang, options));
  return formats.get(key).format(ms);
}

// The sender's clock wrote these times; Intl throws at a number no date can have.
const isDate = (ms) => Number.isFinite(ms) && Math.abs(ms) <= 8.64e15;

export const timeOf = (ms) => (isDate(ms) ? formatted(ms, { hour: 'numeric', minute: '2-digit' }) : '');

export const fullTimeOf = (ms) => (isDate(ms) ? formatted(ms, { dateStyle: 'full', timeStyle: 'medium' }) : '');

export function dayOf(ms) {
  if (!isDate(ms)) return '';
  const day = new Date(ms).toDateString();
  if (day === new Date().toDateString()) return t('today');
  if (day === new Date(Date.now() - 864e5).toDateString()) return t('yesterday');
  const thisYear = new Date(ms).getFullYear() === new Date().getFullYear();
  return formatted(ms, { weekday: 'short', month: 'long', day: 'numeric', year: thisYear ? undefined : 'numeric' });
}

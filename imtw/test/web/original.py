"""
A page of an operator's own that talks as the one of J-IM's demo does
(docs/wire/jim.rst): scripts in the page, its server in two fields, private
texts and history by name, and 17 again whenever somebody comes or goes.
"""

from __future__ import annotations

from pathlib import Path

INDEX = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>demo</title>
<link rel="stylesheet" href="./static/css/demo.css">
<script src="./static/js/date.js"></script>
</head><body>
<input id="serverIp" value="localhost"><input id="port" value="8888">
<input id="username"><input id="password" value="123">
<button id="connect" onclick="connect()">connect</button>
<div id="state"></div><div id="users"></div><div id="lines"></div><img src="/static/demo.png" alt="">
<script>
var socket, me, user;
function el(id) { return document.getElementById(id); }
function show(text) { var line = document.createElement('p'); line.innerText = text; el('lines').appendChild(line); }
function send(body) { socket.send(JSON.stringify(body)); }
function connect() {
  me = el('username').value || String(new Date().getTime());
  socket = new WebSocket('ws:' + el('serverIp').value + ':' + el('port').value +
    '?username=' + me + '&password=' + el('password').value);
  socket.onmessage = function (e) { take(eval('(' + e.data + ')')); };
  socket.onclose = function () { el('state').innerText = 'closed'; };
}
function look() { send({cmd: 17, type: '0', userid: me}); }
function take(packet) {
  var data = packet.data;
  switch (packet.command) {
  case 6:
    el('state').innerText = packet.code;
    if (packet.code == 10007) { look(); send({cmd: 19, type: '0', userId: me}); }
    break;
  case 9: case 10:
    if (user) { show((packet.command == 9 ? 'join ' : 'exit ') + data.user.nick + ' ' + data.user.id); look(); }
    break;
  case 11:
    if (data.from != me) { show(formatDate(data.createTime) + ' ' + data.from + ': ' + data.content); }
    break;
  case 12: if (packet.code != 10000) { show('12 ' + packet.code); } break;
  case 18:
    user = data;
    el('users').innerText = '';
    for (var g = 0; g < data.groups.length; g++) {
      for (var u = 0; u < data.groups[g].users.length; u++) {
        var one = data.groups[g].users[u];
        el('users').innerText += ' ' + data.groups[g].name + '/' + one.id + '/' + one.nick;
      }
    }
    break;
  case 20:
    if (packet.code == 10016 || packet.code == 10018) {
      var kinds = ['friends', 'groups'];
      for (var k = 0; data && k < 2; k++) {
        for (var who in data[kinds[k]]) {
          var list = data[kinds[k]][who];
          for (var m = 0; m < list.length; m++) {
            show(packet.code + ' ' + list[m].from + ' ' + (list[m].group_id || '') + ': ' + list[m].content +
              ' ' + (list[m].createTime > 0));
          }
        }
      }
    }
    break;
  case 4: case 13: show('raw ' + packet.command); break;
  default: show('unknown ' + JSON.stringify(packet));
  }
}
function whisper(to, text) {
  send({from: me, to: to, cmd: 11, createTime: new Date().getTime(), chatType: '2', msgType: '0', content: text});
}
function speak(text) {
  send({from: me, createTime: new Date().getTime(), cmd: 11, group_id: '100', chatType: '1', msgType: '0',
    content: text});
}
function auth() { send({cmd: 3, token: '校验码'}); }
function beat() { send({cmd: 13, hbbyte: '-127'}); }
function history(id) { send({cmd: 19, type: '1', fromUserId: id, userId: me}); }
function groupHistory(id) { send({cmd: 19, type: '1', groupId: id, userId: me}); }
</script>
</body></html>
"""

FILES = {
    "index.html": INDEX.encode(),
    "static/js/date.js": b"function formatDate(ms) { return new Date(ms).getTime() === ms ? 'at' : 'never'; }\n",
    "static/css/demo.css": b"#state { color: rgb(1, 2, 3); }\n",
    "static/demo.png": bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
        "0000000049454e44ae426082"
    ),
    "favicon.ico": b"",
    ".htpasswd": b"secret",
    "notes": b"<script>alert(1)</script>",
    ".well-known/security.txt": b"Contact: us\n",
}


def writePage(folder: str) -> str:
    """
    Put the page into a folder; its path.
    """
    for name, content in FILES.items():
        file = Path(folder, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder

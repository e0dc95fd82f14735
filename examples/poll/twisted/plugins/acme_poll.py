from imtw.plugin import HandlerMaker

poll = HandlerMaker("poll", "acme_poll.PollHandler", "ask a group something, vote, see the tally")

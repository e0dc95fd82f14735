A user has at most 100 login tokens (``--limit tokensPerUser``); who asked for one after the other made every further one slower, for everybody.

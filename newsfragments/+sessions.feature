The limit ``sessionsPerUser`` says how many logins a user may have at a time; past it the first ones end.

Users have friends, in every dialect: invitations, agreement, parting and a list (commands 105 to 107 and 122).

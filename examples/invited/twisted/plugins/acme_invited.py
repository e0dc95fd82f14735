from imtw.plugin import HandlerMaker, PolicyMaker

letIn = HandlerMaker("let-in", "acme_invited.InviteHandler", "let somebody into a closed group")
invited = PolicyMaker("invited", "acme_invited.Invited", "only who was invited joins a group called closed-...")
